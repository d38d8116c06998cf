#include "client/envelope.h"

#include <errno.h>

#include "base/str.h"
#include "wire/seal.h"

enum { ASSOCIATED_BYTES_MAX = 1024 };

struct sides {
    const char *source;
    const char *target;
    uint64_t generation;
    uint64_t version;
};

static int associated(struct session *s, enum message_type type, const struct sides *sides,
                      struct buf *out)
{
    return seal_associated_data(out, type, s->syncshell->id.text, sides->source, sides->target,
                                s->id.text, sides->generation, sides->version);
}

static bool seal(struct session *s, enum message_type type, const struct sides *sides,
                 const struct buf *plain, struct buf *out)
{
    struct engine *e = s->syncshell->engine;
    struct buf data = BUF_INIT(ASSOCIATED_BYTES_MAX);
    int r = associated(s, type, sides, &data);
    if (r == 0)
        r = e->crypto.seal(e->crypto.userdata, s->syncshell->key->group, data.data, data.size,
                           plain->data, plain->size, out);
    buf_deinit(&data);
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    return r == 0;
}

/* With the key in force and, for what was stored, with those before it, newest first. 0, ENGINE_CRYPTO_E_AUTHENTICATION or
 * negative. */
static int open_with_keys(const struct syncshell *y, bool stored, const struct buf *data,
                          const uint8_t *sealed, size_t size, struct buf *out)
{
    const struct engine_crypto *c = &y->engine->crypto;
    int r = c->open(c->userdata, y->key->group, data->data, data->size, sealed, size, out);
    for (struct list_node *n = y->old_keys.head.prev;
         r == ENGINE_CRYPTO_E_AUTHENTICATION && stored && n != &y->old_keys.head; n = n->prev) {
        const struct group_key *old = container_of(n, struct group_key, node);
        r = c->open(c->userdata, old->group, data->data, data->size, sealed, size, out);
    }
    return r;
}

static const char *open_sealed(struct session *s, enum message_type type, const struct sides *sides,
                               enum body_format format, const uint8_t *sealed, size_t size,
                               struct buf *out)
{
    bool stored = sides->version != 0 || type == MESSAGE_RECOVERY_REQUEST ||
                  type == MESSAGE_RECOVERY_RESPONSE;
    struct engine *e = s->syncshell->engine;
    if (format != BODY_FORMAT_SEALED)
        return CODE_CLEAR_BODY_REFUSED;
    struct buf data = BUF_INIT(ASSOCIATED_BYTES_MAX);
    int r = associated(s, type, sides, &data);
    if (r == 0)
        r = open_with_keys(s->syncshell, stored, &data, sealed, size, out);
    buf_deinit(&data);
    if (r == ENGINE_CRYPTO_E_AUTHENTICATION)
        return CODE_BAD_SEAL;
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    return r == 0 ? NULL : "";
}

bool envelope_seal_routed(struct session *s, enum message_type type, uint64_t generation,
                          const struct buf *plain, struct buf *out)
{
    const struct sides sides = {.source = s->syncshell->engine->config.peer_id.text,
                                .target = s->other.text,
                                .generation = generation};
    return seal(s, type, &sides, plain, out);
}

bool envelope_seal_entry(struct session *s, enum message_type type, uint64_t version,
                         const struct buf *plain, struct buf *out)
{
    const struct sides sides = {.source = s->syncshell->engine->config.peer_id.text,
                                .target = s->other.text,
                                .version = version};
    return seal(s, type, &sides, plain, out);
}

const char *envelope_open_routed(struct session *s, const struct message *m, struct buf *out)
{
    const struct sides sides = {.source = m->routed.source_peer_id.text,
                                .target = s->syncshell->engine->config.peer_id.text,
                                .generation = m->routed.generation};
    return open_sealed(s, m->type, &sides, m->routed.body_format, m->body, m->body_size, out);
}

const char *envelope_open_entry(struct session *s, const struct message_snapshot_entry *entry,
                                const char *joiner, const uint8_t *data, struct buf *out)
{
    const char *source = entry->source_peer_id.text;
    const struct sides sides = {.source = source,
                                .target = str_equal(source, joiner) ? s->other.text : joiner,
                                .version = entry->version};
    return open_sealed(s, entry->type, &sides, entry->body_format, data, entry->size_bytes, out);
}

struct frame *envelope_frame(struct engine *e, struct message *m, const struct buf *sealed)
{
    struct buf text = BUF_INIT(ENGINE_FRAME_BYTES_MAX);
    struct frame *frame = NULL;
    m->body = sealed->data;
    m->body_size = sealed->size;
    int r = message_encode(m, &text);
    if (r == 0)
        r = frame_new(&frame, true, text.data, text.size);
    buf_deinit(&text);
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    return frame;
}
