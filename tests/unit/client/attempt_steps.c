#include "attempt_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct syncshell_event *expect(struct scene *s, int32_t type)
{
    return station_expect(&s->station, type);
}

void expect_offer_needed(struct scene *s, uint64_t generation, uint64_t attempt)
{
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_OFFER_NEEDED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), generation);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_ATTEMPT), attempt);
}

uint64_t expect_failed(struct scene *s, const char *cause, uint64_t attempt)
{
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_ATTEMPT_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), cause);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_ATTEMPT), attempt);
    return event_number(e, SYNCSHELL_FIELD_RETRY_MS);
}

void expect_refused(struct scene *s, uint64_t ticket, uint64_t generation, const char *code)
{
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_SIGNAL_REFUSED);
    assert_int_equal(event_ticket(e), ticket);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), generation);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
}

void expect_signal(struct scene *s, int32_t type, uint64_t generation, const char *sdp)
{
    struct syncshell_event *e = expect(s, type);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), generation);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SDP), sdp);
}

void offer(struct scene *s, uint64_t ticket, uint64_t generation)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_offer(st->engine, s->now_us, ticket, SCENE_SESSION, generation,
                                          "our offer"));
    scene_settle(s);
}

void answer(struct scene *s, uint64_t ticket, uint64_t generation)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_answer(st->engine, s->now_us, ticket, SCENE_SESSION, generation,
                                           "our answer"));
    scene_settle(s);
}

void candidate(struct scene *s, uint64_t ticket, uint64_t generation)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_candidate(st->engine, s->now_us, ticket, SCENE_SESSION,
                                              generation, "our candidate", "0", 0));
    scene_settle(s);
}

void link_is(struct scene *s, uint64_t generation, int32_t link)
{
    struct station *st = &s->station;
    const struct engine_link told = {.state = link};
    STATION_CALL(st,
                 engine_session_link(st->engine, s->now_us, 99, SCENE_SESSION, generation, &told));
    scene_settle(s);
}

struct wire_id hear(struct scene *s, enum message_type type, uint64_t generation)
{
    const struct message *m = scene_hear(s, type);
    assert_int_equal(m->routed.generation, generation);
    assert_string_equal(m->routed.target_peer_id.text, s->other.text);
    assert_string_equal(m->routed.source_peer_id.text, s->self.text);
    assert_int_equal(m->routed.body_format, BODY_FORMAT_SEALED);
    return m->routed.message_id;
}

void up(struct scene *s)
{
    scene_session(s, true);
    offer(s, 10, 1);
    hear(s, MESSAGE_RECONNECT_OFFER, 1);
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 1, "their answer");
    link_is(s, 1, SYNCSHELL_LINK_UP);
    scene_forget(s);
}
