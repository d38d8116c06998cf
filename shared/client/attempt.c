#include "client/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/envelope.h"
#include "client/handover.h"
#include "client/ice.h"
#include "client/notify.h"
#include "client/record.h"
#include "client/report.h"
#include "client/request.h"
#include "client/session.h"
#include "client/syncshell.h"

enum { FAILURES_MAX = 5, MESSAGE_ID_BYTES = 12 };

static struct engine *engine_of(const struct session *s)
{
    return s->syncshell->engine;
}

static void refuse(struct session *s, uint64_t ticket, uint64_t generation, const char *code)
{
    struct syncshell_event *event =
        notify_signal(s, SYNCSHELL_EVENT_SIGNAL_REFUSED, ticket, generation);
    notify_text(event, SYNCSHELL_FIELD_CODE, code);
    notify_send(engine_of(s), event);
}

/* A generation that is new to us is journaled before anything that shows it. */
static void raise_generation(struct session *s, uint64_t generation)
{
    if (generation <= s->generation)
        return;
    s->generation = generation;
    record_put_session(s);
}

void attempt_generation_told(struct session *s, uint64_t generation)
{
    if (generation <= s->generation + WIRE_GENERATION_JUMP_MAX)
        raise_generation(s, generation);
}

static void start(struct session *s, enum attempt_stage stage, uint64_t generation, bool ours)
{
    request_forget_signals(engine_of(s), s->id.text, generation);
    if (s->attempt.generation != generation)
        s->n_attempts++;
    s->attempt = (struct attempt){
        .stage = stage,
        .generation = generation,
        .ours = ours,
        .started_us = engine_of(s)->now_us,
        .deadline_us = time_add_ms(engine_of(s)->now_us, engine_of(s)->config.attempt_timeout_ms)};
    ice_attempt_started(s);
}

/* Ends it without a failure. The generation stays: whoever takes it up again goes on with the same attempt. */
static void drop(struct session *s)
{
    s->attempt = (struct attempt){.generation = s->attempt.generation};
}

/* From here on either side may find the link up before the other does. */
static void answered(struct session *s)
{
    s->attempt.stage = ATTEMPT_ANSWERED;
    s->request_spent = true;
}

/* ---- failing and trying again ---- */

static uint64_t retry_delay_ms(struct session *s)
{
    uint32_t doublings = s->n_retries > 0 ? s->n_retries - 1 : 0;
    if (doublings > FAILURES_MAX - 1)
        doublings = FAILURES_MAX - 1;
    return engine_jitter_ms(engine_of(s),
                            (uint64_t)engine_of(s)->config.retry_base_ms << doublings);
}

static void tell_manual(struct session *s, enum cause cause)
{
    if (!s->manual_told)
        handover_manual(s, cause);
    s->manual_told = true;
}

static void end_failed(struct session *s, enum cause cause)
{
    struct engine *e = engine_of(s);
    uint64_t delay_ms = 0;
    bool interrupted = s->attempt.interrupted;
    struct syncshell_event *event = notify_session(s, SYNCSHELL_EVENT_ATTEMPT_FAILED, 0);
    request_forget_signals(e, s->id.text, UINT64_MAX);
    s->attempt = (struct attempt){0};
    if (s->joiner && s->episode) {
        /* What the relay's absence may have taken from it is nobody's failure. */
        if (!interrupted) {
            s->n_failures++;
            s->n_retries++;
        }
        bool more = interrupted || s->n_retries < FAILURES_MAX;
        delay_ms = more ? retry_delay_ms(s) : 0;
        s->retry_us = more ? time_add_ms(e->now_us, delay_ms) : TIME_NEVER_US;
    }
    notify_integer(event, SYNCSHELL_FIELD_ATTEMPT, s->n_attempts);
    notify_text(event, SYNCSHELL_FIELD_CAUSE, cause_name(cause));
    notify_integer(event, SYNCSHELL_FIELD_RETRY_MS, delay_ms);
    notify_send(e, event);
    if (s->joiner && s->episode && s->n_failures >= FAILURES_MAX)
        tell_manual(s, cause);
}

/* `ice_server`: the one that failed, NULL when nobody knows. */
static void fail_at(struct session *s, enum cause cause, const char *ice_server)
{
    report_attempt(s, cause_name(cause), ice_server);
    end_failed(s, cause);
}

static void fail(struct session *s, enum cause cause)
{
    fail_at(s, cause, NULL);
}

static void ask_for_offer(struct session *s)
{
    start(s, ATTEMPT_NEEDED, s->generation + 1, true);
    struct syncshell_event *event = notify_session(s, SYNCSHELL_EVENT_OFFER_NEEDED, 0);
    notify_integer(event, SYNCSHELL_FIELD_ATTEMPT, s->n_attempts);
    ice_tell(s, event);
}

void attempt_pump(struct session *s)
{
    bool due = s->joiner && s->episode && s->attempt.stage == ATTEMPT_NONE &&
               engine_of(s)->now_us >= s->retry_us;
    if (!due || s->phase != SESSION_OPENED || !s->announced || !s->syncshell->joined)
        return;
    if (s->generation == WIRE_INTEGER_MAX) {
        s->n_attempts++;
        fail(s, cause_of_code(WIRE_CODE_GENERATION_JUMP));
    } else if (syncshell_peer_online(s->syncshell, s->other.text)) {
        ask_for_offer(s);
    } else {
        s->n_attempts++;
        fail(s, CAUSE_PEER_AWAY);
    }
}

void attempt_tick(struct session *s)
{
    if (s->attempt.stage != ATTEMPT_NONE && s->attempt.stage != ATTEMPT_UP &&
        engine_of(s)->now_us >= s->attempt.deadline_us)
        fail(s, CAUSE_ATTEMPT_TIMEOUT);
}

void attempt_failed_there(struct session *s, uint64_t generation, const char *cause)
{
    const struct attempt *a = &s->attempt;
    bool waits =
        a->stage == ATTEMPT_OFFERED || a->stage == ATTEMPT_INCOMING || a->stage == ATTEMPT_ANSWERED;
    enum cause known = cause_from_name(cause);
    /* Without a report: the relay has just said so itself, and one failure would count twice. */
    if (waits && a->generation == generation)
        end_failed(s, known != CAUSE_NONE ? known : CAUSE_LINK_FAILED);
}

uint64_t attempt_deadline_us(const struct session *s)
{
    if (s->attempt.stage == ATTEMPT_UP)
        return TIME_NEVER_US;
    if (s->attempt.stage != ATTEMPT_NONE)
        return s->attempt.deadline_us;
    bool waits = s->joiner && s->episode && s->phase == SESSION_OPENED && s->announced &&
                 s->syncshell->joined;
    return waits ? s->retry_us : TIME_NEVER_US;
}

void attempt_disconnected(struct session *s)
{
    if (s->attempt.stage == ATTEMPT_NEEDED || ice_is_holding(s))
        drop(s); /* an offer that was not told yet comes again */
    else if (s->attempt.stage != ATTEMPT_NONE && s->attempt.stage != ATTEMPT_UP)
        s->attempt.interrupted = true;
}

static void retry_now(struct session *s)
{
    if (s->joiner && s->episode && s->attempt.stage == ATTEMPT_NONE)
        s->retry_us = engine_of(s)->now_us;
}

/* An offer is kept by a relay that lives, but one that died forgot it, and says nothing. */
static void offer_again(struct session *s)
{
    if (s->joiner && s->episode && s->attempt.stage == ATTEMPT_OFFERED && s->attempt.interrupted) {
        drop(s);
        retry_now(s);
    }
}

/* What failed before says little about the new state of things: the schedule begins anew. */
void attempt_now(struct session *s)
{
    s->n_retries = 0;
    retry_now(s);
}

void attempt_peer_online(struct session *s)
{
    offer_again(s);
    attempt_now(s);
}

/* Whoever came back while we were away is not announced: after the last failure nothing else would start an attempt. And what failed
 * before may have failed for want of our own way. */
void attempt_joined(struct session *s)
{
    if (!syncshell_peer_online(s->syncshell, s->other.text))
        return;
    offer_again(s);
    s->n_retries = 0;
    if (s->retry_us == TIME_NEVER_US)
        retry_now(s);
}

/* ---- what the application gives ---- */

/* Takes `encoded`, the result of encoding into `plain`. */
static bool send_signal(struct session *s, enum message_type type, uint64_t ticket,
                        uint64_t generation, struct buf *plain, int encoded)
{
    struct engine *e = engine_of(s);
    struct buf sealed = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    struct request r;
    bool sent = false;
    engine_check(e, encoded < 0 ? encoded : 0);
    if (encoded > 0) {
        refuse(s, ticket, generation, CODE_BAD_ARGUMENT);
    } else if (!s->syncshell->joined || s->phase != SESSION_OPENED) {
        refuse(s, ticket, generation, CODE_RELAY_UNREACHABLE);
    } else if (encoded == 0 && session_request(s, REQUEST_SIGNAL, type, &r)) {
        struct message m = {.type = type};
        m.routed.message_id = r.message_id;
        m.routed.syncshell_id = s->syncshell->id;
        m.routed.source_peer_id = e->config.peer_id;
        m.routed.target_peer_id = s->other;
        m.routed.recovery_session_id = s->id;
        m.routed.generation = generation;
        m.routed.body_format = BODY_FORMAT_SEALED;
        r.ticket = ticket;
        r.number = generation;
        if (envelope_seal_routed(s, type, generation, plain, &sealed)) {
            m.body = sealed.data;
            m.body_size = sealed.size;
            sent = request_send(e, &m, &r);
        }
        if (!sent && !e->stopped)
            refuse(s, ticket, generation, CODE_LIBRARY_FULL);
    }
    buf_deinit(&sealed);
    buf_deinit(plain);
    return sent;
}

/* NULL: an offer of that generation may be made. */
static const char *offer_fault(const struct session *s, uint64_t generation)
{
    const struct attempt *a = &s->attempt;
    if (a->stage == ATTEMPT_NEEDED && generation == a->generation)
        return NULL;
    if (generation == s->generation && a->stage != ATTEMPT_NONE && !a->ours &&
        a->generation == generation)
        return wire_code_name(WIRE_CODE_GLARE_LOST);
    if (generation <= s->generation)
        return wire_code_name(WIRE_CODE_STALE_GENERATION);
    return generation > s->generation + WIRE_GENERATION_JUMP_MAX || generation > WIRE_INTEGER_MAX
               ? wire_code_name(WIRE_CODE_GENERATION_JUMP)
               : NULL;
}

void attempt_offer(struct session *s, uint64_t ticket, uint64_t generation, const char *sdp)
{
    if (generation == 0)
        generation = s->generation + 1;
    const char *fault = offer_fault(s, generation);
    if (fault) {
        refuse(s, ticket, generation, fault);
        return;
    }
    char *text = strdup(sdp);
    const struct body_signal signal = {.sdp = text, .sdp_mline_index = -1};
    struct buf plain = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    int encoded = text ? body_offer_encode(&plain, &signal) : -ENOMEM;
    free(text);
    if (s->attempt.stage == ATTEMPT_UP)
        session_lose_link(s); /* the link is given up for a new one, which may fail */
    raise_generation(s, generation);
    start(s, ATTEMPT_OFFERED, generation, true);
    if (!send_signal(s, MESSAGE_RECONNECT_OFFER, ticket, generation, &plain, encoded) &&
        !engine_of(s)->stopped)
        fail(s, encoded > 0 ? CAUSE_HELD_FULL : CAUSE_RELAY_UNREACHABLE);
}

static const char *answer_fault(const struct session *s, uint64_t generation)
{
    const struct attempt *a = &s->attempt;
    if (a->stage == ATTEMPT_NONE || a->generation != generation || a->ours ||
        a->stage == ATTEMPT_UP)
        return wire_code_name(WIRE_CODE_STALE_GENERATION);
    return a->stage == ATTEMPT_ANSWERED ? wire_code_name(WIRE_CODE_ALREADY_ANSWERED) : NULL;
}

void attempt_answer(struct session *s, uint64_t ticket, uint64_t generation, const char *sdp)
{
    const char *fault = answer_fault(s, generation);
    if (fault) {
        refuse(s, ticket, generation, fault);
        return;
    }
    char *text = strdup(sdp);
    const struct body_signal signal = {.sdp = text, .sdp_mline_index = -1};
    struct buf plain = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    int encoded = text ? body_answer_encode(&plain, &signal) : -ENOMEM;
    free(text);
    if (send_signal(s, MESSAGE_RECONNECT_ANSWER, ticket, generation, &plain, encoded))
        answered(s);
}

void attempt_candidate(struct session *s, uint64_t ticket, uint64_t generation,
                       const char *candidate, const char *sdp_mid, int32_t sdp_mline_index)
{
    const struct attempt *a = &s->attempt;
    if (a->stage == ATTEMPT_NONE || a->stage == ATTEMPT_NEEDED || a->generation != generation) {
        refuse(s, ticket, generation, wire_code_name(WIRE_CODE_STALE_GENERATION));
        return;
    }
    char *text = strdup(candidate);
    char *mid = sdp_mid ? strdup(sdp_mid) : NULL;
    const struct body_signal signal = {
        .sdp = text, .sdp_mid = mid, .sdp_mline_index = sdp_mline_index};
    struct buf plain = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    int encoded = text && (mid || !sdp_mid) ? body_candidate_encode(&plain, &signal) : -ENOMEM;
    free(text);
    free(mid);
    send_signal(s, MESSAGE_ICE_CANDIDATE, ticket, generation, &plain, encoded);
}

static void link_up(struct session *s, uint64_t generation, const char *ice_server)
{
    struct syncshell_event *event = notify_signal(s, SYNCSHELL_EVENT_RECOVERED, 0, generation);
    notify_integer(event, SYNCSHELL_FIELD_ATTEMPT, s->n_attempts);
    notify_send(engine_of(s), event);
    request_forget_signals(engine_of(s), s->id.text, UINT64_MAX);
    s->attempt.generation = generation;
    report_attempt(s, "", ice_server);
    s->attempt.stage = ATTEMPT_UP;
    s->episode = false;
    s->n_attempts = 0;
    s->n_failures = 0;
    s->n_retries = 0;
    s->manual_told = false;
    s->retry_us = TIME_NEVER_US;
}

void attempt_link(struct session *s, uint64_t ticket, uint64_t generation,
                  const struct engine_link *link)
{
    /* A link that is up outlives generations which the other side offered while nobody could tell us. */
    uint64_t live = s->attempt.stage == ATTEMPT_UP && link->state != SYNCSHELL_LINK_UP
                        ? s->attempt.generation
                        : s->generation;
    if (generation == 0)
        generation = live;
    if (generation == 0 || (generation != live && generation != s->generation)) {
        refuse(s, ticket, generation, wire_code_name(WIRE_CODE_STALE_GENERATION));
        return;
    }
    if (link->state == SYNCSHELL_LINK_UP) {
        link_up(s, generation, link->ice_server);
    } else if (s->attempt.stage == ATTEMPT_UP) {
        session_lose_link(s);
    } else if (s->attempt.stage != ATTEMPT_NONE && s->attempt.generation == generation) {
        enum cause cause = link->state == SYNCSHELL_LINK_LOST ? CAUSE_LINK_LOST : CAUSE_LINK_FAILED;
        fail_at(s, link->cause != CAUSE_NONE ? link->cause : cause, link->ice_server);
    }
}

/* ---- what the other side sends ---- */

bool attempt_expects(const struct session *s, const struct message *m)
{
    const struct attempt *a = &s->attempt;
    uint64_t generation = m->routed.generation;
    if (s->phase != SESSION_OPENED)
        return false;
    if (m->type == MESSAGE_RECONNECT_OFFER) {
        bool known = a->stage != ATTEMPT_NONE && a->generation == generation && !a->ours;
        return generation >= s->generation &&
               generation <= s->generation + WIRE_GENERATION_JUMP_MAX && !known;
    }
    if (a->stage == ATTEMPT_NONE || a->stage == ATTEMPT_NEEDED || a->generation != generation)
        return false;
    return m->type == MESSAGE_ICE_CANDIDATE || (a->ours && a->stage == ATTEMPT_OFFERED);
}

static void tell_signal(struct session *s, int32_t type, const struct message *m,
                        const struct body_signal *signal)
{
    struct syncshell_event *event = notify_signal(s, type, 0, m->routed.generation);
    if (event)
        event_add_line(event, SYNCSHELL_FIELD_SDP,
                       signal->sdp); /* there are no more candidates: "" */
    notify_text(event, SYNCSHELL_FIELD_SDP_MID, signal->sdp_mid);
    if (type == SYNCSHELL_EVENT_CANDIDATE && signal->sdp_mline_index >= 0)
        notify_integer(event, SYNCSHELL_FIELD_SDP_MLINE_INDEX, (uint64_t)signal->sdp_mline_index);
    ice_tell(s, event);
}

const char *attempt_received(struct session *s, const struct message *m, const struct buf *plain)
{
    struct body_signal signal = {0};
    bool offer = m->type == MESSAGE_RECONNECT_OFFER;
    bool answer = m->type == MESSAGE_RECONNECT_ANSWER;
    int r = offer    ? body_offer_decode(&signal, plain->data, plain->size)
            : answer ? body_answer_decode(&signal, plain->data, plain->size)
                     : body_candidate_decode(&signal, plain->data, plain->size);
    engine_check(engine_of(s), r < 0 ? r : 0);
    if (r != 0)
        return CODE_BAD_BODY;
    if (offer) {
        if (s->attempt.stage == ATTEMPT_UP)
            session_lose_link(s); /* they have lost the link that we still think to have */
        raise_generation(s, m->routed.generation);
        start(s, ATTEMPT_INCOMING, m->routed.generation, false);
    } else if (answer) {
        answered(s);
    }
    tell_signal(s,
                offer    ? SYNCSHELL_EVENT_OFFER
                : answer ? SYNCSHELL_EVENT_ANSWER
                         : SYNCSHELL_EVENT_CANDIDATE,
                m, &signal);
    body_signal_deinit(&signal);
    return NULL;
}

/* ---- what the relay says about our signals ---- */

void attempt_held(struct session *s, const struct request *r, uint32_t held_for_ms)
{
    struct syncshell_event *event =
        notify_signal(s, SYNCSHELL_EVENT_SIGNAL_HELD, r->ticket, r->number);
    notify_integer(event, SYNCSHELL_FIELD_HELD_MS, held_for_ms);
    notify_send(engine_of(s), event);
}

void attempt_refused(struct session *s, const struct request *r, enum wire_code code,
                     bool has_generation, uint64_t generation)
{
    bool current = s->attempt.stage == ATTEMPT_OFFERED && s->attempt.generation == r->number;
    bool glare = code == WIRE_CODE_GLARE_LOST;
    refuse(s, r->ticket, r->number, wire_code_name(code));
    if (has_generation)
        attempt_generation_told(s, generation);
    if (r->type != MESSAGE_RECONNECT_OFFER || !current)
        return;
    if (glare)
        drop(s); /* the winner's offer is here or comes */
    else
        fail(s, cause_of_code(code));
    if (glare)
        s->retry_us = time_add_ms(engine_of(s)->now_us, engine_of(s)->config.attempt_timeout_ms);
    else if (has_generation && s->n_retries < FAILURES_MAX)
        retry_now(s); /* only the number was wrong */
}
