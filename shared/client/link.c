#include "client/link.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/notify.h"
#include "client/request.h"
#include "client/session.h"
#include "client/syncshell.h"
#include "wire/challenge.h"

enum {
    MESSAGE_ID_BYTES = 12,
    GO_AWAY_MAX_MS = 3600000, /* an operator can set a sixth of it: more is not believed */
    RETRY_AFTER_MAX_MS =
        60000, /* anybody on the way may ask for it: no more than what we do by ourselves */
    REPLACED_PAUSE_MS = 30000, /* up to twice: somebody runs with our key, do not fight */
    CLOSE_DO_NOT_RETURN_FIRST = 4400,
    CLOSE_DO_NOT_RETURN_LAST = 4499,
    DOUBLINGS_MAX = 16,
    SHORT_LIFE_MS = 10000,
};

int link_origin(const char *url, char *ret_origin, size_t size)
{
    const char *default_port;
    size_t scheme;
    if (strncmp(url, "ws://", 5) == 0) {
        default_port = ":80";
        scheme = 5;
    } else if (strncmp(url, "wss://", 6) == 0) {
        default_port = ":443";
        scheme = 6;
    } else {
        return ENGINE_E_ARGUMENT;
    }
    size_t length = scheme + strcspn(url + scheme, "/?#");
    if (length == scheme || length >= size)
        return ENGINE_E_ARGUMENT;
    memcpy(ret_origin, url, length);
    ret_origin[length] = '\0';
    for (char *c = ret_origin; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
    if (scheme + strspn(ret_origin + scheme, alphabet) != length)
        return ENGINE_E_ARGUMENT;
    size_t port = strlen(default_port);
    assert(length > port); /* the scheme alone is longer */
    if (str_equal(ret_origin + length - port, default_port))
        ret_origin[length - port] = '\0';
    return 0;
}

static void dial(struct engine *e)
{
    if (link_origin(e->relay_url, e->link.origin, sizeof e->link.origin) != 0) {
        engine_fail(e, CODE_BAD_ARGUMENT, "the relay's URL is not ws:// or wss://");
        return;
    }
    e->link.state = LINK_DIALLING;
    e->link.deadline_us = time_add_ms(e->now_us, e->config.request_timeout_ms);
    e->effects.connection++;
    engine_check(e, effects_connect(&e->effects, e->relay_url));
}

static bool wanted(const struct engine *e)
{
    return e->syncshells.n_entries > 0 && *e->relay_url;
}

void link_pump(struct engine *e)
{
    if (!wanted(e))
        return;
    if (e->link.state == LINK_IDLE ||
        (e->link.state == LINK_WAITING && e->now_us >= e->link.retry_us))
        dial(e);
}

void link_give_up(struct engine *e)
{
    if (e->link.state == LINK_IDLE || e->link.state == LINK_WAITING ||
        e->link.state == LINK_CLOSING || e->link.state == LINK_REFUSED)
        return;
    e->link.state = LINK_CLOSING;
    engine_check(e, effects_disconnect(&e->effects));
}

void link_tick(struct engine *e)
{
    bool hurries = e->link.state == LINK_DIALLING || e->link.state == LINK_GREETING ||
                   e->link.state == LINK_AUTHENTICATING;
    if ((hurries && e->now_us >= e->link.deadline_us) ||
        (e->link.state == LINK_READY && request_overdue(e)))
        link_give_up(e);
}

uint64_t link_deadline_us(const struct engine *e)
{
    switch (e->link.state) {
    case LINK_WAITING:
        return wanted(e) ? e->link.retry_us : TIME_NEVER_US;
    case LINK_DIALLING:
    case LINK_GREETING:
    case LINK_AUTHENTICATING:
        return e->link.deadline_us;
    case LINK_READY:
        return request_deadline_us(e);
    case LINK_IDLE:
    case LINK_CLOSING:
    case LINK_REFUSED:
        break;
    }
    return TIME_NEVER_US;
}

void link_now(struct engine *e)
{
    if (e->link.state == LINK_WAITING || e->link.state == LINK_REFUSED) {
        e->link.state = LINK_WAITING;
        e->link.retry_us = e->now_us;
        e->link.failures = 0;
        e->link.short_lived = 0;
    }
}

/* ---- what happens to it ---- */

void link_connected(struct engine *e)
{
    if (e->link.state != LINK_DIALLING)
        return;
    e->link.state = LINK_GREETING;
    e->link.deadline_us = time_add_ms(e->now_us, e->config.request_timeout_ms);
}

static uint64_t between_ms(struct engine *e, uint64_t least_ms, uint64_t most_ms)
{
    return least_ms + engine_random_below(e, most_ms - least_ms + 1);
}

/* When a relay dies, all its clients lose it in the same instant. The first return is quick, since somebody may be waiting for
 * a transfer, but drawn from nearly a second: so of ten thousand clients a new process meets about eleven in a millisecond, and
 * not eighty. Those who find nobody yet draw from a whole delay around its middle, so that they don't come in step either. */
static uint64_t return_ms(struct engine *e)
{
    uint32_t doublings = e->link.failures;
    if (e->link.short_lived > 1)
        doublings += e->link.short_lived - 1;
    if (doublings == 0)
        return between_ms(e, e->config.reconnect_first_min_ms, e->config.reconnect_first_max_ms);
    if (doublings > DOUBLINGS_MAX)
        doublings = DOUBLINGS_MAX;
    uint64_t delay_ms = (uint64_t)e->config.reconnect_base_ms << doublings;
    if (delay_ms > e->config.reconnect_max_ms)
        delay_ms = e->config.reconnect_max_ms;
    return between_ms(e, delay_ms / 2, delay_ms / 2 + delay_ms);
}

/* Those who were turned away together do not come back together. */
static uint64_t retry_after_ms(struct engine *e)
{
    uint64_t asked_ms =
        e->link.retry_after_ms < RETRY_AFTER_MAX_MS ? e->link.retry_after_ms : RETRY_AFTER_MAX_MS;
    return asked_ms ? between_ms(e, asked_ms, asked_ms + asked_ms / 2) : 0;
}

static uint64_t pause_ms(struct engine *e, uint16_t close_code)
{
    uint64_t delay_ms = close_code == wire_code_close(WIRE_CODE_REPLACED)
                            ? between_ms(e, REPLACED_PAUSE_MS, UINT64_C(2) * REPLACED_PAUSE_MS)
                            : return_ms(e);
    uint64_t asked_ms =
        e->link.go_away_us > e->now_us ? (e->link.go_away_us - e->now_us) / 1000 : 0;
    if (asked_ms == 0)
        asked_ms = retry_after_ms(e);
    return asked_ms > delay_ms ? asked_ms : delay_ms;
}

static void tell_disconnected(struct engine *e, uint16_t close_code, uint64_t retry_ms)
{
    struct syncshell_event *event = notify_new(e, SYNCSHELL_EVENT_RELAY_DISCONNECTED, 0);
    enum wire_code code = e->link.farewell;
    if (code == WIRE_CODE_NONE)
        code = wire_code_from_close(close_code);
    if (e->link.fault)
        notify_text(event, SYNCSHELL_FIELD_CODE, e->link.fault);
    else if (code != WIRE_CODE_NONE)
        notify_text(event, SYNCSHELL_FIELD_CODE, wire_code_name(code));
    else if (e->link.failures > 0)
        notify_text(event, SYNCSHELL_FIELD_CODE, CODE_RELAY_UNREACHABLE);
    notify_text(event, SYNCSHELL_FIELD_MESSAGE, e->link.fault_text);
    notify_integer(event, SYNCSHELL_FIELD_RETRY_MS, retry_ms);
    notify_send(e, event);
}

void link_disconnected(struct engine *e, uint16_t close_code)
{
    if (e->link.state == LINK_IDLE || e->link.state == LINK_WAITING ||
        e->link.state == LINK_REFUSED)
        return;
    bool refused =
        close_code >= CLOSE_DO_NOT_RETURN_FIRST && close_code <= CLOSE_DO_NOT_RETURN_LAST;
    bool worked = e->link.state == LINK_READY || e->link.farewell == WIRE_CODE_SHUTTING_DOWN;
    e->link.failures = worked ? 0 : e->link.failures + 1;
    if (e->link.state == LINK_READY)
        e->link.short_lived =
            e->now_us < time_add_ms(e->link.ready_us, SHORT_LIFE_MS) ? e->link.short_lived + 1 : 0;
    e->effects.connection++;
    request_forget_all(e);
    for (struct map_node *n = map_next(&e->syncshells, NULL); n; n = map_next(&e->syncshells, n))
        syncshell_disconnected(container_of(n, struct syncshell, node));
    for (struct map_node *n = map_next(&e->sessions, NULL); n; n = map_next(&e->sessions, n))
        session_disconnected(container_of(n, struct session, node));
    uint64_t retry_ms = refused ? 0 : pause_ms(e, close_code);
    e->link.state = refused ? LINK_REFUSED : LINK_WAITING;
    e->link.retry_us = time_add_ms(e->now_us, retry_ms);
    e->link.go_away_us = 0;
    tell_disconnected(e, close_code, retry_ms);
    e->link.farewell = WIRE_CODE_NONE;
    e->link.fault = NULL;
    e->link.fault_text[0] = '\0';
    e->link.retry_after_ms = 0;
    e->relay_key.text[0] = '\0';
}

void link_hello(struct engine *e, const struct message_hello *m)
{
    if (e->link.state != LINK_GREETING || m->protocol_version != WIRE_PROTOCOL_VERSION) {
        if (m->protocol_version != WIRE_PROTOCOL_VERSION)
            e->link.farewell = WIRE_CODE_UNSUPPORTED_VERSION;
        link_give_up(e);
        return;
    }
    e->link.relay_id = m->relay_id;
    e->link.nonce = m->nonce;
    struct message reply = {.type = MESSAGE_AUTHENTICATE};
    struct request r = {.kind = REQUEST_AUTHENTICATE, .type = reply.type};
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    struct message_authenticate *a = &reply.authenticate;
    int result = engine_random_id(e, MESSAGE_ID_BYTES, &r.message_id);
    a->message_id = r.message_id;
    a->protocol_version = WIRE_PROTOCOL_VERSION;
    a->peer_id = e->config.peer_id;
    if (result == 0)
        result = str_copy(a->origin, sizeof a->origin, e->link.origin);
    if (result == 0 && e->access_key)
        result = str_copy(a->access_key, sizeof a->access_key, e->access_key);
    if (result == 0)
        result = challenge_authenticate(&text, a->origin, m->relay_id.text, m->nonce.text,
                                        a->peer_id.text);
    if (result == 0)
        result = e->crypto.sign(e->crypto.userdata, text.data, text.size, &a->signature);
    buf_deinit(&text);
    engine_check(e, result == 0 ? 0 : -ENOMEM);
    if (result == 0 && request_send(e, &reply, &r)) {
        e->link.state = LINK_AUTHENTICATING;
        e->link.deadline_us = time_add_ms(e->now_us, e->config.request_timeout_ms);
    }
}

void link_welcome(struct engine *e, const struct message_welcome *m)
{
    if (e->link.state != LINK_AUTHENTICATING)
        return;
    e->link.state = LINK_READY;
    e->link.ready_us = e->now_us;
    e->link.failures = 0;
    e->link.store_epoch = m->store_epoch;
    notify_send(e, notify_new(e, SYNCSHELL_EVENT_RELAY_CONNECTED, 0));
}

void link_refused(struct engine *e, enum wire_code code)
{
    e->link.farewell = code;
}

void link_fault(struct engine *e, const struct engine_fault *fault)
{
    e->link.fault = fault->code;
    (void)str_copy(e->link.fault_text, sizeof e->link.fault_text, fault->text);
    e->link.retry_after_ms = fault->retry_after_ms;
}

void link_go_away(struct engine *e, const struct message_go_away *m)
{
    uint32_t after_ms =
        m->reconnect_after_ms < GO_AWAY_MAX_MS ? m->reconnect_after_ms : GO_AWAY_MAX_MS;
    e->link.go_away_us = time_add_ms(e->now_us, after_ms);
    e->link.farewell = WIRE_CODE_SHUTTING_DOWN;
    link_give_up(e);
}
