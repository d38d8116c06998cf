#include "adapters/crypto_openssl/crypto.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

enum {
    KEY_BYTES = 32,
    KEY_CHARS = 43,
    SIGNATURE_BYTES = 64,
    SIGNATURE_CHARS = 86,
    PADDED_MAX = 88, /* of a signature */
    ENCODABLE_MAX = 256,
    ENCODED_MAX = 345, /* of as many bytes, padding and NUL included */
};

struct crypto {
    EVP_MD_CTX *context; /* one for all verifications: allocating it costs more than resetting it */
};

int crypto_new(struct crypto **ret_crypto)
{
    struct crypto *c = calloc(1, sizeof *c);

    if (!c)
        return -ENOMEM;
    c->context = EVP_MD_CTX_new();
    if (!c->context) {
        (void)crypto_free(c);
        return -ENOMEM;
    }
    *ret_crypto = c;
    return 0;
}

struct crypto *crypto_free(struct crypto *c)
{
    if (!c)
        return NULL;
    EVP_MD_CTX_free(c->context);
    free(c);
    return NULL;
}

/* From the URL alphabet (RFC 4648 section 5) to the standard one; 0 for everything else, such as the blanks and padding
 * that the decoder would let pass. */
static unsigned char standard_alphabet(char c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return (unsigned char)c;
    if (c == '-')
        return '+';
    return c == '_' ? '/' : 0;
}

/* Decodes exactly `n_chars` characters to `n_bytes` bytes. Refuses another length, another alphabet, and bits set beyond
 * the last byte, so that a value has one spelling only. */
static bool base64url_decode(const char *text, size_t n_chars, unsigned char *ret_bytes,
                             size_t n_bytes)
{
    unsigned char padded[PADDED_MAX], decoded[PADDED_MAX / 4 * 3];
    size_t n_padded = (n_chars + 3) / 4 * 4;

    if (strlen(text) != n_chars)
        return false;
    for (size_t i = 0; i < n_chars; i++) {
        padded[i] = standard_alphabet(text[i]);
        if (!padded[i])
            return false;
    }
    memset(padded + n_chars, '=', n_padded - n_chars);
    /* Decodes padding to zero bytes, which hold the surplus bits. */
    if (EVP_DecodeBlock(decoded, padded, (int)n_padded) != (int)(n_padded / 4 * 3))
        return false;
    for (size_t i = n_bytes; i < n_padded / 4 * 3; i++) {
        if (decoded[i])
            return false;
    }
    memcpy(ret_bytes, decoded, n_bytes);
    return true;
}

bool crypto_verify(struct crypto *c, const char *public_key, const char *signature,
                   const void *text, size_t text_size)
{
    unsigned char key_bytes[KEY_BYTES], signature_bytes[SIGNATURE_BYTES];
    EVP_PKEY *key;
    bool fits;

    if (!base64url_decode(public_key, KEY_CHARS, key_bytes, sizeof key_bytes) ||
        !base64url_decode(signature, SIGNATURE_CHARS, signature_bytes, sizeof signature_bytes))
        return false;
    key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key_bytes, sizeof key_bytes);
    fits =
        key && EVP_DigestVerifyInit(c->context, NULL, NULL, NULL, key) == 1 &&
        EVP_DigestVerify(c->context, signature_bytes, sizeof signature_bytes, text, text_size) == 1;
    (void)EVP_MD_CTX_reset(c->context); /* always succeeds; gives the key back */
    EVP_PKEY_free(key);
    ERR_clear_error(); /* TLS on this thread would take what is left in the queue for its own */
    return fits;
}

int crypto_random(struct crypto *c, void *ret_bytes, size_t size)
{
    (void)c;
    if (size > INT_MAX)
        return -EINVAL;
    if (RAND_bytes(ret_bytes, (int)size) != 1) {
        ERR_clear_error();
        return -EIO;
    }
    return 0;
}

int crypto_sha256(const void *data, size_t size, char ret_hex[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (EVP_Digest(data, size, digest, &n, EVP_sha256(), NULL) != 1) {
        ERR_clear_error();
        return -ENOMEM;
    }
    for (unsigned int i = 0; i < n; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[2 * (size_t)n] = '\0';
    return 0;
}

int crypto_hmac_sha1_bytes(const void *key, size_t key_size, const void *data, size_t size,
                           unsigned char ret_mac[CRYPTO_SHA1_BYTES])
{
    unsigned int n = 0;

    if (key_size > INT_MAX || !HMAC(EVP_sha1(), key, (int)key_size, data, size, ret_mac, &n)) {
        ERR_clear_error();
        return -ENOMEM;
    }
    return 0;
}

int crypto_hmac_sha1(const void *key, size_t key_size, const void *data, size_t size,
                     char ret_base64[CRYPTO_HMAC_SHA1_SIZE])
{
    unsigned char mac[CRYPTO_SHA1_BYTES];
    int r = crypto_hmac_sha1_bytes(key, key_size, data, size, mac);

    if (r == 0)
        (void)EVP_EncodeBlock((unsigned char *)ret_base64, mac, sizeof mac);
    return r;
}

int crypto_md5(const void *data, size_t size, unsigned char ret_digest[CRYPTO_MD5_BYTES])
{
    if (EVP_Digest(data, size, ret_digest, NULL, EVP_md5(), NULL) != 1) {
        ERR_clear_error();
        return -ENOTSUP;
    }
    return 0;
}

int crypto_base64url(const void *data, size_t data_size, char *ret_text, size_t size)
{
    unsigned char text[ENCODED_MAX];
    size_t length = (data_size * 8 + 5) / 6; /* without the padding */

    if (data_size > ENCODABLE_MAX || length >= size)
        return -ENOSPC;
    (void)EVP_EncodeBlock(text, data, (int)data_size);
    for (size_t i = 0; i < length; i++)
        ret_text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : (char)text[i];
    ret_text[length] = '\0';
    return 0;
}
