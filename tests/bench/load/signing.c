#include "bench/load/signing.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "bench/load/die.h"
#include "bench/load/text.h"

void signing_key_make(struct signing_key *ret_key)
{
    uint8_t public_key[32];
    char text[48];
    size_t size = sizeof public_key;
    EVP_PKEY *key = NULL;
    if (RAND_bytes(ret_key->secret, sizeof ret_key->secret) == 1)
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, ret_key->secret,
                                           sizeof ret_key->secret);
    if (!key || EVP_PKEY_get_raw_public_key(key, public_key, &size) != 1)
        die("cannot make a key");
    EVP_PKEY_free(key);
    text_base64url(public_key, sizeof public_key, text);
    memcpy(ret_key->public_text, text, sizeof ret_key->public_text);
}

void signing_sign(const struct signing_key *key, const char *text,
                  char ret_signature[SIGNATURE_TEXT + 1])
{
    uint8_t signature[64];
    size_t size = sizeof signature;
    EVP_PKEY *secret =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->secret, sizeof key->secret);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!secret || !context || EVP_DigestSignInit(context, NULL, NULL, NULL, secret) != 1 ||
        EVP_DigestSign(context, signature, &size, (const uint8_t *)text, strlen(text)) != 1)
        die("cannot sign");
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(secret);
    text_base64url(signature, sizeof signature, ret_signature);
}
