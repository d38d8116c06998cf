/* Ed25519 for the adapter that needs it: OpenSSL's, and the protocol's texts around it. */
#ifndef TESTS_BENCH_LOAD_SIGNING_H
#define TESTS_BENCH_LOAD_SIGNING_H

#include <stdint.h>

enum { SIGNING_KEY_TEXT = 44, SIGNATURE_TEXT = 88 };

struct signing_key {
    uint8_t secret[32];
    char public_text[SIGNING_KEY_TEXT]; /* base64url */
};

void signing_key_make(struct signing_key *ret_key);

/* The signature over `text`, base64url. */
void signing_sign(const struct signing_key *key, const char *text,
                  char ret_signature[SIGNATURE_TEXT + 1]);

#endif
