#include "faults/member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <syncshell/syncshell.h>

#include "bench/load/die.h"
#include "bench/load/ws.h"
#include "client/event.h"
#include "faults/crowd.h"
#include "transport/crypto.h"
#include "transport/ed25519.h"

enum { CLOSE_CODE_BYTES = 2, FIRST_ADDRESS = 0x7f000100 /* 127.0.1.0 */ };

#define SESSION "s"

/* ---- the pair's application ---- */

static uint64_t ticket(struct member *m)
{
    return ++m->ticket;
}

static void check(const struct member *m, int r, const char *what)
{
    if (r != 0)
        die("member %zu: %s: %d", m->index, what, r);
}

static struct member *joiner_of(struct member *m)
{
    return m->joiner ? m : m->other;
}

static void find_whole(struct member *m)
{
    struct member *j = joiner_of(m);
    if (j->whole || !j->linked || !j->other->linked || !j->stored)
        return;
    j->whole = true;
    j->crowd->n_whole++;
    curve_count(j->crowd, &j->crowd->wholes);
}

static void on_created(struct member *m, const struct syncshell_event *event)
{
    struct invite invite;
    check(m,
          engine_invite(m->engine, event_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, NULL), &invite),
          "no invite");
    check(m->other, engine_join(m->other->engine, m->crowd->now_us, ticket(m->other), &invite),
          "join");
}

static void on_ready(struct member *m, const struct syncshell_event *event)
{
    if (!m->back) {
        m->back = true;
        samples_add(&m->crowd->greetings, 1000 * (m->crowd->now_us - m->accepted_us));
        curve_count(m->crowd, &m->crowd->returns);
    }
    if (!m->joiner || m->opened)
        return;
    m->opened = true;
    check(m,
          engine_session_open(m->engine, m->crowd->now_us, ticket(m),
                              event_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, NULL),
                              m->other->peer_id.text, true, SESSION, NULL),
          "open");
}

static void link_is(struct member *m, uint64_t generation, int32_t state)
{
    const struct engine_link link = {.state = state};
    check(m,
          engine_session_link(m->engine, m->crowd->now_us, ticket(m), SESSION, generation, &link),
          "link");
    m->generation = state == SYNCSHELL_LINK_UP ? generation : 0;
}

/* Something new to store: only a relay that takes it makes the session whole. */
static void report(struct member *m)
{
    struct body_file_list files = {0};
    struct body_file file = {.path = strdup("file"),
                             .hash = strdup("00"),
                             .algorithm = strdup("sha256"),
                             .size_bytes = m->generation,
                             .done = true};
    if (!file.path || !file.hash || !file.algorithm)
        die("no memory");
    check(m, body_file_list_append(&files, &file), "report");
    body_file_deinit(&file);
    m->report = ticket(m);
    check(m, engine_session_report(m->engine, m->crowd->now_us, m->report, SESSION, &files),
          "report");
}

static void on_recovered(struct member *m)
{
    m->linked = true;
    if (m->joiner)
        report(m);
}

static void lose_link(struct member *m)
{
    m->linked = false;
    if (m->generation)
        link_is(m, m->generation, SYNCSHELL_LINK_LOST);
}

/* The links share the relay's fate: it is all of them that come back. A link is lost at both of its ends, also where only one is gone, as
 * on a machine that is too busy to answer a ping. */
static void on_gone(struct member *m)
{
    m->back = m->stored = false;
    m->report = UINT64_MAX;
    if (joiner_of(m)->whole) {
        joiner_of(m)->whole = false;
        m->crowd->n_whole--;
    }
    lose_link(m);
    lose_link(m->other);
}

static void lose(struct member *m, const struct syncshell_event *event)
{
    const char *code = event_text(event, SYNCSHELL_FIELD_CODE, NULL);
    (void)fprintf(stderr, "member %zu: %s %s\n", m->index, event_type_name(event_type(event)),
                  code ? code : "");
    m->crowd->lost++;
}

static void on_refused(struct member *m, const struct syncshell_event *event)
{
    uint64_t retryable = 0;
    (void)event_integer(event, SYNCSHELL_FIELD_RETRYABLE, &retryable);
    if (retryable)
        m->crowd->request_faults++;
    else
        lose(m, event);
}

static void on_signal(struct member *m, const struct syncshell_event *event)
{
    uint64_t now_us = m->crowd->now_us;
    uint64_t generation = 0;
    (void)event_integer(event, SYNCSHELL_FIELD_GENERATION, &generation);
    if (event_type(event) == SYNCSHELL_EVENT_OFFER_NEEDED) {
        check(m, engine_session_offer(m->engine, now_us, ticket(m), SESSION, generation, "v=0 o"),
              "offer");
    } else if (event_type(event) == SYNCSHELL_EVENT_OFFER) {
        check(m, engine_session_answer(m->engine, now_us, ticket(m), SESSION, generation, "v=0 a"),
              "answer");
    } else {
        link_is(m, generation, SYNCSHELL_LINK_UP);
        link_is(m->other, generation, SYNCSHELL_LINK_UP);
    }
}

static void on_stored(struct member *m, const struct syncshell_event *event)
{
    uint64_t upto = 0;
    (void)event_integer(event, SYNCSHELL_FIELD_TICKET_UP_TO, &upto);
    if (upto >= m->report)
        m->stored = true;
}

static void take_event(struct member *m, const struct syncshell_event *event)
{
    switch (event_type(event)) {
    case SYNCSHELL_EVENT_SYNCSHELL_CREATED:
        on_created(m, event);
        break;
    case SYNCSHELL_EVENT_SYNCSHELL_READY:
        on_ready(m, event);
        break;
    case SYNCSHELL_EVENT_OFFER_NEEDED:
    case SYNCSHELL_EVENT_OFFER:
    case SYNCSHELL_EVENT_ANSWER:
        on_signal(m, event);
        break;
    case SYNCSHELL_EVENT_RECOVERED:
        on_recovered(m);
        break;
    case SYNCSHELL_EVENT_PROGRESS_STORED:
        on_stored(m, event);
        break;
    case SYNCSHELL_EVENT_ATTEMPT_FAILED:
        m->crowd->failed_attempts++;
        break;
    case SYNCSHELL_EVENT_REQUEST_FAILED:
        on_refused(m, event);
        break;
    case SYNCSHELL_EVENT_SESSION_CLOSED:
    case SYNCSHELL_EVENT_MEMBERSHIP_ENDED:
    case SYNCSHELL_EVENT_STOPPED:
        lose(m, event);
        break;
    default:
        break;
    }
    find_whole(m);
}

/* ---- the engine ---- */

static void dial(struct member *m)
{
    curve_count(m->crowd, &m->crowd->dials);
    m->upgraded = false;
    m->close_code = 0;
    if (!link_dial(&m->link, m->crowd->epoll, m->crowd->port, NULL, m)) {
        m->link.state = LINK_CLOSED;
        engine_disconnected(m->engine, m->crowd->now_us, 0);
    }
}

static void hang_up(struct member *m)
{
    if (m->link.state == LINK_CLOSED)
        return;
    link_close(&m->link);
    engine_disconnected(m->engine, m->crowd->now_us, m->close_code);
    if (m->back)
        on_gone(m);
}

static void send_frame(struct member *m, struct frame *takes_frame)
{
    if (m->link.state == LINK_OPEN) {
        ws_write(&m->link, takes_frame->binary ? WS_BINARY : WS_TEXT, takes_frame->data,
                 takes_frame->size, NULL, 0);
        link_flush(&m->link);
    }
    frame_unref(takes_frame);
}

static void apply(struct member *m, const struct engine_effect *effect)
{
    switch (effect->kind) {
    case ENGINE_CONNECT:
        dial(m);
        break;
    case ENGINE_DISCONNECT:
        hang_up(m);
        break;
    case ENGINE_SEND:
        send_frame(m, effect->frame);
        break;
    case ENGINE_JOURNAL_PUT:
    case ENGINE_JOURNAL_DELETE:
        break;
    case ENGINE_JOURNAL_COMMIT:
        engine_journal_done(m->engine, m->crowd->now_us, effect->batch, true);
        break;
    case ENGINE_EVENT:
        take_event(m, effect->event);
        if (event_receipt(effect->event))
            engine_event_taken(m->engine, m->crowd->now_us, event_receipt(effect->event));
        (void)event_free(effect->event);
        break;
    }
}

static bool pump_one(struct member *m)
{
    struct engine_effect effect;
    bool any = false;
    while (engine_next_effect(m->engine, &effect)) {
        apply(m, &effect);
        any = true;
    }
    m->due_us = engine_deadline_us(m->engine);
    return any;
}

/* What happens to one side of a pair may be a command to the other. */
static void pump(struct member *m)
{
    bool any = true;
    while (any) {
        any = pump_one(m);
        any = pump_one(m->other) || any;
    }
}

static int sign(void *userdata, const void *text, size_t size, struct wire_signature *ret_signature)
{
    const struct member *m = userdata;
    return ed25519_sign(m->key, text, size, ret_signature);
}

void member_init(struct member *m, struct crowd *crowd, size_t index)
{
    struct engine_crypto crypto = crypto_services(NULL);
    struct engine_config config;
    struct wire_key public_key;
    *m = (struct member){.crowd = crowd,
                         .other = &crowd->members[index ^ 1U],
                         .index = index,
                         .joiner = index % 2 == 1,
                         .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
                         .report = UINT64_MAX};
    if (!m->key || ed25519_public_key(m->key, &public_key) != 0)
        die("no key can be made");
    (void)snprintf(m->peer_id.text, sizeof m->peer_id.text, "ed25519:%s", public_key.text);
    m->link.from = FIRST_ADDRESS + (uint32_t)index; /* each at home somewhere else */
    crypto.userdata = m;
    crypto.sign = sign;
    engine_config_defaults(&config);
    config.peer_id = m->peer_id;
    check(m, engine_new(&m->engine, &config, &crypto), "engine");
    check(m, engine_start(m->engine, crowd->now_us, crowd->url), "start");
    m->due_us = engine_deadline_us(m->engine);
}

void member_deinit(struct member *m)
{
    link_close(&m->link);
    m->engine = engine_free(m->engine);
    EVP_PKEY_free(m->key);
}

void member_start(struct member *m)
{
    check(m, engine_create_syncshell(m->engine, m->crowd->now_us, ticket(m)), "create");
    pump(m);
}

void member_tick(struct member *m)
{
    engine_tick(m->engine, m->crowd->now_us);
    pump(m);
}

/* ---- the WebSocket ---- */

/* The relay does not fragment. False at its end. */
static bool take_frame(struct member *m, const struct ws_frame *f)
{
    if (f->opcode == WS_CLOSE) {
        if (f->size >= CLOSE_CODE_BYTES)
            m->close_code = (uint16_t)(f->payload[0] << 8 | f->payload[1]);
        return false;
    }
    if (f->opcode == WS_PING) {
        ws_write(&m->link, WS_PONG, f->payload, f->size, NULL, 0);
        link_flush(&m->link);
    } else if (f->opcode == WS_TEXT || f->opcode == WS_BINARY) {
        engine_receive(m->engine, m->crowd->now_us, f->opcode == WS_BINARY, f->payload, f->size);
    }
    return true;
}

static ptrdiff_t take(void *user, uint8_t *data, size_t size)
{
    struct member *m = user;
    size_t done = 0, n;
    struct ws_frame f;
    if (!m->upgraded) {
        ptrdiff_t head = ws_read_answer(data, size);
        if (head <= 0)
            return head;
        done = (size_t)head;
        m->upgraded = true;
        m->accepted_us = m->crowd->now_us;
        curve_count(m->crowd, &m->crowd->accepts);
        engine_connected(m->engine, m->crowd->now_us);
    }
    while ((n = ws_read(data + done, size - done, &f)) > 0) {
        if (!take_frame(m, &f))
            return -1;
        done += n;
    }
    return (ptrdiff_t)done;
}

void member_serve(struct member *m, uint32_t events)
{
    bool opened = false;
    if (m->link.state == LINK_CLOSED)
        return; /* closed earlier in this turn */
    bool alive = link_serve(&m->link, events, take, &opened);
    if (opened) {
        ws_write_request(&m->link, "/", "syncshell.v1");
        link_flush(&m->link);
    }
    if (!alive)
        hang_up(m);
    pump(m);
}
