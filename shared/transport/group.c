#include "transport/group.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "client/engine.h"
#include "transport/base64url.h"
#include "transport/ed25519.h"
#include "wire/seal.h"

enum { SEALING_KEY_BYTES = 32 };

struct engine_group {
    EVP_PKEY *signing_key;
    unsigned char sealing_key[SEALING_KEY_BYTES];
};

struct engine_group *group_free(struct engine_group *g)
{
    if (!g)
        return NULL;
    EVP_PKEY_free(g->signing_key);
    OPENSSL_cleanse(g, sizeof *g);
    free(g);
    return NULL;
}

/* OpenSSL's parameter list wants pointers to what it will not change. */
static void *unconst(const void *p)
{
    union {
        const void *in;
        void *out;
    } u = {.in = p};
    return u.out;
}

static int derive(const unsigned char *secret, const char *salt, const char *info,
                  unsigned char *ret_key, size_t size)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, unconst("SHA256"), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, unconst(secret), GROUP_SECRET_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, unconst(salt), strlen(salt)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, unconst(info), strlen(info)),
        OSSL_PARAM_construct_end(),
    };
    int derived = context && EVP_KDF_derive(context, ret_key, size, params) == 1;

    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    if (!derived)
        ERR_clear_error();
    return derived ? 0 : -EIO;
}

static int derive_keys(struct engine_group *g, const unsigned char *secret,
                       const char *syncshell_id)
{
    unsigned char seed[ED25519_KEY_BYTES];
    int r = derive(secret, syncshell_id, "syncshell.v1 group-signing-key", seed, sizeof seed);

    if (r == 0)
        r = derive(secret, syncshell_id, "syncshell.v1 sealing-key", g->sealing_key,
                   sizeof g->sealing_key);
    if (r == 0) {
        g->signing_key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
        if (!g->signing_key) {
            ERR_clear_error();
            r = -ENOMEM;
        }
    }
    OPENSSL_cleanse(seed, sizeof seed);
    return r;
}

int group_new(struct engine_group **ret_group, const char *secret, const char *syncshell_id)
{
    unsigned char bytes[GROUP_SECRET_BYTES];
    struct engine_group *g;
    size_t size = 0;
    int r = base64url_decode(bytes, sizeof bytes, &size, secret, strlen(secret));

    if (r < 0 || size != sizeof bytes)
        return -EINVAL;
    g = calloc(1, sizeof *g);
    r = g ? derive_keys(g, bytes, syncshell_id) : -ENOMEM;
    OPENSSL_cleanse(bytes, sizeof bytes);
    if (r < 0) {
        (void)group_free(g);
        return r;
    }
    *ret_group = g;
    return 0;
}

int group_public_key(const struct engine_group *g, struct wire_key *ret_key)
{
    return ed25519_public_key(g->signing_key, ret_key);
}

int group_sign(const struct engine_group *g, const void *text, size_t size,
               struct wire_signature *ret_signature)
{
    return ed25519_sign(g->signing_key, text, size, ret_signature);
}

static int encrypt(const struct engine_group *g, const void *associated, size_t associated_size,
                   const void *plain, size_t size, unsigned char *ret_sealed)
{
    unsigned char *nonce = ret_sealed, *text = ret_sealed + SEAL_NONCE_BYTES, *tag = text + size;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n, done;

    done = context && RAND_bytes(nonce, SEAL_NONCE_BYTES) == 1 &&
           EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), g->sealing_key, nonce, NULL) == 1 &&
           EVP_EncryptUpdate(context, NULL, &n, associated, (int)associated_size) == 1 &&
           EVP_EncryptUpdate(context, text, &n, plain, (int)size) == 1 &&
           EVP_EncryptFinal_ex(context, tag, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!done)
        ERR_clear_error();
    return done ? 0 : -EIO;
}

int group_seal(const struct engine_group *g, const void *associated, size_t associated_size,
               const void *plain, size_t size, struct buf *out)
{
    int r;

    if (size > INT_MAX - SEAL_OVERHEAD_BYTES || associated_size > INT_MAX)
        return -EINVAL;
    r = buf_reserve(out, size + SEAL_OVERHEAD_BYTES);
    if (!r)
        r = encrypt(g, associated, associated_size, plain, size, out->data + out->size);
    if (!r)
        out->size += size + SEAL_OVERHEAD_BYTES;
    return r;
}

/* The plaintext may be used only if this returns 0. */
static int decrypt(const struct engine_group *g, const void *associated, size_t associated_size,
                   const unsigned char *sealed, size_t size, unsigned char *ret_plain)
{
    const unsigned char *nonce = sealed, *text = sealed + SEAL_NONCE_BYTES, *tag = text + size;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n, ready, genuine = 0;

    ready = context &&
            EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), g->sealing_key, nonce, NULL) == 1 &&
            EVP_DecryptUpdate(context, NULL, &n, associated, (int)associated_size) == 1 &&
            EVP_DecryptUpdate(context, ret_plain, &n, text, (int)size) == 1 &&
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, unconst(tag)) == 1;
    if (ready)
        genuine = EVP_DecryptFinal_ex(context, ret_plain + size, &n) == 1;
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    if (!ready)
        return -EIO;
    return genuine ? 0 : ENGINE_CRYPTO_E_AUTHENTICATION;
}

int group_open(const struct engine_group *g, const void *associated, size_t associated_size,
               const void *sealed, size_t size, struct buf *out)
{
    size_t plain_size = size - SEAL_OVERHEAD_BYTES;
    unsigned char nothing, *plain;
    int r;

    if (size < SEAL_OVERHEAD_BYTES)
        return ENGINE_CRYPTO_E_AUTHENTICATION;
    if (size > INT_MAX || associated_size > INT_MAX)
        return -EINVAL;
    if (buf_reserve(out, plain_size) != 0)
        return out->max_bytes - out->size < plain_size ? -EMSGSIZE : -ENOMEM;
    plain = plain_size ? out->data + out->size : &nothing;
    r = decrypt(g, associated, associated_size, sealed, plain_size, plain);
    if (r)
        OPENSSL_cleanse(plain, plain_size);
    else
        out->size += plain_size;
    return r;
}
