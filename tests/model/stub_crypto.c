#include "model/stub_crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "wire/seal.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct engine_group {
    struct stub_crypto *owner;
    char secret[WIRE_KEY_LENGTH + 1];
    struct wire_key public_key;
};

static uint64_t hash_more(uint64_t hash, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)data)[i]) * UINT64_C(1099511628211);
    return hash ^ (hash >> 29);
}

static uint64_t hash_of(const char *key, const void *data, size_t size)
{
    uint64_t hash = hash_more(UINT64_C(14695981039346656037), key, strlen(key));
    return hash_more(hash, data, size);
}

/* Canonical base64url of whole bytes ends in a character whose low bits are zero: 'A' does. */
static void spell(uint64_t hash, char *ret_text, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++)
        ret_text[i] = alphabet[(hash >> (i % 58)) & 63];
    ret_text[length - 1] = 'A';
    ret_text[length] = '\0';
}

void stub_peer_id(unsigned n, struct wire_peer_id *ret_id)
{
    memcpy(ret_id->text, "ed25519:", 8);
    memset(ret_id->text + 8, 'P', WIRE_KEY_LENGTH);
    ret_id->text[8] = alphabet[n / 64];
    ret_id->text[9] = alphabet[n % 64];
    ret_id->text[WIRE_PEER_ID_LENGTH - 1] = 'A';
    ret_id->text[WIRE_PEER_ID_LENGTH] = '\0';
}

void stub_sign(const char *public_key, const void *text, size_t size,
               struct wire_signature *ret_signature)
{
    spell(hash_of(public_key, text, size), ret_signature->text, WIRE_SIGNATURE_LENGTH);
}

void stub_group_public_key(const char *secret, const char *syncshell_id, struct wire_key *ret_key)
{
    spell(hash_of(secret, syncshell_id, strlen(syncshell_id)), ret_key->text, WIRE_KEY_LENGTH);
}

void stub_crypto_init(struct stub_crypto *c, const struct wire_peer_id *peer_id, uint64_t seed)
{
    *c = (struct stub_crypto){.peer_id = *peer_id, .random_state = seed};
}

static bool fails(struct stub_crypto *c)
{
    return c->fails_at > 0 && --c->fails_at == 0;
}

static int stub_random(void *userdata, void *ret_bytes, size_t size)
{
    struct stub_crypto *c = userdata;
    if (c->random_fails || fails(c))
        return -EIO;
    for (size_t i = 0; i < size; i++) {
        c->random_state = c->random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
        ((uint8_t *)ret_bytes)[i] = (uint8_t)(c->random_state >> 56);
    }
    return 0;
}

static int stub_sha256(void *userdata, const void *data, size_t size,
                       struct wire_sha256 *ret_sha256)
{
    if (fails(userdata))
        return -EIO;
    for (size_t i = 0; i < WIRE_SHA256_LENGTH; i++)
        ret_sha256->text[i] = "0123456789abcdef"[hash_of("sha256", data, size) >> (i % 60) & 15];
    ret_sha256->text[WIRE_SHA256_LENGTH] = '\0';
    return 0;
}

static int identity_sign(void *userdata, const void *text, size_t size,
                         struct wire_signature *ret_signature)
{
    struct stub_crypto *c = userdata;
    if (fails(c))
        return -EIO;
    stub_sign(c->peer_id.text + strlen("ed25519:"), text, size, ret_signature);
    return 0;
}

static int group_new(void *userdata, const char *secret, const char *syncshell_id,
                     struct engine_group **ret_group)
{
    if (fails(userdata))
        return -EIO;
    struct engine_group *g = calloc(1, sizeof *g);
    if (!g)
        return -ENOMEM;
    g->owner = userdata;
    g->owner->n_groups++;
    str_copy(g->secret, sizeof g->secret, secret);
    stub_group_public_key(secret, syncshell_id, &g->public_key);
    *ret_group = g;
    return 0;
}

static void group_free(void *userdata, struct engine_group *g)
{
    (void)userdata;
    if (g)
        g->owner->n_groups--;
    free(g);
}

static int group_public_key(void *userdata, const struct engine_group *g, struct wire_key *ret_key)
{
    if (fails(userdata))
        return -EIO;
    *ret_key = g->public_key;
    return 0;
}

static int group_sign(void *userdata, const struct engine_group *g, const void *text, size_t size,
                      struct wire_signature *ret_signature)
{
    if (fails(userdata))
        return -EIO;
    stub_sign(g->public_key.text, text, size, ret_signature);
    return 0;
}

static void scramble(const struct engine_group *g, const uint8_t *nonce, uint8_t *data, size_t size)
{
    uint64_t stream = hash_of(g->secret, nonce, SEAL_NONCE_BYTES);
    for (size_t i = 0; i < size; i++) {
        stream = stream * UINT64_C(6364136223846793005) + 1442695040888963407;
        data[i] ^= (uint8_t)(stream >> 56);
    }
}

static void tag_of(const struct engine_group *g, const void *associated, size_t associated_size,
                   const uint8_t *sealed, size_t size, uint8_t *ret_tag)
{
    uint64_t hash = hash_more(hash_of(g->secret, associated, associated_size), sealed, size);
    memcpy(ret_tag, &hash, sizeof hash);
    hash = hash_more(hash, g->public_key.text, WIRE_KEY_LENGTH);
    memcpy(ret_tag + sizeof hash, &hash, sizeof hash);
}

static int seal(void *userdata, const struct engine_group *g, const void *associated,
                size_t associated_size, const void *plain, size_t size, struct buf *out)
{
    uint8_t nonce[SEAL_NONCE_BYTES];
    uint8_t tag[SEAL_TAG_BYTES];
    size_t start = out->size;
    int r = stub_random(userdata, nonce, sizeof nonce);
    if (r == 0)
        r = buf_reserve(out, size + SEAL_OVERHEAD_BYTES);
    if (r != 0)
        return r < 0 ? r : -ENOMEM;
    buf_append(out, nonce, sizeof nonce);
    if (size)
        buf_append(out, plain, size);
    scramble(g, nonce, out->data + start + sizeof nonce, size);
    tag_of(g, associated, associated_size, out->data + start, sizeof nonce + size, tag);
    buf_append(out, tag, sizeof tag);
    return 0;
}

static int open_sealed(void *userdata, const struct engine_group *g, const void *associated,
                       size_t associated_size, const void *sealed, size_t size, struct buf *out)
{
    if (fails(userdata))
        return -EIO;
    uint8_t tag[SEAL_TAG_BYTES];
    if (size < SEAL_OVERHEAD_BYTES)
        return ENGINE_CRYPTO_E_AUTHENTICATION;
    const uint8_t *bytes = sealed;
    size_t plain_size = size - SEAL_OVERHEAD_BYTES;
    tag_of(g, associated, associated_size, bytes, size - sizeof tag, tag);
    if (memcmp(tag, bytes + size - sizeof tag, sizeof tag) != 0)
        return ENGINE_CRYPTO_E_AUTHENTICATION;
    size_t start = out->size;
    int r = plain_size ? buf_append(out, bytes + SEAL_NONCE_BYTES, plain_size) : 0;
    if (r != 0)
        return r < 0 ? r : -ENOMEM;
    if (plain_size)
        scramble(g, bytes, out->data + start, plain_size);
    return 0;
}

static int secret_new(void *userdata, struct wire_key *ret_secret)
{
    uint64_t random;
    int r = stub_random(userdata, &random, sizeof random);
    if (r == 0)
        spell(random, ret_secret->text, WIRE_KEY_LENGTH);
    return r;
}

struct engine_crypto stub_crypto_services(struct stub_crypto *c)
{
    return (struct engine_crypto){
        .userdata = c,
        .random = stub_random,
        .sign = identity_sign,
        .group_new = group_new,
        .group_free = group_free,
        .group_public_key = group_public_key,
        .group_sign = group_sign,
        .sha256 = stub_sha256,
        .seal = seal,
        .open = open_sealed,
        .secret_new = secret_new,
    };
}
