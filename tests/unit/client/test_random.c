/* A relay that has lost its mind, an application that does anything in any order, a process that dies, and memory that runs
 * out: from one seed each.
 *
 * The engine may believe what such a relay says, or not; but it never falls over (P6), it answers a command with one failure at
 * most, and its journal always makes a new engine that comes back (P3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/code.h"
#include "failmalloc.h"
#include "random_game.h"

enum { SEEDS = 60, STEPS = 700 };

static struct game game;

/* --- memory -------------------------------------------------------------------------------------------------------- */

/* Randomness may be missing, too: that is the same to the engine. */
static void arm(struct station *st)
{
    st->crypto.random_fails = game.memory_is_short && one_in(&game, 60);
    if (game.memory_is_short && one_in(&game, 40))
        failmalloc_arm(draw(&game, 30), one_in(&game, 2));
}

static void disarm(struct station *st)
{
    st->crypto.random_fails = false;
    failmalloc_disarm();
}

/* --- the application ----------------------------------------------------------------------------------------------- */

static void take_events(struct game *g)
{
    struct station *st = &g->s->station;
    for (struct syncshell_event *e = station_next(st); e; e = station_next(st)) {
        uint64_t ticket = event_ticket(e);
        uint64_t generation = 0;
        const char *session = event_string(e, SYNCSHELL_FIELD_SESSION_ID);
        event_integer(e, SYNCSHELL_FIELD_GENERATION, &generation);
        if (event_type(e) == SYNCSHELL_EVENT_REQUEST_FAILED && ticket != 0) {
            assert_true(ticket < RANDOM_TICKETS);
            if (g->failed[ticket])
                fail_msg("ticket %u fails twice", (unsigned)ticket);
            g->failed[ticket] = true;
        } else if (event_type(e) == SYNCSHELL_EVENT_OFFER_NEEDED && !one_in(g, 4)) {
            STATION_CALL(st, engine_session_offer(st->engine, g->s->now_us, station_ticket(st),
                                                  session, generation, "offer"));
        } else if (event_type(e) == SYNCSHELL_EVENT_OFFER && !one_in(g, 4)) {
            STATION_CALL(st, engine_session_answer(st->engine, g->s->now_us, station_ticket(st),
                                                   session, generation, "answer"));
        }
        if (one_in(g, 6))
            return; /* the rest later */
    }
}

static void report_files(struct game *g, bool manifest)
{
    struct station *st = &g->s->station;
    struct body_file_list l = {0};
    unsigned n = draw(g, 3);
    for (unsigned i = 0; i <= n; i++) {
        char path[8];
        snprintf(path, sizeof path, "f%02u", i);
        struct body_file f = one_in(g, 3) && !manifest ? file_partial(path, 100, 0, 50)
                                                       : file_done(path, "abcd", 100);
        f.done = f.done && !manifest;
        files_add(&l, f);
    }
    if (!manifest) {
        station_report(st, draw_session(g), &l);
        return;
    }
    STATION_CALL(st, engine_session_set_manifest(st->engine, g->s->now_us, station_ticket(st),
                                                 draw_session(g), &l));
    body_file_list_deinit(&l);
}

/* What a fake or a real relay shows, and what an invite says that it should. */
static struct wire_key draw_key(struct game *g)
{
    struct wire_key key;
    memset(key.text, one_in(g, 3) ? 'P' : 'K', WIRE_KEY_LENGTH - 1);
    key.text[WIRE_KEY_LENGTH - 1] = 'A';
    key.text[WIRE_KEY_LENGTH] = '\0';
    return key;
}

static void about_membership(struct game *g)
{
    static const enum message_type operations[] = {MESSAGE_REMOVE_MEMBER, MESSAGE_ROTATE_GROUP_KEY,
                                                   MESSAGE_TRANSFER_OWNERSHIP,
                                                   MESSAGE_DELETE_SYNCSHELL};
    struct station *st = &g->s->station;
    uint64_t now_us = g->s->now_us;
    enum message_type type = operations[draw(g, one_in(g, 8) ? 4 : 3)];
    struct invite invite = {.secret = g->s->secret, .owner_peer_id = g->s->other};
    struct recovery_code code = {"7YXW4KQ01N8DPZ3MB"};
    str_copy(invite.relay_url, sizeof invite.relay_url, "wss://relay.example:8443/way");
    switch (draw(g, 6)) {
    case 0:
        wire_id_set(&invite.syncshell_id, draw_shell(g));
        if (one_in(g, 3))
            invite.certificate_pin = draw_key(g);
        if (one_in(g, 10))
            str_copy(invite.relay_url, sizeof invite.relay_url, "wss://elsewhere.example");
        if (one_in(g, 3)) {
            invite_set_key_epoch(&invite, 1 + draw(g, 3));
            invite.secret.text[0] = 'T';
        }
        STATION_CALL(st, engine_join(st->engine, now_us, station_ticket(st), &invite));
        break;
    case 1:
        if (one_in(g, 8))
            STATION_CALL(st, engine_leave(st->engine, now_us, station_ticket(st), draw_shell(g)));
        break;
    case 2:
        if (one_in(g, 8))
            STATION_CALL(st, engine_create_syncshell(st->engine, now_us, station_ticket(st)));
        break;
    case 3:
        STATION_CALL(
            st, engine_redeem_code(st->engine, now_us, station_ticket(st), draw_shell(g), &code));
        break;
    default:
        STATION_CALL(st, engine_owner_operation(st->engine, now_us, station_ticket(st),
                                                draw_shell(g), type, draw_peer(g).text));
        break;
    }
}

static void about_session(struct game *g)
{
    struct station *st = &g->s->station;
    uint64_t now_us = g->s->now_us;
    uint64_t generation = draw(g, 5);
    const char *session = draw_session(g);
    const struct engine_link link = {.state = (int32_t)draw(g, 5),
                                     .cause = (enum cause)draw(g, CAUSE_COUNT),
                                     .ice_server = one_in(g, 2) ? "turn:b.example" : NULL};
    switch (draw(g, 10)) {
    case 0:
        STATION_CALL(st, engine_session_close(st->engine, now_us, station_ticket(st), session,
                                              (int32_t)draw(g, 5)));
        break;
    case 1:
        STATION_CALL(st,
                     engine_session_issue_code(st->engine, now_us, station_ticket(st), session));
        break;
    case 2:
        STATION_CALL(
            st, engine_session_request_recovery(st->engine, now_us, station_ticket(st), session));
        break;
    case 3:
        STATION_CALL(st, engine_session_offer(st->engine, now_us, station_ticket(st), session,
                                              generation, "offer"));
        break;
    case 4:
        STATION_CALL(st, engine_session_candidate(st->engine, now_us, station_ticket(st), session,
                                                  generation, "candidate",
                                                  one_in(g, 2) ? "0" : NULL, -1));
        break;
    case 5:
        STATION_CALL(st, engine_session_answer(st->engine, now_us, station_ticket(st), session,
                                               generation, "answer"));
        break;
    case 6:
    case 7:
        STATION_CALL(st, engine_session_link(st->engine, now_us, station_ticket(st), session,
                                             generation, &link));
        break;
    default:
        STATION_CALL(st, engine_session_open(st->engine, now_us, station_ticket(st), draw_shell(g),
                                             draw_peer(g).text, one_in(g, 2), session,
                                             one_in(g, 2) ? "label" : NULL));
        break;
    }
}

static void act(struct game *g)
{
    static const uint16_t close_codes[] = {1000, 1006, 4001, 4002, 4401};
    struct scene *s = g->s;
    switch (draw(g, 12)) {
    case 0:
        if (s->connected && one_in(g, 3))
            scene_drop(s, close_codes[draw(g, 5)]);
        break;
    case 1:
        scene_advance_ms(s, draw(g, one_in(g, 10) ? 300000 : 3000));
        break;
    case 2:
        if (one_in(g, 6))
            scene_restart(s);
        break;
    case 3:
        STATION_CALL(&s->station, engine_network_changed(s->station.engine, s->now_us));
        s->refuses = one_in(g, 6);
        if (one_in(g, 4))
            engine_connection_fault(s->station.engine,
                                    &(struct engine_fault){.code = CODE_WRONG_CERTIFICATE_PIN,
                                                           .text = "another key",
                                                           .retry_after_ms = UINT32_MAX});
        break;
    case 4:
        report_files(g, one_in(g, 3));
        break;
    case 5:
        about_membership(g);
        break;
    case 6:
    case 7:
        about_session(g);
        break;
    default:
        if (s->connected && g->greeted == s->n_dials)
            relay_says_something(g);
        break;
    }
    scene_settle(s);
}

static void revive(struct game *g)
{
    struct scene *s = g->s;
    if (!engine_stopped(s->station.engine))
        return;
    g->n_stops++;
    assert_true(g->memory_is_short); /* nothing else stops it */
    bool was_short = g->memory_is_short;
    g->memory_is_short = false;
    scene_restart(s);
    g->memory_is_short = was_short;
}

/* --- and in the end ------------------------------------------------------------------------------------------------ */

/* Whatever it has come to believe: what is on its disk makes an engine that comes back, and asks to join. */
static void expect_return(struct game *g)
{
    struct scene *s = g->s;
    g->memory_is_short = s->refuses = false;
    scene_restart(s);
    if (station_records(&s->station, "syncshell") == 0)
        return;
    for (unsigned i = 0; i < 600 && !s->connected; i++)
        scene_advance_ms(s, 1000);
    assert_true(s->connected);
    scene_hello(s);
    scene_welcome(s);
    const struct message *m = scene_hear_any(s);
    assert_non_null(m);
    assert_true(m->type == MESSAGE_JOIN_SYNCSHELL || m->type == MESSAGE_CREATE_SYNCSHELL);
}

static unsigned play(uint64_t seed, bool memory_is_short)
{
    struct scene s;
    game = (struct game){.s = &s, .random = seed, .memory_is_short = memory_is_short};
    struct game *g = &game;
    scene_init(&s);
    s.hears_reports = s.hears_codes = s.hears_ice = true;
    s.station.before_call = arm;
    s.station.after_call = disarm;
    bool was_short = g->memory_is_short;
    g->memory_is_short = false;
    scene_boot(&s);
    g->greeted = s.n_dials;
    g->memory_is_short = was_short;
    for (unsigned i = 0; i < STEPS; i++) {
        relay_turn(g);
        revive(g);
        take_events(g);
        revive(g);
        act(g);
        revive(g);
    }
    expect_return(g);
    scene_deinit(&s);
    return g->n_stops;
}

static void p3_a_relay_may_say_anything(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        play(seed, false);
}

static void p3_a_relay_may_say_anything_while_memory_is_short(void **state)
{
    unsigned n_stops = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        n_stops += play(seed, true);
    assert_true(n_stops > 5 * SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p3_a_relay_may_say_anything),
        cmocka_unit_test(p3_a_relay_may_say_anything_while_memory_is_short),
    };
    failmalloc_watch_jansson();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
