/* `syncshell-relay health` and `syncshell-relay reload`: what the operator asks a relay that runs. */
#ifndef RELAY_APP_ADMIN_COMMAND_H
#define RELAY_APP_ADMIN_COMMAND_H

/* Carry it out on the relay that runs on that database. The exit status, after having said what it answered. */
int health_command(const char *store_path);
int reload_command(const char *store_path);

#endif
