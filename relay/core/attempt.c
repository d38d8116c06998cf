#include "core/attempt.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/connection.h"
#include "core/core_state.h"
#include "core/member.h"
#include "core/reply.h"
#include "core/syncshell.h"

/* An accepted frame. `frame` is NULL once it is no longer kept; the rest stays, so that a repetition is known. */
struct attempt_frame {
    struct list_node node;
    enum session_side source;
    enum message_type type;
    struct wire_id message_id;
    struct frame *frame;
    struct charge charge; /* of its sender: the record, and the frame while kept */
    bool handed;          /* to a connection of the target that is still there */
    uint64_t expires_us;
};

static struct core *core_of(const struct attempt *a)
{
    return a->session->syncshell->core;
}

static struct member *member_of(const struct attempt *a, enum session_side side)
{
    return session_member(a->session, side);
}

static struct connection *connection_of(const struct attempt *a, enum session_side side)
{
    return member_connection(member_of(a, side));
}

static void emit(const struct attempt *a, enum core_event_kind kind, enum message_type type,
                 enum wire_code code)
{
    core_emit(core_of(a),
              &(struct core_event){.kind = kind,
                                   .peer_id = *session_peer(a->session, a->side),
                                   .syncshell_id = a->session->syncshell->id,
                                   .recovery_session_id = a->session->summary.recovery_session_id,
                                   .generation = a->generation,
                                   .type = type,
                                   .code = code});
}

/* The next thing to happen to the attempt: frames came in order, so the oldest kept one expires first. */
static void arm(struct attempt *a)
{
    uint64_t due_us = a->end_us;
    list_for_each_safe (n, next, &a->frames) {
        const struct attempt_frame *f = container_of(n, struct attempt_frame, node);
        if (f->frame) {
            due_us = time_min(due_us, f->expires_us);
            break;
        }
    }
    timer_set(&core_of(a)->timers, &a->timer, due_us);
}

static void let_go(struct attempt *a, struct attempt_frame *f)
{
    struct core *core = core_of(a);
    if (!f->frame)
        return;
    a->kept_bytes -= f->frame->size;
    core->stats.held_bytes -= f->frame->size;
    core->stats.held_frames--;
    charge_settle(&f->charge, f->charge.amount - f->frame->size);
    f->frame = frame_unref(f->frame);
}

/* Lets a kept frame go, telling its sender if it reached nobody. */
static void give_up(struct attempt *a, struct attempt_frame *f, enum wire_code code)
{
    if (!f->frame)
        return;
    let_go(a, f);
    if (f->handed || code == WIRE_CODE_NONE)
        return;
    emit(a, CORE_EVENT_UNDELIVERABLE, f->type, code);
    struct connection *sender = connection_of(a, f->source);
    if (!sender)
        return;
    struct message m = {.type = MESSAGE_UNDELIVERABLE};
    m.undeliverable.in_reply_to = f->message_id;
    m.undeliverable.code = code;
    reply_send(sender, &m);
}

static void fire(struct core *core, struct timer *t)
{
    struct attempt *a = container_of(t, struct attempt, timer);
    list_for_each_safe (n, next, &a->frames) {
        struct attempt_frame *f = container_of(n, struct attempt_frame, node);
        if (f->expires_us <= core->now_us)
            give_up(a, f, WIRE_CODE_EXPIRED);
    }
    if (a->end_us <= core->now_us) {
        emit(a, CORE_EVENT_ATTEMPT_EXPIRED, MESSAGE_NONE, WIRE_CODE_NONE);
        attempt_end(a, WIRE_CODE_EXPIRED);
    } else {
        arm(a);
    }
}

static bool hand_over(struct attempt *a, struct attempt_frame *f, struct connection *target)
{
    f->handed = connection_send(target, f->frame);
    if (f->handed)
        core_of(a)->stats.frames_routed++;
    return f->handed;
}

static void hold(struct attempt *a, const struct attempt_frame *f)
{
    emit(a, CORE_EVENT_HELD, f->type, WIRE_CODE_NONE);
    struct connection *sender = connection_of(a, f->source);
    if (!sender)
        return;
    struct message m = {.type = MESSAGE_HELD};
    m.held.in_reply_to = f->message_id;
    m.held.held_for_ms = (uint32_t)time_until_ms(core_of(a)->now_us, f->expires_us);
    reply_send(sender, &m);
}

/* `more_bytes`: of what goes with it, beside itself and the frame. NULL, and why, when that is too much. */
static struct attempt_frame *frame_record(struct session *session, enum session_side source,
                                          enum message_type type, const struct message_routed *m,
                                          struct frame *frame, size_t more_bytes,
                                          enum wire_code *ret_code)
{
    struct core *core = session->syncshell->core;
    const struct connection *sender = member_connection(session_member(session, source));
    const struct payers nobody = {0};
    struct charge charge = {0};
    struct refusal refusal;
    if (!charge_take(&charge, &core->accounts, sender ? connection_payers(sender) : &nobody,
                     RESOURCE_BYTES, sizeof(struct attempt_frame) + frame->size + more_bytes,
                     &refusal)) {
        *ret_code = refusal.code;
        return NULL;
    }
    struct attempt_frame *f = malloc(sizeof *f);
    if (!f) {
        charge_drop(&charge);
        *ret_code = WIRE_CODE_INTERNAL;
        return NULL;
    }
    *f = (struct attempt_frame){.source = source,
                                .type = type,
                                .message_id = m->message_id,
                                .frame = frame_ref(frame),
                                .charge = charge};
    return f;
}

static void record_free(struct attempt_frame *f)
{
    list_unlink(&f->node);
    frame_unref(f->frame);
    charge_drop(&f->charge);
    free(f);
}

/* Keeps an accepted frame, prolongs the attempt, forwards or holds. */
static void take_in(struct attempt *a, struct attempt_frame *f)
{
    struct core *core = core_of(a);
    uint64_t ttl_ms = core->config.offer_ttl_ms;
    f->expires_us = time_add_ms(core->now_us, ttl_ms);
    a->end_us = time_add_ms(core->now_us, ATTEMPT_LIFE_TTLS * ttl_ms);
    a->kept_bytes += f->frame->size;
    core->stats.held_bytes += f->frame->size;
    core->stats.held_frames++;
    list_append(&a->frames, &f->node);
    arm(a);
    const struct member *to = member_of(a, session_other_side(f->source));
    struct connection *target = member_connection(to);
    /* Behind what already waits for room, it waits as well: nothing overtakes, and the target is there. */
    if (target && to->membership->signals_wait)
        return;
    if (!target || !hand_over(a, f, target))
        hold(a, f);
}

enum wire_code attempt_start(struct session *session, enum session_side side,
                             const struct message_routed *offer, struct frame *frame)
{
    struct core *core = session->syncshell->core;
    if (frame->size > core->config.attempt_bytes_max)
        return WIRE_CODE_HELD_FULL;
    enum wire_code code = WIRE_CODE_NONE;
    struct attempt_frame *f = frame_record(session, side, MESSAGE_RECONNECT_OFFER, offer, frame,
                                           sizeof(struct attempt), &code);
    if (!f)
        return code;
    struct attempt *a = malloc(sizeof *a);
    if (!a) {
        record_free(f);
        return WIRE_CODE_INTERNAL;
    }
    attempt_end(session->attempt, WIRE_CODE_SUPERSEDED);
    *a = (struct attempt){
        .session = session, .side = side, .generation = offer->generation, .timer = {.fire = fire}};
    list_init(&a->frames);
    list_append(&session->syncshell->attempts, &a->node);
    session->attempt = a;
    core->stats.attempts_live++;
    if (session->recovering_us == 0)
        session->recovering_us = core->now_us;
    session_raise(session, offer->generation);
    emit(a, CORE_EVENT_ATTEMPT_STARTED, MESSAGE_NONE, WIRE_CODE_NONE);
    take_in(a, f);
    return WIRE_CODE_NONE;
}

static enum wire_code take(struct attempt *a, enum session_side side, enum message_type type,
                           const struct message_routed *m, struct frame *frame)
{
    if (a->kept_bytes + frame->size > core_of(a)->config.attempt_bytes_max)
        return WIRE_CODE_HELD_FULL;
    enum wire_code code = WIRE_CODE_NONE;
    struct attempt_frame *f = frame_record(a->session, side, type, m, frame, 0, &code);
    if (f)
        take_in(a, f);
    return code;
}

enum wire_code attempt_answer(struct attempt *a, enum session_side side,
                              const struct message_routed *answer, struct frame *frame)
{
    if (side == a->side)
        return WIRE_CODE_STALE_GENERATION;
    if (attempt_knows(a, side, MESSAGE_RECONNECT_ANSWER, &answer->message_id))
        return WIRE_CODE_NONE;
    if (a->answered)
        return WIRE_CODE_ALREADY_ANSWERED;
    /* The offer is received, and makes room for its answer; nothing is lost if that is refused after all. */
    struct attempt_frame *offer = container_of(list_first(&a->frames), struct attempt_frame, node);
    let_go(a, offer);
    enum wire_code code = take(a, side, MESSAGE_RECONNECT_ANSWER, answer, frame);
    if (code == WIRE_CODE_NONE) {
        a->answered = true;
        emit(a, CORE_EVENT_ATTEMPT_ANSWERED, MESSAGE_NONE, WIRE_CODE_NONE);
    }
    return code;
}

/* FNV-1a. Who chooses ids of one hash makes its own candidates as slow as a walk over 64 of them. */
static uint32_t id_hash(const struct wire_id *id)
{
    uint32_t hash = 2166136261U;
    for (const char *c = id->text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    return hash;
}

static bool hash_is_known(const struct attempt *a, enum session_side side, uint32_t hash)
{
    for (size_t i = 0; i < a->n_candidates[side]; i++) {
        if (a->candidate_hashes[side][i] == hash)
            return true;
    }
    return false;
}

enum wire_code attempt_candidate(struct attempt *a, enum session_side side,
                                 const struct message_routed *candidate, struct frame *frame)
{
    uint32_t hash = id_hash(&candidate->message_id);
    if (hash_is_known(a, side, hash) &&
        attempt_knows(a, side, MESSAGE_ICE_CANDIDATE, &candidate->message_id))
        return WIRE_CODE_NONE;
    if (a->n_candidates[side] >= ATTEMPT_CANDIDATES_MAX)
        return WIRE_CODE_HELD_FULL;
    enum wire_code code = take(a, side, MESSAGE_ICE_CANDIDATE, candidate, frame);
    if (code == WIRE_CODE_NONE)
        a->candidate_hashes[side][a->n_candidates[side]++] = hash;
    return code;
}

bool attempt_knows(const struct attempt *a, enum session_side side, enum message_type type,
                   const struct wire_id *message_id)
{
    list_for_each_safe (n, next, &a->frames) {
        const struct attempt_frame *f = container_of(n, struct attempt_frame, node);
        if (f->source == side && f->type == type &&
            strcmp(f->message_id.text, message_id->text) == 0)
            return true;
    }
    return false;
}

bool attempt_send_kept(struct attempt *a, enum session_side side)
{
    struct core *core = core_of(a);
    struct connection *target = connection_of(a, side);
    list_for_each_safe (n, next, &a->frames) {
        struct attempt_frame *f = container_of(n, struct attempt_frame, node);
        if (f->source == side || !f->frame || f->handed || f->expires_us <= core->now_us)
            continue;
        if (!target || !connection_has_room(target, QUEUE_PROMPT, f->frame->size))
            return false;
        hand_over(a, f, target);
    }
    return true;
}

void attempt_target_gone(struct attempt *a, enum session_side side)
{
    list_for_each_safe (n, next, &a->frames) {
        struct attempt_frame *f = container_of(n, struct attempt_frame, node);
        if (f->source != side)
            f->handed = false;
    }
}

struct attempt *attempt_end(struct attempt *a, enum wire_code code)
{
    if (!a)
        return NULL;
    struct core *core = core_of(a);
    a->session->attempt = NULL;
    list_for_each_safe (n, next, &a->frames) {
        struct attempt_frame *f = container_of(n, struct attempt_frame, node);
        give_up(a, f, code);
        record_free(f);
    }
    assert(a->kept_bytes == 0);
    timer_cancel(&core->timers, &a->timer);
    list_unlink(&a->node);
    core->stats.attempts_live--;
    syncshell_touch(a->session->syncshell);
    free(a);
    return NULL;
}
