/* `syncshell-relay backup FILE` and `syncshell-relay restore FILE`, on the database file. */
#ifndef RELAY_APP_BACKUP_COMMAND_H
#define RELAY_APP_BACKUP_COMMAND_H

/* Carry it out. The exit status, after having said what was done or what went wrong. */
int backup_command(const char *store_path, const char *file);
int restore_command(const char *store_path, const char *file);

#endif
