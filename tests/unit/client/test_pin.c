/* Which key the relay must show, and who has a say in it. Comparing it is the transport's part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/code.h"
#include "scene.h"

enum { TICKET = 90 };

static struct wire_key key_of(char letter)
{
    struct wire_key key;
    memset(key.text, letter, WIRE_KEY_LENGTH - 1);
    key.text[WIRE_KEY_LENGTH - 1] = 'A';
    key.text[WIRE_KEY_LENGTH] = '\0';
    return key;
}

static void pin_p(struct station *st)
{
    const struct wire_key pin = key_of('P');
    engine_pin(st->engine, &pin);
}

static void pin_next(struct station *st)
{
    engine_pin(st->engine, NULL);
}

static void expect_pin(const struct scene *s, const char *text)
{
    assert_string_equal(engine_certificate_pin(s->station.engine).text, text);
}

static struct invite invite_with(const struct scene *s, const char *id, const char *pin)
{
    struct invite invite = {.secret = s->secret, .owner_peer_id = s->other};
    assert_int_equal(str_copy(invite.relay_url, sizeof invite.relay_url,
                              *s->url ? s->url : "wss://relay.example"),
                     0);
    assert_int_equal(wire_id_set(&invite.syncshell_id, id), 0);
    assert_int_equal(str_copy(invite.certificate_pin.text, sizeof invite.certificate_pin.text, pin),
                     0);
    return invite;
}

static void join(struct scene *s, const char *id, const char *pin)
{
    struct station *st = &s->station;
    const struct invite invite = invite_with(s, id, pin);
    scene_forget(s);
    STATION_CALL(st, engine_join(st->engine, s->now_us, TICKET, &invite));
    scene_settle(s);
}

static void expect_refusal(struct scene *s)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), TICKET);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_WRONG_CERTIFICATE_PIN);
}

static void test_of_the_application(void **state)
{
    struct scene *s = *state;
    s->station.before_start = pin_p;
    scene_boot(s);
    expect_pin(s, key_of('P').text);
    uint64_t n_writes = s->station.n_writes;
    scene_restart(s); /* the same pin: the journal has it */
    assert_int_equal(s->station.n_writes, n_writes);
    s->station.before_start = NULL;
    scene_restart(s);
    expect_pin(s, key_of('P').text);
}

/* It need not know the key: the next that is shown counts, and no later one. */
static void test_the_next_key(void **state)
{
    struct scene *s = *state;
    const struct wire_key first = key_of('F'), second = key_of('G');
    s->station.before_start = pin_next;
    scene_boot(s); /* without TLS: nothing is shown */
    expect_pin(s, "");
    s->station.before_start = NULL;
    s->shows = &first;
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    expect_pin(s, first.text);
    s->shows = &second;
    scene_restart(s);
    expect_pin(s, first.text);
    s->station.before_start = pin_next; /* again: until then the old one is in nobody's way */
    s->refuses = true;
    scene_restart(s);
    expect_pin(s, "");
    s->refuses = false;
    scene_advance_ms(s, 1000);
    expect_pin(s, second.text);
}

static void test_of_the_first_invite(void **state)
{
    struct scene *s = *state;
    const struct wire_key shown = key_of('F');
    s->shows = &shown;
    station_boot(&s->station, NULL);
    join(s, SCENE_SHELL, shown.text);
    expect_pin(s, shown.text);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    join(s, "another", key_of('G').text); /* a stranger's, who would lead us to his relay */
    expect_refusal(s);
    scene_silence(s);
    expect_pin(s, shown.text);
    assert_true(s->connected);
    join(s, "another", shown.text);
    scene_hear(s, MESSAGE_JOIN_SYNCSHELL);
    join(s, "third", "");
    scene_hear(s, MESSAGE_JOIN_SYNCSHELL);
    expect_pin(s, shown.text);
}

/* Nothing is pinned: what the relay has shown fits, and binds nobody. */
static void test_the_key_that_was_shown(void **state)
{
    struct scene *s = *state;
    const struct wire_key shown = key_of('F');
    s->shows = &shown;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    join(s, "another", shown.text);
    scene_hear(s, MESSAGE_JOIN_SYNCSHELL);
    expect_pin(s, "");
    join(s, "third", key_of('G').text);
    expect_refusal(s);
}

/* Whoever holds the secret is a member: the relay's key was changed. */
static void test_of_a_member(void **state)
{
    struct scene *s = *state;
    const struct wire_key old = key_of('F'), new = key_of('G');
    s->shows = &old;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    join(s, SCENE_SHELL, old.text); /* what this connection has shown: it stays */
    expect_pin(s, old.text);
    assert_int_equal(s->n_dials, 1);
    s->shows = &new;
    join(s, SCENE_SHELL, new.text);
    expect_pin(s, new.text);
    scene_advance_ms(s, 1000);
    assert_int_equal(s->n_dials, 2);
    assert_true(s->connected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_of_the_application),  SCENE_TEST(test_the_next_key),
        SCENE_TEST(test_of_the_first_invite), SCENE_TEST(test_the_key_that_was_shown),
        SCENE_TEST(test_of_a_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
