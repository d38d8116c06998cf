/* Which paths of files are taken, from the other side as well as from this disk: those that every system can hold and none
 * takes for something else. Relative, UTF-8, with '/' between names. Pure. */
#ifndef SHARED_SYNC_PATH_H
#define SHARED_SYNC_PATH_H

#include <stdbool.h>

#define PATH_PRIVATE ".syncshell-sync" /* the subfolder that belongs to this program */

enum { PATH_BYTES_MAX = 1024, PATH_NAME_BYTES_MAX = 255 };

/* Refused: "..", absolute paths, drive letters, backslashes, control characters, names that Windows keeps for itself or cannot
 * hold, and what is below PATH_PRIVATE. */
bool path_valid(const char *path);

/* Equal for paths that a system without regard to case holds for the same. g_free() it. The path must be valid. */
char *path_folded(const char *path);

#endif
