/* Files that come to be beside the database, or where the operator wants a backup. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_NEW_FILE_H
#define RELAY_ADAPTERS_STORE_SQLITE_NEW_FILE_H

/* Makes an empty file that only its owner can read. Of root's making it belongs to whom its folder belongs: operators type commands as
 * root, and the relay, whose user is another, must be able to use what they made. An open descriptor, or negative: -EEXIST, ... */
int new_file_create(const char *path);

#endif
