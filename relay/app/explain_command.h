/* `syncshell-relay explain SESSION`: the story of a recovery in sentences. */
#ifndef RELAY_APP_EXPLAIN_COMMAND_H
#define RELAY_APP_EXPLAIN_COMMAND_H

/* The exit status, after having told it, or why it cannot be told. */
int explain_command(const char *store_path, const char *session_id);

#endif
