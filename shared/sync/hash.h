/* SHA-256 by OpenSSL, as lower-case hex digits. */
#ifndef SHARED_SYNC_HASH_H
#define SHARED_SYNC_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { HASH_TEXT_SIZE = 65 };

struct hash;

struct hash *hash_new(void); /* NULL when OpenSSL refuses */
void hash_free(struct hash *hash);
int hash_add(struct hash *hash, const void *data, size_t size); /* 0 or -EIO */

/* Adds what `fd` holds from its beginning, up to `size` bytes. 0, -ENODATA when it is shorter, or -errno. */
int hash_add_file(struct hash *hash, int fd, uint64_t size);

int hash_finish(struct hash *hash,
                char ret_text[static HASH_TEXT_SIZE]); /* 0 or -EIO; then only free it */

int hash_text(const char *text, char ret_text[static HASH_TEXT_SIZE]); /* 0 or -EIO */

#endif
