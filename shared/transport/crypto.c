#include "transport/crypto.h"

#include <errno.h>
#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/str.h"
#include "transport/base64url.h"
#include "transport/group.h"
#include "transport/identity.h"

static int service_random(void *userdata, void *ret_bytes, size_t size)
{
    (void)userdata;
    if (size > INT_MAX)
        return -EINVAL;
    if (RAND_bytes(ret_bytes, (int)size) != 1) {
        ERR_clear_error();
        return -EIO;
    }
    return 0;
}

static int service_sign(void *userdata, const void *text, size_t size,
                        struct wire_signature *ret_signature)
{
    return identity_sign(userdata, text, size, ret_signature);
}

static int service_group_new(void *userdata, const char *secret, const char *syncshell_id,
                             struct engine_group **ret_group)
{
    (void)userdata;
    return group_new(ret_group, secret, syncshell_id);
}

static void service_group_free(void *userdata, struct engine_group *g)
{
    (void)userdata;
    (void)group_free(g);
}

static int service_group_public_key(void *userdata, const struct engine_group *g,
                                    struct wire_key *ret_key)
{
    (void)userdata;
    return group_public_key(g, ret_key);
}

static int service_group_sign(void *userdata, const struct engine_group *g, const void *text,
                              size_t size, struct wire_signature *ret_signature)
{
    (void)userdata;
    return group_sign(g, text, size, ret_signature);
}

static int service_seal(void *userdata, const struct engine_group *g, const void *associated,
                        size_t associated_size, const void *plain, size_t size, struct buf *out)
{
    (void)userdata;
    return group_seal(g, associated, associated_size, plain, size, out);
}

static int service_open(void *userdata, const struct engine_group *g, const void *associated,
                        size_t associated_size, const void *sealed, size_t size, struct buf *out)
{
    (void)userdata;
    return group_open(g, associated, associated_size, sealed, size, out);
}

static int service_secret_new(void *userdata, struct wire_key *ret_secret)
{
    unsigned char bytes[GROUP_SECRET_BYTES];
    int r = service_random(userdata, bytes, sizeof bytes);

    if (r == 0)
        base64url_encode(ret_secret->text, sizeof ret_secret->text, bytes, sizeof bytes);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return r;
}

static int service_sha256(void *userdata, const void *data, size_t size,
                          struct wire_sha256 *ret_sha256)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    (void)userdata;
    if (EVP_Digest(data, size, bytes, &length, EVP_sha256(), NULL) != 1) {
        ERR_clear_error();
        return -EIO;
    }
    str_hex(ret_sha256->text, bytes, length);
    return 0;
}

struct engine_crypto crypto_services(struct identity *identity)
{
    return (struct engine_crypto){
        .userdata = identity,
        .random = service_random,
        .sign = service_sign,
        .group_new = service_group_new,
        .group_free = service_group_free,
        .group_public_key = service_group_public_key,
        .group_sign = service_group_sign,
        .seal = service_seal,
        .open = service_open,
        .secret_new = service_secret_new,
        .sha256 = service_sha256,
    };
}
