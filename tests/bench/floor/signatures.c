#include "bench/floor/signatures.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t text[200] = "of about the length of what clients sign";
static uint8_t signature[64];
static uint8_t public_key[32];
static size_t n_per_connection;

static void fail(const char *what)
{
    fprintf(stderr, "bench-floor: cannot %s\n", what);
    exit(1);
}

void signatures_prepare(size_t per_connection)
{
    size_t signature_size = sizeof signature;
    size_t key_size = sizeof public_key;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!key || !context || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &signature_size, text, sizeof text) != 1 ||
        EVP_PKEY_get_raw_public_key(key, public_key, &key_size) != 1)
        fail("sign");
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    n_per_connection = per_connection;
}

void signatures_verify(void)
{
    for (size_t i = 0; i < n_per_connection; i++) {
        EVP_PKEY *key =
            EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, sizeof public_key);
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        if (!key || !context || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) != 1 ||
            EVP_DigestVerify(context, signature, sizeof signature, text, sizeof text) != 1)
            fail("verify");
        EVP_MD_CTX_free(context);
        EVP_PKEY_free(key);
    }
}
