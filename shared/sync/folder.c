#include "sync/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/hash.h"
#include "sync/path.h"

enum { DEPTH_MAX = 64, DIRECTORY_MODE = 0777 };

static void file_free(gpointer pointer)
{
    struct folder_file *file = pointer;

    g_free(file->path);
    g_free(file);
}

int folder_open(struct folder *ret_folder, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    *ret_folder = (struct folder){.fd = fd,
                                  .files = g_ptr_array_new_with_free_func(file_free),
                                  .by_path = g_hash_table_new(g_str_hash, g_str_equal)};
    return 0;
}

void folder_close(struct folder *folder)
{
    if (!folder->files)
        return;
    close(folder->fd);
    g_hash_table_unref(folder->by_path);
    g_ptr_array_unref(folder->files);
    *folder = (struct folder){.fd = -1};
}

/* ---- listing ---- */

static int file_hash(int fd, struct folder_file *file)
{
    struct hash *hash = hash_new();
    int r = hash ? hash_add_file(hash, fd, file->size_bytes) : -EIO;

    if (!r)
        r = hash_finish(hash, file->hash);
    hash_free(hash);
    return r;
}

/* Takes `path`. A file that vanished or cannot be read is not there. */
static int list_file(const struct folder *folder, GPtrArray *files, int parent, const char *name,
                     char *takes_path)
{
    struct folder_file *file = g_new0(struct folder_file, 1);
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), r = 0;
    const struct folder_file *known;
    struct stat status;

    file->path = takes_path;
    if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode))
        goto skip;
    file->size_bytes = (uint64_t)status.st_size;
    file->inode = status.st_ino;
    file->modified_ns = folder_modified_ns(&status);
    known = g_hash_table_lookup(folder->by_path, file->path);
    if (known && known->size_bytes == file->size_bytes && known->inode == file->inode &&
        known->modified_ns == file->modified_ns)
        memcpy(file->hash, known->hash, sizeof(file->hash));
    else
        r = file_hash(fd, file);
    if (r == -ENODATA)
        goto skip; /* it shrinks while we read: the next scan sees what became of it */
    close(fd);
    g_ptr_array_add(files, file);
    return r;
skip:
    if (fd >= 0)
        close(fd);
    file_free(file);
    return 0;
}

/* What is no file of the user's. */
static bool is_aside(const char *name, const char *path)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(path, PATH_PRIVATE) == 0;
}

/* Takes `fd`. `prefix` is "" or ends in '/'. */
static int list_directory(const struct folder *folder, GPtrArray *files, int takes_fd,
                          const char *prefix, unsigned int depth, unsigned int *skipped)
{
    DIR *directory = fdopendir(takes_fd);
    const struct dirent *entry;
    int r = 0;

    if (!directory) {
        r = -errno;
        close(takes_fd);
        return r;
    }
    while (!r && (errno = 0, entry = readdir(directory))) {
        char *path = g_strconcat(prefix, entry->d_name, NULL);
        struct stat status;

        if (fstatat(takes_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) ||
            is_aside(entry->d_name, path)) {
            g_free(path);
        } else if (!path_valid(path)) {
            ++*skipped;
            g_free(path);
        } else if (S_ISREG(status.st_mode)) {
            r = list_file(folder, files, takes_fd, entry->d_name, path);
        } else {
            if (S_ISDIR(status.st_mode) && depth < DEPTH_MAX) {
                int fd = openat(takes_fd, entry->d_name,
                                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                char *below = g_strconcat(path, "/", NULL);

                if (fd >= 0)
                    r = list_directory(folder, files, fd, below, depth + 1, skipped);
                g_free(below);
            }
            g_free(path);
        }
    }
    if (!r && errno)
        r = -errno;
    closedir(directory);
    return r;
}

static gint compare(gconstpointer left, gconstpointer right)
{
    const struct folder_file *const *a = left, *const *b = right;

    return strcmp((*a)->path, (*b)->path);
}

static bool same(const GPtrArray *left, const GPtrArray *right)
{
    bool equal = left->len == right->len;

    for (guint i = 0; equal && i < left->len; i++) {
        const struct folder_file *a = left->pdata[i], *b = right->pdata[i];

        equal = a->size_bytes == b->size_bytes && strcmp(a->path, b->path) == 0 &&
                strcmp(a->hash, b->hash) == 0;
    }
    return equal;
}

int folder_scan(struct folder *folder)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(file_free);
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    unsigned int skipped = 0;
    int r = fd < 0 ? -errno : list_directory(folder, files, fd, "", 0, &skipped);

    if (r) {
        g_ptr_array_unref(files);
        return r;
    }
    g_ptr_array_sort(files, compare);
    folder->version += !same(folder->files, files);
    g_hash_table_remove_all(folder->by_path);
    g_ptr_array_unref(folder->files);
    folder->files = files;
    folder->bytes = 0;
    folder->skipped = skipped;
    for (guint i = 0; i < files->len; i++) {
        struct folder_file *file = files->pdata[i];

        g_hash_table_insert(folder->by_path, file->path, file);
        folder->bytes += file->size_bytes;
    }
    return 0;
}

/* ---- opening ---- */

/* The folder that holds `path`, and the name in it. A descriptor or -errno. */
static int open_parent(const struct folder *folder, const char *path, bool create,
                       const char **ret_name)
{
    int fd = fcntl(folder->fd, F_DUPFD_CLOEXEC, 0), next;
    const char *slash;

    while (fd >= 0 && (slash = strchr(path, '/'))) {
        char *part = g_strndup(path, (gsize)(slash - path));
        int error = 0;

        if (create && mkdirat(fd, part, DIRECTORY_MODE) && errno != EEXIST)
            error = errno;
        next = error ? -1 : openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (!error && next < 0)
            error = errno;
        close(fd);
        g_free(part);
        if (error)
            return -error;
        fd = next;
        path = slash + 1;
    }
    if (fd < 0)
        return -errno;
    *ret_name = path;
    return fd;
}

int folder_open_file(const struct folder *folder, const char *path)
{
    const char *name = path;
    int parent = open_parent(folder, path, false, &name), fd;

    if (parent < 0)
        return parent;
    fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        fd = -errno;
    close(parent);
    return fd;
}

int folder_replace(const struct folder *folder, const char *path, int from_fd, const char *from)
{
    const char *name = path;
    int parent = open_parent(folder, path, true, &name), r;

    if (parent < 0)
        return parent;
    r = renameat(from_fd, from, parent, name) ? -errno : 0;
    close(parent);
    return r;
}

int folder_open_private(const struct folder *folder)
{
    int fd;

    if (mkdirat(folder->fd, PATH_PRIVATE, DIRECTORY_MODE) && errno != EEXIST)
        return -errno;
    fd = openat(folder->fd, PATH_PRIVATE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
