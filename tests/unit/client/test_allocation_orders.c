/* An owner's orders and recovery codes, while memory runs out at every allocation of every call, once or for the rest of that
 * call, or one call of a cipher fails. The engine stops, and says so; its next process has every key that the relay was given,
 * and carries out every order that its journal has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "failmalloc.h"
#include "scene.h"
#include "wire/recovery_code.h"

enum { TICKET = 90, ROUNDS_MAX = 20 };

static struct {
    unsigned call; /* the one in which memory runs out */
    size_t n_good;
    bool for_good;
    unsigned n_calls;
    bool hit;
} fault;

/* What the relay has taken. */
static struct {
    bool rotated;
    struct wire_key group_public_key;
    bool handed_over;
    uint64_t sequence;
} relay;

static void arm(struct station *s)
{
    (void)s;
    if (fault.n_calls++ == fault.call)
        failmalloc_arm(fault.n_good, fault.for_good);
}

static void disarm(struct station *s)
{
    (void)s;
    if (fault.n_calls == fault.call + 1)
        fault.hit = failmalloc_disarm();
}

static void take(struct scene *s, const struct message *m)
{
    struct message answer = {.type = MESSAGE_STORED};
    if (m->type == MESSAGE_ROTATE_GROUP_KEY) {
        relay.rotated = true;
        relay.group_public_key = m->owner_operation.group_public_key;
    }
    relay.handed_over = relay.handed_over || m->type == MESSAGE_TRANSFER_OWNERSHIP;
    if (m->type == MESSAGE_ISSUE_RECOVERY_CODE) {
        answer.stored.in_reply_to = m->issue_recovery_code.message_id;
        answer.stored.has_valid_for_ms = true;
        answer.stored.valid_for_ms = 1000;
    } else if (m->type == MESSAGE_REDEEM_RECOVERY_CODE) {
        answer.stored.in_reply_to = m->redeem_recovery_code.message_id;
        wire_id_set(&answer.stored.recovery_session_id, "theirs");
    } else {
        relay.sequence = m->owner_operation.owner_sequence;
        answer.stored.in_reply_to = m->owner_operation.message_id;
    }
    scene_say(s, &answer);
}

static bool of_interest(enum message_type type)
{
    return type == MESSAGE_ROTATE_GROUP_KEY || type == MESSAGE_REMOVE_MEMBER ||
           type == MESSAGE_TRANSFER_OWNERSHIP || type == MESSAGE_ISSUE_RECOVERY_CODE ||
           type == MESSAGE_REDEEM_RECOVERY_CODE;
}

/* Answers what was asked; returns how much that was. */
static unsigned serve(struct scene *s)
{
    const struct message *m;
    unsigned n = 0;
    while ((m = scene_hear_any(s))) {
        if (!of_interest(m->type))
            continue;
        take(s, m);
        assert_true(++n < ROUNDS_MAX);
    }
    return n;
}

static void order(struct scene *s, enum message_type type, const char *peer_id)
{
    struct station *st = &s->station;
    STATION_CALL(st,
                 engine_owner_operation(st->engine, s->now_us, TICKET, SCENE_SHELL, type, peer_id));
    scene_settle(s);
    serve(s);
}

static void issue(struct scene *s)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_issue_code(st->engine, s->now_us, TICKET, SCENE_SESSION));
    scene_settle(s);
    serve(s);
}

static void redeem(struct scene *s)
{
    static const char text[] = "7YXW4KQ01N8DPZ3MB";
    struct station *st = &s->station;
    struct recovery_code code;
    assert_int_equal(recovery_code_read(&code, text, strlen(text)), 0);
    STATION_CALL(st, engine_redeem_code(st->engine, s->now_us, TICKET, SCENE_SHELL, &code));
    scene_settle(s);
    serve(s);
}

static void join(struct scene *s)
{
    const struct message_session_summary summary = scene_summary(s, true, 1, 1);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE,
                                           .owned = !relay.handed_over,
                                           .key_epoch = relay.rotated ? 2 : 1,
                                           .owner_sequence = relay.sequence,
                                           .sessions = &summary,
                                           .n_sessions = 1});
}

static void story(struct scene *s)
{
    struct wire_peer_id third;
    stub_peer_id(2, &third);
    issue(s);
    redeem(s);
    order(s, MESSAGE_REMOVE_MEMBER, third.text);
    order(s, MESSAGE_ROTATE_GROUP_KEY, NULL);
    order(s, MESSAGE_TRANSFER_OWNERSHIP, s->other.text);
    order(s, MESSAGE_ROTATE_GROUP_KEY, NULL); /* not ours any more */
}

/* The next process: nothing that was told or given away is lost, and nothing waits for ever. */
static void check(struct scene *s)
{
    struct station *st = &s->station;
    struct wire_key key;
    struct invite invite;
    bool told = station_find(st, SYNCSHELL_EVENT_KEY_ROTATED) != NULL;
    assert_true(!told || relay.rotated);
    scene_restart(s);
    join(s);
    serve(s);
    assert_int_equal(station_records(st, "session"), 1);
    const struct disk_record *record = station_record(st, "syncshell", SCENE_SHELL);
    assert_non_null(record);
    assert_null(strstr(record->value, "operations"));
    assert_int_equal(engine_invite(st->engine, SCENE_SHELL, &invite), 0);
    assert_int_equal(invite_key_epoch(&invite), relay.rotated ? 2 : 1);
    if (relay.rotated) {
        stub_group_public_key(invite.secret.text, SCENE_SHELL, &key);
        assert_string_equal(key.text, relay.group_public_key.text);
    }
    assert_string_equal(invite.owner_peer_id.text,
                        relay.handed_over ? s->other.text : s->self.text);
    assert_false(engine_stopped(st->engine));
}

static struct scene *begin(void **fresh)
{
    memset(&relay, 0, sizeof relay);
    assert_int_equal(scene_setup(fresh), 0);
    struct scene *s = *fresh;
    s->hears_codes = true;
    scene_session(s, true);
    scene_restart(s);
    join(s);
    scene_forget(s);
    return s;
}

static void end(struct scene *s, void **fresh, bool hit)
{
    assert_int_equal(engine_stopped(s->station.engine), hit);
    assert_int_equal(station_find(&s->station, SYNCSHELL_EVENT_STOPPED) != NULL, hit);
    if (!hit)
        assert_true(relay.rotated && relay.handed_over);
    check(s);
    assert_int_equal(scene_teardown(fresh), 0);
}

static bool run(void)
{
    void *fresh = NULL;
    struct scene *s = begin(&fresh);
    fault.n_calls = 0;
    fault.hit = false;
    s->station.before_call = arm;
    s->station.after_call = disarm;
    story(s);
    s->station.before_call = s->station.after_call = NULL;
    end(s, &fresh, fault.hit);
    return fault.hit;
}

static void sweep(bool for_good)
{
    unsigned n_hits = 0;
    fault.for_good = for_good;
    for (fault.call = 0; fault.call == 0 || fault.call < fault.n_calls; fault.call++)
        for (fault.n_good = 0; run(); fault.n_good++)
            n_hits++;
    print_message("# %u allocations failed\n", n_hits);
    assert_true(n_hits > 100);
}

static void test_memory_once(void **state)
{
    (void)state;
    sweep(false);
}

static void test_memory_for_good(void **state)
{
    (void)state;
    sweep(true);
}

static void test_ciphers(void **state)
{
    unsigned n_hits = 0;
    bool hit = true;
    (void)state;
    for (uint64_t at = 1; hit; at++) {
        void *fresh = NULL;
        struct scene *s = begin(&fresh);
        s->station.crypto.fails_at = at;
        story(s);
        hit = s->station.crypto.fails_at == 0;
        s->station.crypto.fails_at = 0;
        end(s, &fresh, hit);
        n_hits += hit;
    }
    print_message("# %u calls of a cipher failed\n", n_hits);
    assert_true(n_hits > 12);
}

static int setup(void **state)
{
    (void)state;
    failmalloc_watch_jansson();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_once),
        cmocka_unit_test(test_memory_for_good),
        cmocka_unit_test(test_ciphers),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
