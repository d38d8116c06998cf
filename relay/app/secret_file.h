/* A file that holds one secret: the operator's token, what a TURN server shares with the relay. One meaning for all of them: one
 * line of printable text, which may end in a line feed, in a regular file that nobody else on the machine can reach. */
#ifndef RELAY_APP_SECRET_FILE_H
#define RELAY_APP_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SECRET_FILE_MAX = 510 }; /* characters, of any */

/* May others than the owner and the group do anything with a file of this mode? */
bool secret_file_is_open(mode_t mode);

/* The secret, of `min` to `max` (at most SECRET_FILE_MAX) characters, with a NUL. NULL, or what is wrong; nothing is written
 * then. Whoever has it clears it. */
const char *secret_file_read(const char *path, size_t min, size_t max,
                             char ret_text[static SECRET_FILE_MAX + 1]);

#endif
