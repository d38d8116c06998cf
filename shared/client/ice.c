#include "client/ice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "base/timeutil.h"
#include "client/notify.h"
#include "client/request.h"
#include "client/session.h"

enum {
    US_PER_MS = 1000,
    AHEAD_MS = 10000, /* an offer follows its announcement at once; what is older is not fresh */
};

static struct engine *engine_of(const struct session *s)
{
    return s->syncshell->engine;
}

static void drop_events(struct session *s)
{
    for (struct list_node *n = list_first(&s->ice.events); n; n = list_first(&s->ice.events)) {
        list_unlink(n);
        event_free(event_from_node(n));
    }
}

void ice_init(struct session *s)
{
    list_init(&s->ice.events);
    s->ice.refresh_us = s->ice.expires_us = TIME_NEVER_US;
}

void ice_deinit(struct session *s)
{
    drop_events(s);
    free(s->ice.servers);
}

void ice_announced(struct session *s)
{
    s->ice.announced = true;
}

/* Of an attempt that is over. What it had is kept, in case that the next one gets no answer. */
static void forget_attempt(struct session *s)
{
    drop_events(s);
    s->ice.generation = 0;
    s->ice.asking = s->ice.holding = false;
    s->ice.refresh_us = TIME_NEVER_US;
}

static bool attempt_over(const struct session *s)
{
    return s->attempt.stage == ATTEMPT_NONE || s->attempt.generation != s->ice.generation;
}

void ice_attempt_started(struct session *s)
{
    bool offered = s->attempt.stage == ATTEMPT_OFFERED; /* it has not waited for us */
    drop_events(s);
    if (s->attempt.generation != s->ice.generation) {
        uint64_t now_us = engine_of(s)->now_us, refresh_us = s->ice.refresh_us;
        bool there = now_us < s->ice.ahead_until_us && now_us < s->ice.expires_us;
        forget_attempt(s);
        s->ice.generation = s->attempt.generation;
        s->ice.asking = s->ice.holding = !there;
        s->ice.refresh_us = there ? refresh_us : TIME_NEVER_US;
        s->ice.announced = false;
        s->ice.ahead_until_us = 0;
    }
    if (offered)
        s->ice.holding = false;
}

bool ice_is_holding(const struct session *s)
{
    return s->ice.holding && !attempt_over(s);
}

/* ---- telling ---- */

static void add_servers(struct session *s, struct syncshell_event *event)
{
    uint64_t now_us = engine_of(s)->now_us;
    if (!event || now_us >= s->ice.expires_us)
        return;
    event_add_ice_servers(event, s->ice.servers, s->ice.n_servers);
    if (s->ice.expires_us != TIME_NEVER_US)
        event_add_integer(event, SYNCSHELL_FIELD_ICE_TTL_MS,
                          (s->ice.expires_us - now_us) / US_PER_MS);
}

static bool starts_an_attempt(const struct syncshell_event *event)
{
    return event_type(event) == SYNCSHELL_EVENT_OFFER_NEEDED ||
           event_type(event) == SYNCSHELL_EVENT_OFFER;
}

static void tell_now(struct session *s, struct syncshell_event *takes_event)
{
    if (takes_event && starts_an_attempt(takes_event))
        add_servers(s, takes_event);
    notify_send(engine_of(s), takes_event);
}

void ice_tell(struct session *s, struct syncshell_event *takes_event)
{
    if (takes_event && ice_is_holding(s))
        list_append(&s->ice.events, event_node(takes_event));
    else
        tell_now(s, takes_event);
}

static void tell_servers(struct session *s)
{
    struct syncshell_event *event = notify_session(s, SYNCSHELL_EVENT_ICE_SERVERS, 0);
    notify_integer(event, SYNCSHELL_FIELD_ATTEMPT, s->n_attempts);
    add_servers(s, event);
    notify_send(engine_of(s), event);
}

/* What waited; nothing did when the application offered by itself, or had the servers before. */
static void tell(struct session *s)
{
    bool waited = !list_empty(&s->ice.events);
    s->ice.holding = false;
    for (struct list_node *n = list_first(&s->ice.events); n; n = list_first(&s->ice.events)) {
        list_unlink(n);
        tell_now(s, event_from_node(n));
    }
    if (!waited && s->ice.n_servers > 0)
        tell_servers(s);
}

/* ---- asking ---- */

/* An attempt's generation is never 0. */
static bool asked_ahead(const struct request *r)
{
    return r->number == 0;
}

static void send_request(struct session *s, uint64_t generation, uint32_t attempt)
{
    struct message m = {.type = MESSAGE_ICE_SERVERS_REQUEST};
    struct request r;
    if (!session_request(s, REQUEST_ICE, m.type, &r))
        return;
    r.number = generation;
    m.ice_servers_request.message_id = r.message_id;
    m.ice_servers_request.syncshell_id = s->syncshell->id;
    m.ice_servers_request.recovery_session_id = s->id;
    m.ice_servers_request.attempt = attempt ? attempt : 1;
    request_send(engine_of(s), &m, &r);
}

static bool can_ask(const struct session *s)
{
    return s->syncshell->joined && s->phase == SESSION_OPENED && !session_in_flight(s, REQUEST_ICE);
}

void ice_pump(struct session *s)
{
    if (s->ice.generation != 0 && attempt_over(s))
        forget_attempt(s);
    if (s->ice.announced && can_ask(s)) {
        s->ice.announced = false;
        send_request(s, 0, s->n_attempts + 1);
    }
    if (s->ice.generation == 0)
        return;
    if (engine_of(s)->now_us >= s->ice.refresh_us) {
        s->ice.refresh_us = TIME_NEVER_US;
        s->ice.asking = true;
    }
    if (s->ice.asking && can_ask(s))
        send_request(s, s->ice.generation, s->n_attempts);
}

uint64_t ice_deadline_us(const struct session *s)
{
    return s->ice.generation != 0 ? s->ice.refresh_us : TIME_NEVER_US;
}

/* ---- what the relay says ---- */

static void take(struct session *s, struct message_ice_servers *m)
{
    uint64_t now_us = engine_of(s)->now_us;
    free(s->ice.servers);
    s->ice.servers = m->servers;
    s->ice.n_servers = m->n_servers;
    m->servers = NULL;
    m->n_servers = 0;
    s->ice.expires_us = m->has_ttl_ms ? time_add_ms(now_us, m->ttl_ms) : TIME_NEVER_US;
    /* A quarter of the time is left for the answer. */
    uint64_t refresh_ms = (uint64_t)m->ttl_ms * 3 / 4;
    if (refresh_ms < ENGINE_RETRY_PAUSE_MS)
        refresh_ms = ENGINE_RETRY_PAUSE_MS;
    s->ice.refresh_us = m->has_ttl_ms ? time_add_ms(now_us, refresh_ms) : TIME_NEVER_US;
}

/* Whether an answer is the live attempt's. What was asked ahead belongs to whichever asks for some. */
static bool is_for_attempt(const struct session *s, const struct request *r)
{
    return !attempt_over(s) && (asked_ahead(r) ? s->ice.asking : r->number == s->ice.generation);
}

void ice_answered(struct session *s, const struct request *r, struct message_ice_servers *m)
{
    if (!is_for_attempt(s, r)) {
        if (asked_ahead(r)) {
            take(s, m);
            s->ice.ahead_until_us = time_add_ms(engine_of(s)->now_us, AHEAD_MS);
        }
        return; /* the live attempt, if there is one, asks for itself */
    }
    s->ice.asking = false;
    take(s, m);
    tell(s);
}

void ice_refused(struct session *s, const struct request *r, const struct message_error *error)
{
    if (!is_for_attempt(s, r))
        return;
    bool refreshing = !s->ice.holding;
    uint64_t delay_ms = ENGINE_RETRY_PAUSE_MS;
    if (error->has_retry_after && error->retry_after_ms > delay_ms)
        delay_ms = error->retry_after_ms;
    s->ice.asking = false;
    if (error->retryable)
        s->ice.refresh_us =
            time_add_ms(engine_of(s)->now_us, engine_jitter_ms(engine_of(s), delay_ms));
    if (!refreshing)
        tell(s);
}
