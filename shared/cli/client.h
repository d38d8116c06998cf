/* A client made from the command line's options: the state directory's default place, the access key's file. */
#ifndef SHARED_CLI_CLIENT_H
#define SHARED_CLI_CLIENT_H

#include <stddef.h>

#include <syncshell/syncshell.h>

#include "cli/options.h"

enum { CLIENT_PATH_SIZE = 4096, CLIENT_SECRET_SIZE = 4096 };

/* Holds the access key itself, for where a file is unhandy; --access-key-file goes before it. */
#define CLIENT_ACCESS_KEY_ENVIRONMENT "SYNCSHELL_ACCESS_KEY"

/* Where the state is without --state: `state_home`/syncshell (XDG), or `home`/.local/state/syncshell when that is NULL, empty
 * or not absolute. 0, -ENOENT when neither is usable, -ENAMETOOLONG. */
int client_default_state_dir(char ret_path[static CLIENT_PATH_SIZE], const char *state_home,
                             const char *home);

/* Reads the one line of a file, or of the standard input when `path` is "-", into `ret_secret`, without its end and surrounding
 * blanks. 0, or -errno; -EINVAL when it is empty, longer than the buffer or not one line. */
int client_read_secret(const char *path, char ret_secret[static CLIENT_SECRET_SIZE]);

/* What the file of --passphrase-file holds, which must have been given. 0, or -1 after a sentence on stderr. */
int client_read_passphrase(const struct options *options,
                           char ret_passphrase[static CLIENT_SECRET_SIZE]);

/* Starts the client. 0, or -1 after a sentence on stderr. */
int client_open(const struct options *options, syncshell_client **ret_client);

#endif
