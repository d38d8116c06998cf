/* A folder as a list of files: path, size, SHA-256. Paths are relative, with '/', and never leave the folder: no symbolic link
 * is followed, neither when listing nor when opening. What is not a regular file, or has a path that is not
 * valid, is not listed. */
#ifndef SHARED_SYNC_FOLDER_H
#define SHARED_SYNC_FOLDER_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum { FOLDER_HASH_SIZE = 65 };

struct folder_file {
    char *path;
    uint64_t size_bytes;
    int64_t modified_ns;
    ino_t inode;
    char hash[FOLDER_HASH_SIZE]; /* lower-case hex */
};

static inline int64_t folder_modified_ns(const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
}

struct folder {
    int fd;
    GPtrArray *files;    /* of struct folder_file, sorted by path */
    GHashTable *by_path; /* the same, borrowed */
    uint64_t bytes;
    uint64_t version;     /* grows with each scan that finds the list changed */
    unsigned int skipped; /* names that path_valid() refuses */
};

int folder_open(struct folder *ret_folder, const char *path); /* no files yet. 0 or -errno */
void folder_close(struct folder *folder);

/* Lists it again. A file whose size, time and inode are as before is not read again. 0 or -errno; then the list is as before. */
int folder_scan(struct folder *folder);

/* A descriptor of the subfolder that belongs to this program, which is made if need be; close() it. Or -errno. */
int folder_open_private(const struct folder *folder);

/* A descriptor to read the file, or -errno. */
int folder_open_file(const struct folder *folder, const char *path);

/* Moves `from` of the directory `from_fd` to `path`, in one step; missing folders are made. 0 or -errno. */
int folder_replace(const struct folder *folder, const char *path, int from_fd, const char *from);

#endif
