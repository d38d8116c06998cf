/* The table of access keys for the operator's command: on a file of its own, or beside a running relay, which sees every
 * change in its next transaction. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_ACCESS_KEYS_H
#define RELAY_ADAPTERS_STORE_SQLITE_ACCESS_KEYS_H

#include "core/store_op.h"

#include <stddef.h>
#include <stdint.h>

enum { ACCESS_KEY_NAME_MAX = 64 }; /* bytes */

struct access_keys;

struct access_key_row {
    struct wire_id key_id;
    char name[ACCESS_KEY_NAME_MAX + 1];
    int64_t created_unix_ms;
    int64_t expires_unix_ms; /* 0: never; likewise below */
    int64_t revoked_unix_ms;
    int64_t last_used_unix_ms;
};

/* On failure `ret_error` is a sentence that names the file. 0 or negative. */
int access_keys_open(struct access_keys **ret_keys, const char *path, char *ret_error,
                     size_t error_size);
struct access_keys *access_keys_close(struct access_keys *keys); /* accepts NULL; always NULL */

int access_keys_add(struct access_keys *keys, const struct access_key_row *row, const char *sha256);

/* Every key, oldest first. `take` returns 0 to go on. */
int access_keys_list(struct access_keys *keys,
                     int (*take)(void *userdata, const struct access_key_row *row), void *userdata);

/* By key id or name; how many were revoked by this. */
int access_keys_revoke(struct access_keys *keys, const char *id_or_name, int64_t now_ms,
                       size_t *ret_revoked);

/* As if it had never been: for a key that nobody holds any more, where revoking would leave a row for ever. */
int access_keys_remove(struct access_keys *keys, const char *key_id);

const char *access_keys_error(const struct access_keys *keys); /* what the last failure was */

#endif
