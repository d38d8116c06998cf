#include "transport/passphrase.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "transport/base64url.h"
#include "transport/group.h"

/* 128 MiB for each guess. They are part of the protocol: another value is another secret. */
enum { SCRYPT_N = 1 << 17, SCRYPT_R = 8, SCRYPT_P = 1 };

/* What OpenSSL may take: the 128 * r * (N + p + 2) bytes of the algorithm, rounded up. */
enum { SCRYPT_BYTES_MAX = 129 * 1024 * 1024 };

static const char salt_prefix[] = "syncshell.v1 passphrase\n";

int passphrase_secret(const char *passphrase, size_t length, const struct wire_id *syncshell_id,
                      struct wire_key *ret_secret)
{
    unsigned char bytes[GROUP_SECRET_BYTES], salt[sizeof salt_prefix + WIRE_ID_MAX];
    int salt_length = snprintf((char *)salt, sizeof salt, "%s%s", salt_prefix, syncshell_id->text);
    int derived = EVP_PBE_scrypt(passphrase, length, salt, (size_t)salt_length, SCRYPT_N, SCRYPT_R,
                                 SCRYPT_P, SCRYPT_BYTES_MAX, bytes, sizeof bytes);
    int r = 0;

    if (derived == 1)
        base64url_encode(ret_secret->text, sizeof ret_secret->text, bytes, sizeof bytes);
    else
        r = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE ? -ENOMEM : -EIO;
    ERR_clear_error();
    OPENSSL_cleanse(bytes, sizeof bytes);
    return r;
}
