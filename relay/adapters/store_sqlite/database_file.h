/* Opening the database file: for a relay, which holds its lock, and for an operator's command beside one. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_DATABASE_FILE_H
#define RELAY_ADAPTERS_STORE_SQLITE_DATABASE_FILE_H

#include <stddef.h>

struct db;

/* What a restore calls the database that it replaces: this and a time behind its name. Until the new one has its place it has both. */
#define DATABASE_FILE_BEFORE ".before-"

/* The file, created if it is missing, at this program's schema. On failure `ret_reason` says the rest of a sentence that
 * begins with the file's name; db_close() is due in any case. 0 or negative. */
int database_file_open(struct db *ret_db, const char *path, char *ret_reason, size_t reason_size);

/* The same while a relay uses the file: it must exist and have this program's schema already. */
int database_file_open_beside(struct db *ret_db, const char *path, char *ret_reason,
                              size_t reason_size);

/* Says whether the file has no other name than this one, beside which its log and its lock stand: SQLite loses what is in the log
 * of the other. 0 (also when there is none yet) or -EMLINK; `ret_reason` as above. */
int database_file_check_names(const char *path, char *ret_reason, size_t reason_size);

/* Undoes what a restore that did not come to its end has done: the database has its log again, and `kept` is no name of it any
 * more. For whoever holds the lock. 0 or negative. */
int database_file_take_back(const char *path, const char *kept);

/* Makes the name of a new or renamed file survive a power loss, as its content does. 0 or negative. */
int database_file_sync_name(const char *path);

#endif
