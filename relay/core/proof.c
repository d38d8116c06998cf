#include "core/proof.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/syncshell.h"
#include "wire/challenge.h"

#define PEER_ID_PREFIX "ed25519:"

enum { NONCE_BYTES = 32 };

int proof_nonce(struct core *core, struct wire_key *ret_nonce)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    /* One zero byte more than the nonce: the last character's low bits come from it, as canonical base64url wants. */
    uint8_t bytes[NONCE_BYTES + 1] = {0};
    int r = core->host.random(core->host.userdata, bytes, NONCE_BYTES);
    if (r < 0)
        return r;
    for (size_t i = 0; i < WIRE_KEY_LENGTH; i++) {
        size_t bit = i * 6;
        unsigned pair = (unsigned)bytes[bit / 8] << 8;
        if (bit / 8 + 1 < sizeof bytes)
            pair |= bytes[bit / 8 + 1];
        ret_nonce->text[i] = alphabet[(pair >> (10 - bit % 8)) & 63];
    }
    ret_nonce->text[WIRE_KEY_LENGTH] = '\0';
    return 0;
}

/* scheme://host[:port] with one of the names that only ever mean this machine. */
static bool origin_is_loopback(const char *origin)
{
    static const char *const names[] = {"127.0.0.1", "[::1]", "localhost"};
    const char *host = strstr(origin, "://");
    if (!host)
        return false;
    host += strlen("://");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(host, names[i], length) == 0 && (host[length] == '\0' || host[length] == ':'))
            return true;
    }
    return false;
}

static bool origin_allowed(const struct core_config *config, const char *origin)
{
    if (!config->origins || !config->origins[0])
        return origin_is_loopback(origin);
    for (const char *const *o = config->origins; *o; o++)
        if (str_equal(*o, origin))
            return true;
    return false;
}

/* Checks a signature over the text in `text`, whose building returned `built`; empties the buffer. */
static enum wire_code check(const struct core *core, int built, struct buf *text, const char *key,
                            const char *signature, enum wire_code refusal)
{
    enum wire_code code = refusal;
    if (built != 0)
        code = WIRE_CODE_INTERNAL;
    else if (core->host.verify(core->host.userdata, key, signature, text->data, text->size))
        code = WIRE_CODE_NONE;
    buf_deinit(text);
    return code;
}

enum wire_code proof_check_authenticate(const struct connection *c,
                                        const struct message_authenticate *m)
{
    const struct core *core = c->core;
    if (!origin_allowed(&core->config, m->origin))
        return WIRE_CODE_BAD_ORIGIN;
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    int r = challenge_authenticate(&text, m->origin, core->config.relay_id.text, c->nonce.text,
                                   m->peer_id.text);
    return check(core, r, &text, m->peer_id.text + strlen(PEER_ID_PREFIX), m->signature.text,
                 WIRE_CODE_BAD_SIGNATURE);
}

enum wire_code proof_check_create(const struct connection *c,
                                  const struct message_create_syncshell *m)
{
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    int r = challenge_create(&text, c->core->config.relay_id.text, c->nonce.text,
                             m->syncshell_id.text, c->peer_id.text, m->group_public_key.text);
    return check(c->core, r, &text, m->group_public_key.text, m->proof.text, WIRE_CODE_BAD_PROOF);
}

enum wire_code proof_check_join(const struct connection *c, const struct syncshell *s,
                                const struct message_join_syncshell *m)
{
    if (m->key_epoch != s->key_epoch)
        return WIRE_CODE_WRONG_KEY_EPOCH;
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    int r = challenge_join(&text, c->core->config.relay_id.text, c->nonce.text, s->id.text,
                           c->peer_id.text, m->key_epoch);
    return check(c->core, r, &text, s->group_public_key.text, m->proof.text, WIRE_CODE_BAD_PROOF);
}

enum wire_code proof_check_owner(const struct connection *c, enum message_type type,
                                 const struct message_owner_operation *m)
{
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    int r = challenge_owner_operation(&text, type, c->core->config.relay_id.text, c->nonce.text, m);
    return check(c->core, r, &text, c->peer_id.text + strlen(PEER_ID_PREFIX), m->signature.text,
                 WIRE_CODE_BAD_SIGNATURE);
}
