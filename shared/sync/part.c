#include "sync/part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/hash.h"
#include "sync/path.h"

enum { META_BYTES_MAX = 16384, NAME_DIGITS = 32, FILE_MODE = 0666 };

struct part {
    const struct folder *folder;
    struct hash *state; /* of the bytes so far */
    char *path;
    uint64_t size_bytes;
    uint64_t have_bytes;
    char hash[FOLDER_HASH_SIZE];
    char name[NAME_DIGITS + 1];
    int directory; /* PATH_PRIVATE */
    int fd;        /* -1: only listed */
};

static char *file_name(const struct part *part, const char *suffix)
{
    return g_strconcat(part->name, suffix, NULL);
}

static void forget(const struct part *part)
{
    char *bytes = file_name(part, ".part"), *meta = file_name(part, ".meta");

    unlinkat(part->directory, bytes, 0);
    unlinkat(part->directory, meta, 0);
    g_free(bytes);
    g_free(meta);
}

void part_free(struct part *part)
{
    if (!part)
        return;
    if (part->fd >= 0)
        close(part->fd);
    if (part->directory >= 0)
        close(part->directory);
    hash_free(part->state);
    g_free(part->path);
    g_free(part);
}

static struct part *part_new(const struct folder *folder)
{
    struct part *part = g_new0(struct part, 1);

    part->folder = folder;
    part->fd = -1;
    part->directory = folder_open_private(folder);
    return part;
}

/* ---- the meta file ---- */

static int meta_read(struct part *part)
{
    char *name = file_name(part, ".meta"), text[META_BYTES_MAX];
    int fd = openat(part->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));
    const char *path, *hash;
    json_int_t bytes;
    json_t *meta = NULL;
    int r = -EINVAL;

    if (size > 0)
        meta = json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
    if (meta &&
        json_unpack(meta, "{s:s, s:s, s:I}", "path", &path, "hash", &hash, "size", &bytes) == 0 &&
        strlen(hash) == FOLDER_HASH_SIZE - 1 && bytes >= 0 && path_valid(path)) {
        part->path = g_strdup(path);
        g_strlcpy(part->hash, hash, sizeof(part->hash));
        part->size_bytes = (uint64_t)bytes;
        r = 0;
    }
    json_decref(meta);
    if (fd >= 0)
        close(fd);
    g_free(name);
    return r;
}

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, text, size);

        if (written < 0)
            return -errno;
        text += written;
        size -= (size_t)written;
    }
    return 0;
}

static int meta_write(const struct part *part)
{
    char *name = file_name(part, ".meta"), *fresh = file_name(part, ".new"), *text;
    json_t *meta = json_pack("{s:s, s:s, s:I}", "path", part->path, "hash", part->hash, "size",
                             (json_int_t)part->size_bytes);
    int fd = openat(part->directory, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    FILE_MODE);
    int r = fd < 0 ? -errno : 0;

    text = meta ? json_dumps(meta, JSON_COMPACT) : NULL;
    if (!r)
        r = text ? write_all(fd, text, strlen(text)) : -ENOMEM;
    if (fd >= 0 && close(fd) && !r)
        r = -errno;
    if (!r && renameat(part->directory, fresh, part->directory, name))
        r = -errno;
    free(text);
    json_decref(meta);
    g_free(name);
    g_free(fresh);
    return r;
}

/* ---- one part ---- */

static bool is_same(const struct part *known, uint64_t size_bytes, const char *hash)
{
    return known->size_bytes == size_bytes && g_ascii_strcasecmp(known->hash, hash) == 0;
}

/* Whether the meta file on disk speaks of this very file. */
static bool is_continued(const struct part *part)
{
    struct part known = *part;
    bool same = meta_read(&known) == 0 && is_same(&known, part->size_bytes, part->hash) &&
                strcmp(known.path, part->path) == 0;

    if (known.path != part->path)
        g_free(known.path);
    return same;
}

static int start_over(struct part *part)
{
    hash_free(part->state);
    part->state = hash_new();
    part->have_bytes = 0;
    if (!part->state)
        return -EIO;
    return ftruncate(part->fd, 0) ? -errno : 0;
}

static int bytes_open(struct part *part, bool continued)
{
    char *name = file_name(part, ".part");
    struct stat status;
    int r = 0;

    part->fd = openat(part->directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (part->fd < 0 || fstat(part->fd, &status))
        r = -errno;
    g_free(name);
    if (r)
        return r;
    if (!continued || (uint64_t)status.st_size > part->size_bytes)
        return start_over(part);
    part->state = hash_new();
    r = part->state ? hash_add_file(part->state, part->fd, (uint64_t)status.st_size) : -EIO;
    part->have_bytes = (uint64_t)status.st_size;
    return r;
}

int part_open(struct part **ret_part, const struct folder *folder, const char *path,
              uint64_t size_bytes, const char *hash)
{
    struct part *part = part_new(folder);
    char digest[HASH_TEXT_SIZE];
    bool continued;
    int r = part->directory < 0 ? part->directory : hash_text(path, digest);

    if (r) {
        part_free(part);
        return r;
    }
    g_strlcpy(part->name, digest, sizeof(part->name));
    g_strlcpy(part->hash, hash, sizeof(part->hash));
    part->path = g_strdup(path);
    part->size_bytes = size_bytes;
    continued = is_continued(part);
    if (!continued) {
        forget(part); /* first the bytes: never old bytes under a new description */
        r = meta_write(part);
    }
    if (!r)
        r = bytes_open(part, continued);
    if (r) {
        part_free(part);
        return r;
    }
    *ret_part = part;
    return 0;
}

const char *part_path(const struct part *part)
{
    return part->path;
}

const char *part_hash(const struct part *part)
{
    return part->hash;
}

uint64_t part_size_bytes(const struct part *part)
{
    return part->size_bytes;
}

uint64_t part_have_bytes(const struct part *part)
{
    return part->have_bytes;
}

int part_write(struct part *part, uint64_t offset, const void *data, size_t size)
{
    const char *bytes = data;
    int r = 0;

    if (offset == 0 && part->have_bytes > 0)
        r = start_over(part);
    if (r)
        return r;
    if (offset != part->have_bytes || size > part->size_bytes - offset)
        return PART_E_ORDER;
    if ((r = hash_add(part->state, data, size)))
        return r;
    while (size > 0) {
        ssize_t written = pwrite(part->fd, bytes, size, (off_t)part->have_bytes);

        if (written < 0)
            return -errno;
        part->have_bytes += (uint64_t)written;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

int part_finish(struct part *part)
{
    char digest[HASH_TEXT_SIZE], *name;
    int r;

    if (part->have_bytes != part->size_bytes)
        return PART_E_SIZE;
    if ((r = hash_finish(part->state, digest)))
        return r;
    if (g_ascii_strcasecmp(digest, part->hash) != 0) {
        forget(part);
        return PART_E_HASH;
    }
    name = file_name(part, ".part");
    r = folder_replace(part->folder, part->path, part->directory, name);
    g_free(name);
    if (!r)
        forget(part);
    return r;
}

/* ---- all parts ---- */

static void list_one(const struct folder *folder, GPtrArray *parts, const char *meta_name)
{
    struct part *part = part_new(folder);
    struct stat status;
    char *bytes;

    g_strlcpy(part->name, meta_name, sizeof(part->name));
    bytes = file_name(part, ".part");
    if (part->directory >= 0 && meta_read(part) == 0 &&
        fstatat(part->directory, bytes, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode) && (uint64_t)status.st_size <= part->size_bytes) {
        part->have_bytes = (uint64_t)status.st_size;
        close(part->directory);
        part->directory = -1;
        g_ptr_array_add(parts, part);
    } else {
        if (part->directory >= 0)
            forget(part);
        part_free(part);
    }
    g_free(bytes);
}

int part_list(const struct folder *folder, GPtrArray **ret_parts)
{
    GPtrArray *parts = g_ptr_array_new_with_free_func((GDestroyNotify)part_free);
    int fd = folder_open_private(folder);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (!directory) {
        int r = fd < 0 ? fd : -errno;

        if (fd >= 0)
            close(fd);
        g_ptr_array_unref(parts);
        return r;
    }
    while ((entry = readdir(directory)))
        if (strlen(entry->d_name) == NAME_DIGITS + strlen(".meta") &&
            g_str_has_suffix(entry->d_name, ".meta"))
            list_one(folder, parts, entry->d_name);
    closedir(directory);
    *ret_parts = parts;
    return 0;
}
