#include "transport/ed25519.h"

#include <errno.h>

#include <openssl/err.h>

#include "transport/base64url.h"

int ed25519_public_key(const EVP_PKEY *key, struct wire_key *ret_key)
{
    unsigned char bytes[ED25519_KEY_BYTES];
    size_t size = sizeof bytes;

    if (EVP_PKEY_get_raw_public_key(key, bytes, &size) != 1 || size != sizeof bytes) {
        ERR_clear_error();
        return -EIO;
    }
    base64url_encode(ret_key->text, sizeof ret_key->text, bytes, sizeof bytes);
    return 0;
}

int ed25519_sign(EVP_PKEY *key, const void *text, size_t size, struct wire_signature *ret_signature)
{
    unsigned char bytes[ED25519_SIGNATURE_BYTES];
    size_t n = sizeof bytes;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int signed_it = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                    EVP_DigestSign(context, bytes, &n, text, size) == 1 && n == sizeof bytes;

    EVP_MD_CTX_free(context);
    if (!signed_it) {
        ERR_clear_error();
        return -EIO;
    }
    base64url_encode(ret_signature->text, sizeof ret_signature->text, bytes, sizeof bytes);
    return 0;
}
