/* What the other member puts under the seal, and what a relay may deliver in its place, to an engine that has a session with it. The
 * input is one byte of role, then steps, each one byte of kind, one of generation or version, two of size, the content. Whatever it
 * is told, what the engine says stays valid (the scene decodes it), and its journal makes an engine that comes back. */
#include "fuzz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/client/scene.h"

enum step_kind {
    SIGNAL, /* sealed as it should be: an offer, an answer, a candidate, by the generation's lowest bits */
    DELIVERY, /* the same, by the inbox: a request or a response */
    UNSEALED, /* a signal whose body is the content itself */
    UNSEALED_DELIVERY,
    FRAME,   /* whatever a relay says */
    ANSWER,  /* to what the engine waits for: a snapshot with the content as its entry, or Stored */
    RESTART, /* of the client's process */
    TIME,    /* as many seconds as the generation says */
    STEP_KINDS,
};

enum { STEPS_MAX = 24, HEARD_MAX = 64 };

struct step {
    enum step_kind kind;
    unsigned number;
    const uint8_t *content;
    size_t size;
};

static void signal_from(struct scene *s, const struct step *step, bool sealed)
{
    static const enum message_type types[] = {MESSAGE_RECONNECT_OFFER, MESSAGE_RECONNECT_ANSWER,
                                              MESSAGE_ICE_CANDIDATE, MESSAGE_RECONNECT_OFFER};
    struct message m = scene_routed(s, types[step->number % 4], 1 + step->number / 4);
    struct buf body = BUF_INIT(WIRE_SIGNAL_BODY_MAX);

    if (sealed)
        scene_seal(s, &m, true, 0, step->content, step->size, &body);
    else
        fuzz_check(buf_append(&body, step->content, step->size) == 0);
    m.body = body.data;
    m.body_size = body.size;
    if (body.size > 0)
        scene_say(s, &m);
    buf_deinit(&body);
}

static void delivery(struct scene *s, const struct step *step, bool sealed)
{
    struct message m =
        scene_routed(s, step->number % 2 ? MESSAGE_RECOVERY_RESPONSE : MESSAGE_RECOVERY_REQUEST, 1);

    if (sealed) {
        scene_deliver(s, 1 + step->number / 2, &m, step->content, step->size);
    } else if (step->size > 0) {
        struct message delivered = {.type = MESSAGE_INBOX_DELIVERY};

        wire_id_set(&delivered.inbox_delivery.syncshell_id, SCENE_SHELL);
        delivered.inbox_delivery.inbox_seq = 1 + step->number / 2;
        delivered.body = step->content;
        delivered.body_size = step->size;
        scene_say(s, &delivered);
    }
}

/* The entry of a log, by us or by the other side, sealed or not. */
static void snapshot(struct scene *s, const struct message_session_snapshot_request *r,
                     const struct step *step)
{
    static const enum message_type types[] = {MESSAGE_SESSION_OPEN, MESSAGE_SESSION_PROGRESS,
                                              MESSAGE_SESSION_CHECKPOINT, MESSAGE_SESSION_PROGRESS};
    bool theirs = step->number & 4;
    uint64_t version = r->after_version + 1;
    const struct message sealed = {.type = types[step->number % 4]};
    struct buf body = BUF_INIT(WIRE_BODY_MAX);
    struct message_snapshot_entry entry = {.version = version,
                                           .type = sealed.type,
                                           .source_peer_id = theirs ? s->other : s->self,
                                           .body_format = BODY_FORMAT_SEALED};
    struct message m = {.type = MESSAGE_SESSION_SNAPSHOT};

    if (step->number & 8)
        fuzz_check(buf_append(&body, step->content, step->size) == 0);
    else
        scene_seal(s, &sealed, theirs, version, step->content, step->size, &body);
    entry.size_bytes = (uint32_t)body.size;
    m.session_snapshot.in_reply_to = r->message_id;
    wire_id_set(&m.session_snapshot.syncshell_id, SCENE_SHELL);
    m.session_snapshot.recovery_session_id = r->recovery_session_id;
    m.session_snapshot.version = version;
    m.session_snapshot.complete = !(step->number & 16);
    m.session_snapshot.entries = &entry;
    m.session_snapshot.n_entries = body.size > 0;
    m.body = body.size ? body.data : NULL;
    m.body_size = body.size;
    scene_say(s, &m);
    buf_deinit(&body);
}

static void answer(struct scene *s, const struct step *step)
{
    const struct message_session_summary found = scene_summary(s, true, 6, 1 + step->number);
    const struct message *m;

    for (int i = 0; i < HEARD_MAX && s->connected && (m = scene_hear_any(s)); i++) {
        const struct wire_id id = m->routed.message_id;

        if (m->type == MESSAGE_SESSION_SNAPSHOT_REQUEST) {
            snapshot(s, &m->session_snapshot_request, step);
            return;
        }
        if (m->type == MESSAGE_JOIN_SYNCSHELL) {
            struct message joined = {.type = MESSAGE_SYNCSHELL_JOINED};
            struct message_member members[] = {{.peer_id = s->self, .presence = PRESENCE_ONLINE},
                                               {.peer_id = s->other, .presence = PRESENCE_ONLINE}};
            struct message_session_summary sessions[] = {found};

            joined.syncshell_joined = (struct message_syncshell_joined){
                .in_reply_to = id,
                .store_epoch = s->store_epoch,
                .owner_peer_id = s->other,
                .key_epoch = 1,
                .recovered = true,
                .members = members,
                .n_members = 2,
                .sessions = sessions,
                .n_sessions = 1,
            };
            wire_id_set(&joined.syncshell_joined.syncshell_id, SCENE_SHELL);
            scene_say(s, &joined);
        } else if (m->type == MESSAGE_SESSION_PROGRESS || m->type == MESSAGE_SESSION_CHECKPOINT) {
            scene_stored_version(s, &id, m->session_entry.base_version + 1);
        } else if (m->type != MESSAGE_ACK_INBOX) {
            scene_stored(s, &id);
        }
    }
}

static void restart(struct scene *s)
{
    scene_restart(s);
    if (!s->connected)
        return;
    scene_hello(s);
    scene_welcome(s);
}

static void take(struct scene *s, const struct step *step)
{
    if (!s->connected && step->kind != RESTART && step->kind != TIME)
        return;
    switch (step->kind) {
    case SIGNAL:
    case UNSEALED:
        signal_from(s, step, step->kind == SIGNAL);
        break;
    case DELIVERY:
    case UNSEALED_DELIVERY:
        delivery(s, step, step->kind == DELIVERY);
        break;
    case FRAME:
        scene_say_raw(s, step->number % 2, step->content, step->size);
        break;
    case ANSWER:
        answer(s, step);
        break;
    case RESTART:
        restart(s);
        break;
    case TIME:
        scene_advance_ms(s, (uint64_t)step->number * 1000);
        break;
    case STEP_KINDS:
        break;
    }
}

static bool next_step(const uint8_t **data, size_t *size, struct step *ret_step)
{
    if (*size < 4)
        return false;
    *ret_step = (struct step){.kind = (enum step_kind)((*data)[0] % STEP_KINDS),
                              .number = (*data)[1],
                              .content = *data + 4,
                              .size = (size_t)((*data)[2] << 8 | (*data)[3])};
    if (ret_step->size > *size - 4)
        ret_step->size = *size - 4;
    *data += 4 + ret_step->size;
    *size -= 4 + ret_step->size;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scene s;
    struct step step;

    if (size == 0)
        return 0;
    scene_init(&s);
    scene_session(&s, data[0] % 2);
    data++;
    size--;
    for (int i = 0; i < STEPS_MAX && s.station.engine && next_step(&data, &size, &step); i++)
        take(&s, &step);
    scene_deinit(&s);
    return 0;
}
