/* `syncshell-relay status`: what the status page shows, in a terminal. */
#ifndef RELAY_APP_STATUS_COMMAND_H
#define RELAY_APP_STATUS_COMMAND_H

/* The exit status, after having shown it, or said why not. */
int status_command(const char *store_path);

#endif
