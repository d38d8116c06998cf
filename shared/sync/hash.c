#include "sync/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { BLOCK_BYTES = 65536, DIGEST_BYTES = 32 };

/* OpenSSL's own object under our name. */
static EVP_MD_CTX *context_of(struct hash *hash)
{
    return (EVP_MD_CTX *)(void *)hash;
}

struct hash *hash_new(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
        return (struct hash *)(void *)context;
    EVP_MD_CTX_free(context);
    return NULL;
}

void hash_free(struct hash *hash)
{
    EVP_MD_CTX_free(context_of(hash));
}

int hash_add(struct hash *hash, const void *data, size_t size)
{
    return EVP_DigestUpdate(context_of(hash), data, size) == 1 ? 0 : -EIO;
}

int hash_add_file(struct hash *hash, int fd, uint64_t size)
{
    uint8_t block[BLOCK_BYTES];
    uint64_t position = 0;

    while (position < size) {
        size_t wanted = size - position < sizeof(block) ? (size_t)(size - position) : sizeof(block);
        ssize_t got = pread(fd, block, wanted, (off_t)position);

        if (got < 0)
            return -errno;
        if (got == 0)
            return -ENODATA;
        if (hash_add(hash, block, (size_t)got))
            return -EIO;
        position += (uint64_t)got;
    }
    return 0;
}

int hash_finish(struct hash *hash, char ret_text[static HASH_TEXT_SIZE])
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;

    if (EVP_DigestFinal_ex(context_of(hash), digest, &size) != 1 || size != DIGEST_BYTES)
        return -EIO;
    for (unsigned int i = 0; i < DIGEST_BYTES; i++) {
        ret_text[2 * i] = DIGITS[digest[i] >> 4];
        ret_text[2 * i + 1] = DIGITS[digest[i] & 15];
    }
    ret_text[2 * DIGEST_BYTES] = '\0';
    return 0;
}

int hash_text(const char *text, char ret_text[static HASH_TEXT_SIZE])
{
    struct hash *hash = hash_new();
    int r = hash ? hash_add(hash, text, strlen(text)) : -EIO;

    if (!r)
        r = hash_finish(hash, ret_text);
    hash_free(hash);
    return r;
}
