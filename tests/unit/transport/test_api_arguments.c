/* The public functions against arguments that are not allowed, one at a time, and against the limits themselves. The client
 * has a relay that nobody listens at: what is accepted shows by its ticket. */
#include "arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

#define SYNCSHELL "0123456789abcdef"
#define OTHER     "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define CODE      "7YXW-4KQ0-1N8D-PZ3MB"
/* {"relay":"ws://127.0.0.1:1","id":"0123456789abcdef","secret":"AAEC...","owner":OTHER} */
#define PASSPHRASE "correct horse battery staple"
#define INVITE                                                                                   \
    "syncshell1.eyJyZWxheSI6IndzOi8vMTI3LjAuMC4xOjEiLCJpZCI6IjAxMjM0NTY3ODlhYmNkZWYiLCJzZWNyZXQ" \
    "iOiJBQUVDQXdRRkJnY0lDUW9MREEwT0R4QVJFaE1VRlJZWEdCa2FHeHdkSGg4Iiwib3duZXIiOiJlZDI1NTE5OjExc" \
    "VlBWUt4Q3JmVlNfN1R5V1FIT2c3aGN2UGFwaU1scndJYWFQY0hVUm8ifQ"
/* The same for wss://relay.example. */
#define INVITE_ELSEWHERE                                                                         \
    "syncshell1.eyJyZWxheSI6IndzczovL3JlbGF5LmV4YW1wbGUiLCJpZCI6IjAxMjM0NTY3ODlhYmNkZWYiLCJzZWN" \
    "yZXQiOiJBQUVDQXdRRkJnY0lDUW9MREEwT0R4QVJFaE1VRlJZWEdCa2FHeHdkSGg4Iiwib3duZXIiOiJlZDI1NTE5O" \
    "jExcVlBWUt4Q3JmVlNfN1R5V1FIT2c3aGN2UGFwaU1scndJYWFQY0hVUm8ifQ"

enum { ID_MAX = 64, SDP_MAX = 60000, LABEL_MAX = 200 };

/* ---- options ---- */

static void assert_options_refused(const syncshell_options *o)
{
    syncshell_client *client = NULL;

    assert_int_equal(syncshell_client_new(o, &client), SYNCSHELL_E_ARGUMENT);
    assert_null(client);
}

static void options_are_checked(void **state)
{
    const struct fixture *f = *state;
    syncshell_options o = arguments_options(f);

    assert_options_refused(NULL);
    assert_int_equal(syncshell_client_new(&o, NULL), SYNCSHELL_E_ARGUMENT);
#define WRONG(field, value)         \
    do {                            \
        o = arguments_options(f);   \
        o.field = (value);          \
        assert_options_refused(&o); \
    } while (0)
    WRONG(size, 0);
    WRONG(size, 8);
    WRONG(reserved, 1);
    WRONG(state_dir, NULL);
    WRONG(state_dir, "");
    WRONG(relay_url, "");
    WRONG(relay_url, "http://127.0.0.1:1");
    WRONG(relay_url, "ws://127.0.0.1:1/path");
    WRONG(ca_file, "");
    WRONG(access_key, "");
    WRONG(access_key, "two words");
    WRONG(access_key, "\n");
    WRONG(certificate_pin, "no key");
    WRONG(certificate_pin, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9"); /* not canonical */
    WRONG(access_key, text_of(129));
    WRONG(retry_base_ms, 0);
    WRONG(attempt_timeout_ms, 0);
    WRONG(events_max, 0);
#undef WRONG
}

static void options_have_defaults(void **state)
{
    struct {
        syncshell_options o;
        unsigned char behind[16];
    } larger;
    syncshell_options o;

    (void)state;
    memset(&o, 0x5a, sizeof o);
    syncshell_options_init(&o, sizeof o);
    assert_int_equal(o.size, sizeof o);
    assert_int_equal(o.reserved, 0);
    assert_null(o.state_dir);
    assert_null(o.relay_url);
    assert_null(o.wake);
    assert_int_equal(o.retry_base_ms, 2000);
    assert_int_equal(o.attempt_timeout_ms, 15000);
    assert_int_equal(o.stop_timeout_ms, 3000);
    assert_int_equal(o.events_max, 4096);
    memset(&larger, 0x5a, sizeof larger);
    syncshell_options_init(&larger.o, (uint32_t)offsetof(syncshell_options, events_max));
    assert_int_equal(larger.o.events_max, 0x5a5a5a5a);
    syncshell_options_init(&larger.o, sizeof larger);
    assert_int_equal(larger.o.size, sizeof larger);
    assert_int_equal(larger.behind[15], 0);
    syncshell_options_init(NULL, sizeof o);
}

static void a_later_programs_options_are_taken_when_empty(void **state)
{
    const struct fixture *f = *state;
    struct {
        syncshell_options o;
        uint64_t later;
    } larger;
    syncshell_client *client = NULL;

    syncshell_options_init(&larger.o, sizeof larger);
    larger.o.state_dir = f->scratch->path;
    larger.later = 1;
    assert_options_refused(&larger.o);
    larger.later = 0;
    assert_int_equal(syncshell_client_new(&larger.o, &client), SYNCSHELL_E_STATE_IN_USE);
}

static void an_earlier_programs_options_are_taken(void **state)
{
    static const union {
        uint32_t bits;
        const char *text;
    } garbage = {.bits = 7};
    const struct fixture *f = *state;
    syncshell_client *client = NULL;
    syncshell_options o;

    syncshell_options_init(&o, (uint32_t)offsetof(syncshell_options, certificate_pin));
    o.state_dir = f->scratch->path;
    o.certificate_pin = garbage.text; /* behind the end of what that program knows */
    assert_int_equal(syncshell_client_new(&o, &client), SYNCSHELL_E_STATE_IN_USE);
    o.size -= 1;
    assert_options_refused(&o);
}

/* ---- without a client ---- */

static void no_client_is_an_argument_error(void **state)
{
    const syncshell_file file = {.size = sizeof file, .path = "a"};
    syncshell_event *event = NULL;
    char text[SYNCSHELL_INVITE_SIZE];

    (void)state;
    syncshell_client_free(NULL);
    REFUSED(syncshell_client_peer_id(NULL, text, sizeof text));
    REFUSED(syncshell_client_invite(NULL, SYNCSHELL, text, sizeof text, NULL));
    REFUSED(syncshell_client_next_event(NULL, &event));
    REFUSED(syncshell_client_wait_event(NULL, 0, &event));
    assert_int_equal(syncshell_client_wake_fd(NULL), -1);
    REFUSED(syncshell_client_create_syncshell(NULL, &ticket));
    REFUSED(syncshell_client_join(NULL, INVITE, SYNCSHELL_ZERO_TERMINATED, &ticket));
    REFUSED(syncshell_client_create_with_passphrase(NULL, PASSPHRASE, SYNCSHELL_ZERO_TERMINATED,
                                                    &ticket));
    REFUSED(syncshell_client_join_with_passphrase(NULL, SYNCSHELL, PASSPHRASE,
                                                  SYNCSHELL_ZERO_TERMINATED, &ticket));
    REFUSED(syncshell_client_leave(NULL, SYNCSHELL, &ticket));
    REFUSED(syncshell_client_remove_member(NULL, SYNCSHELL, OTHER, &ticket));
    REFUSED(syncshell_client_rotate_group_key(NULL, SYNCSHELL, &ticket));
    REFUSED(syncshell_client_hand_over(NULL, SYNCSHELL, OTHER, &ticket));
    REFUSED(syncshell_client_delete_syncshell(NULL, SYNCSHELL, &ticket));
    REFUSED(syncshell_session_issue_code(NULL, "s", &ticket));
    REFUSED(
        syncshell_client_redeem_code(NULL, SYNCSHELL, CODE, SYNCSHELL_ZERO_TERMINATED, &ticket));
    REFUSED(syncshell_client_network_changed(NULL));
    REFUSED(syncshell_session_open(NULL, SYNCSHELL, OTHER, 1, NULL, NULL, &ticket));
    REFUSED(syncshell_session_set_manifest(NULL, "s", &file, 1, &ticket));
    REFUSED(syncshell_session_report(NULL, "s", &file, 1, &ticket));
    REFUSED(syncshell_session_offer(NULL, "s", 1, "x", 1, &ticket));
    REFUSED(syncshell_session_answer(NULL, "s", 1, "x", 1, &ticket));
    REFUSED(syncshell_session_candidate(NULL, "s", 1, "x", 1, NULL, -1, &ticket));
    REFUSED(syncshell_session_link(NULL, "s", 1, SYNCSHELL_LINK_UP, &ticket));
    REFUSED(syncshell_session_request_recovery(NULL, "s", &ticket));
    REFUSED(syncshell_session_close(NULL, "s", SYNCSHELL_OUTCOME_FAILED, &ticket));
}

static void no_event_has_nothing(void **state)
{
    syncshell_file file = {.size = sizeof file};
    uint64_t value = 5;
    syncshell_ice_server server = {.size = sizeof server};

    (void)state;
    syncshell_event_free(NULL);
    assert_int_equal(syncshell_event_get_type(NULL), 0);
    assert_int_equal(syncshell_event_ticket(NULL), 0);
    assert_null(syncshell_event_text(NULL, SYNCSHELL_FIELD_CODE, NULL));
    assert_int_equal(syncshell_event_integer(NULL, SYNCSHELL_FIELD_BYTES, &value),
                     SYNCSHELL_E_ARGUMENT);
    assert_int_equal(syncshell_event_file_count(NULL, SYNCSHELL_FILES_HELD), 0);
    assert_int_equal(syncshell_event_file(NULL, SYNCSHELL_FILES_HELD, 0, &file),
                     SYNCSHELL_E_ARGUMENT);
    assert_int_equal(syncshell_event_ice_server_count(NULL), 0);
    assert_int_equal(syncshell_event_ice_server(NULL, 0, &server), SYNCSHELL_E_ARGUMENT);
    assert_int_equal(value, 5);
}

/* ---- what can be asked ---- */

static void the_peer_id_needs_its_room(void **state)
{
    const struct fixture *f = *state;
    char text[SYNCSHELL_PEER_ID_SIZE] = "as before";

    REFUSED(syncshell_client_peer_id(f->client, NULL, sizeof text));
    assert_int_equal(syncshell_client_peer_id(f->client, text, sizeof text - 1),
                     SYNCSHELL_E_BUFFER);
    assert_string_equal(text, "as before");
    assert_int_equal(syncshell_client_peer_id(f->client, text, sizeof text), SYNCSHELL_OK);
    assert_int_equal(strlen(text), SYNCSHELL_PEER_ID_SIZE - 1);
    assert_memory_equal(text, "ed25519:", 8);
}

static void only_a_known_syncshell_has_an_invite(void **state)
{
    const struct fixture *f = *state;
    char text[SYNCSHELL_INVITE_SIZE] = "as before";
    size_t size = 5;

    REFUSED(syncshell_client_invite(f->client, NULL, text, sizeof text, &size));
    REFUSED(syncshell_client_invite(f->client, "", text, sizeof text, &size));
    REFUSED(syncshell_client_invite(f->client, "not an id", text, sizeof text, &size));
    REFUSED(syncshell_client_invite(f->client, SYNCSHELL, NULL, 1, &size));
    assert_int_equal(syncshell_client_invite(f->client, SYNCSHELL, text, sizeof text, &size),
                     SYNCSHELL_E_UNKNOWN);
    assert_int_equal(size, 5);
    assert_string_equal(text, "as before");
}

static void events_need_a_place(void **state)
{
    const struct fixture *f = *state;

    REFUSED(syncshell_client_next_event(f->client, NULL));
    REFUSED(syncshell_client_wait_event(f->client, 0, NULL));
    assert_true(syncshell_client_wake_fd(f->client) >= 0);
}

/* ---- commands ---- */

static void passphrases_are_checked(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } refused[] = {
        {NULL, 0},
        {"eleven byte", SYNCSHELL_ZERO_TERMINATED},
        {PASSPHRASE, 11},
        {"a NUL inside\0 of it", 18},
        {"no UTF-8 \xff\xff\xff", SYNCSHELL_ZERO_TERMINATED},
    };
    struct fixture *f = *state;
    char longest[1026];
    uint64_t unset = 77;

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(syncshell_client_create_with_passphrase(f->client, refused[i].text,
                                                                 refused[i].length, &unset),
                         SYNCSHELL_E_PASSPHRASE);
        assert_int_equal(syncshell_client_join_with_passphrase(
                             f->client, SYNCSHELL, refused[i].text, refused[i].length, &unset),
                         SYNCSHELL_E_PASSPHRASE);
    }
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(syncshell_client_create_with_passphrase(f->client, longest,
                                                             SYNCSHELL_ZERO_TERMINATED, &unset),
                     SYNCSHELL_E_PASSPHRASE);
    REFUSED(syncshell_client_join_with_passphrase(f->client, NULL, PASSPHRASE,
                                                  SYNCSHELL_ZERO_TERMINATED, &ticket));
    REFUSED(syncshell_client_join_with_passphrase(f->client, "no id", PASSPHRASE,
                                                  SYNCSHELL_ZERO_TERMINATED, &ticket));
    assert_int_equal(unset, 77);
    ACCEPTED(f, syncshell_client_create_with_passphrase(f->client, longest, 1024, &ticket));
    ACCEPTED(f, syncshell_client_join_with_passphrase(f->client, SYNCSHELL, PASSPHRASE,
                                                      SYNCSHELL_ZERO_TERMINATED, &ticket));
}

static void invites_are_checked(void **state)
{
    struct fixture *f = *state;
    uint64_t unset = 77;

    REFUSED(syncshell_client_join(f->client, NULL, 0, &ticket));
    assert_int_equal(syncshell_client_join(f->client, "", SYNCSHELL_ZERO_TERMINATED, &unset),
                     SYNCSHELL_E_INVITE);
    assert_int_equal(syncshell_client_join(f->client, INVITE, sizeof INVITE - 2, &unset),
                     SYNCSHELL_E_INVITE);
    assert_int_equal(
        syncshell_client_join(f->client, INVITE_ELSEWHERE, SYNCSHELL_ZERO_TERMINATED, &unset),
        SYNCSHELL_E_OTHER_RELAY);
    assert_int_equal(unset, 77);
    ACCEPTED(f, syncshell_client_join(f->client, INVITE " not of it", sizeof INVITE - 1, &ticket));
}

static void ids_are_checked(void **state)
{
    struct fixture *f = *state;
    const char *bad[] = {NULL, "", "a b", "a/b", "\xc3\xa4", text_of(ID_MAX + 1)};
    const syncshell_file file = {.size = sizeof file, .path = "a"};
    syncshell_client *c = f->client;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *id = bad[i];

        REFUSED(syncshell_client_leave(c, id, &ticket));
        REFUSED(syncshell_client_remove_member(c, id, OTHER, &ticket));
        REFUSED(syncshell_client_rotate_group_key(c, id, &ticket));
        REFUSED(syncshell_client_hand_over(c, id, OTHER, &ticket));
        REFUSED(syncshell_client_delete_syncshell(c, id, &ticket));
        REFUSED(syncshell_session_issue_code(c, id, &ticket));
        REFUSED(syncshell_client_redeem_code(c, id, CODE, SYNCSHELL_ZERO_TERMINATED, &ticket));
        REFUSED(syncshell_session_open(c, id, OTHER, 1, NULL, NULL, &ticket));
        if (id)
            REFUSED(syncshell_session_open(c, SYNCSHELL, OTHER, 1, id, NULL, &ticket));
        REFUSED(syncshell_session_set_manifest(c, id, &file, 1, &ticket));
        REFUSED(syncshell_session_report(c, id, &file, 1, &ticket));
        REFUSED(syncshell_session_offer(c, id, 1, "x", 1, &ticket));
        REFUSED(syncshell_session_answer(c, id, 1, "x", 1, &ticket));
        REFUSED(syncshell_session_candidate(c, id, 1, "x", 1, NULL, -1, &ticket));
        REFUSED(syncshell_session_link(c, id, 1, SYNCSHELL_LINK_UP, &ticket));
        REFUSED(syncshell_session_request_recovery(c, id, &ticket));
        REFUSED(syncshell_session_close(c, id, SYNCSHELL_OUTCOME_FAILED, &ticket));
    }
    ACCEPTED(f, syncshell_client_leave(c, text_of(ID_MAX), &ticket));
    ACCEPTED(f, syncshell_session_request_recovery(c, "_-09azAZ", &ticket));
}

static void the_owners_calls_are_checked(void **state)
{
    struct fixture *f = *state;
    syncshell_client *c = f->client;
    char self[SYNCSHELL_PEER_ID_SIZE];

    assert_int_equal(syncshell_client_peer_id(c, self, sizeof self), SYNCSHELL_OK);
    const char longer[] = OTHER "A";
    const char *bad[] = {NULL, "", "ed25519:short", longer, self};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REFUSED(syncshell_client_remove_member(c, SYNCSHELL, bad[i], &ticket));
        REFUSED(syncshell_client_hand_over(c, SYNCSHELL, bad[i], &ticket));
    }
    ACCEPTED(f, syncshell_client_remove_member(c, SYNCSHELL, OTHER, &ticket));
    ACCEPTED(f, syncshell_client_rotate_group_key(c, SYNCSHELL, &ticket));
    ACCEPTED(f, syncshell_client_hand_over(c, SYNCSHELL, OTHER, &ticket));
    ACCEPTED(f, syncshell_client_delete_syncshell(c, SYNCSHELL, &ticket));
}

static void codes_are_checked(void **state)
{
    struct fixture *f = *state;
    syncshell_client *c = f->client;
    const char longer[] = "x" CODE;
    const char *mistyped[] = {"", "7YXW", "7YXW-4KQ0-1N8D-PZ3MC", "7YXW-4KQ0-1N8D-PZM3B", longer};

    REFUSED(syncshell_client_redeem_code(c, SYNCSHELL, NULL, 0, &ticket));
    for (size_t i = 0; i < sizeof mistyped / sizeof *mistyped; i++)
        assert_int_equal(syncshell_client_redeem_code(c, SYNCSHELL, mistyped[i],
                                                      SYNCSHELL_ZERO_TERMINATED, NULL),
                         SYNCSHELL_E_CODE);
    assert_int_equal(syncshell_client_redeem_code(c, SYNCSHELL, CODE, 5, NULL), SYNCSHELL_E_CODE);
    ACCEPTED(f, syncshell_client_redeem_code(c, SYNCSHELL, "7yxw 4kqo ln8d pz3mb\n",
                                             SYNCSHELL_ZERO_TERMINATED, &ticket));
    ACCEPTED(f, syncshell_session_issue_code(c, "s", &ticket));
}

static void sessions_are_checked(void **state)
{
    struct fixture *f = *state;
    syncshell_client *c = f->client;
    char self[SYNCSHELL_PEER_ID_SIZE];

    assert_int_equal(syncshell_client_peer_id(c, self, sizeof self), SYNCSHELL_OK);
    REFUSED(syncshell_session_open(c, SYNCSHELL, NULL, 1, NULL, NULL, &ticket));
    REFUSED(syncshell_session_open(c, SYNCSHELL, "", 1, NULL, NULL, &ticket));
    REFUSED(syncshell_session_open(c, SYNCSHELL, "ed25519:short", 1, NULL, NULL, &ticket));
    REFUSED(syncshell_session_open(c, SYNCSHELL, OTHER "A", 1, NULL, NULL, &ticket));
    REFUSED(syncshell_session_open(c, SYNCSHELL, self, 1, NULL, NULL, &ticket));
    for (int32_t role = -1; role <= 4; role++) {
        if (role != SYNCSHELL_ROLE_JOINER && role != SYNCSHELL_ROLE_PROVIDER)
            REFUSED(syncshell_session_open(c, SYNCSHELL, OTHER, role, NULL, NULL, &ticket));
    }
    REFUSED(syncshell_session_open(c, SYNCSHELL, OTHER, 1, NULL, text_of(LABEL_MAX + 1), &ticket));
    REFUSED(syncshell_session_open(c, SYNCSHELL, OTHER, 1, NULL, "\xff", &ticket));
    ACCEPTED(f, syncshell_session_open(c, SYNCSHELL, OTHER, 1, NULL, text_of(LABEL_MAX), &ticket));
    ACCEPTED(f, syncshell_session_open(c, SYNCSHELL, OTHER, 2, "s", NULL, &ticket));
    for (int32_t outcome = -1; outcome <= 5; outcome++) {
        if (outcome < SYNCSHELL_OUTCOME_COMPLETED || outcome > SYNCSHELL_OUTCOME_CANCELLED)
            REFUSED(syncshell_session_close(c, "s", outcome, &ticket));
        else
            ACCEPTED(f, syncshell_session_close(c, "s", outcome, &ticket));
    }
}

static int32_t link_report(struct fixture *f, int32_t link, const char *cause,
                           const char *ice_server, uint64_t *ret_ticket)
{
    const syncshell_link_report report = {
        .size = sizeof report, .link = link, .cause = cause, .ice_server = ice_server};

    return syncshell_session_link_report(f->client, "s", 1, &report, ret_ticket);
}

static void link_reports(struct fixture *f, syncshell_client *c)
{
    const syncshell_link_report small = {.size = sizeof small - 1, .link = SYNCSHELL_LINK_UP};

    REFUSED(syncshell_session_link_report(NULL, "s", 1, &small, &ticket));
    REFUSED(syncshell_session_link_report(c, "s", 1, NULL, &ticket));
    REFUSED(syncshell_session_link_report(c, "s", 1, &small, &ticket));
    REFUSED(link_report(f, SYNCSHELL_LINK_UP, "link_failed", NULL, &ticket));
    REFUSED(link_report(f, SYNCSHELL_LINK_FAILED, "", NULL, &ticket));
    REFUSED(link_report(f, SYNCSHELL_LINK_FAILED, "sun_spots", NULL, &ticket));
    REFUSED(link_report(f, SYNCSHELL_LINK_FAILED, NULL, "", &ticket));
    REFUSED(link_report(f, SYNCSHELL_LINK_FAILED, NULL, "http://turn.example", &ticket));
    REFUSED(link_report(f, SYNCSHELL_LINK_FAILED, NULL, "turn:a b", &ticket));
    REFUSED(link_report(f, SYNCSHELL_LINK_FAILED, NULL, text_of(256), &ticket));
    ACCEPTED(f, link_report(f, SYNCSHELL_LINK_UP, NULL, "stun:stun.example", &ticket));
    ACCEPTED(f, link_report(f, SYNCSHELL_LINK_LOST, "link_lost", NULL, &ticket));
    ACCEPTED(f, link_report(f, SYNCSHELL_LINK_FAILED, "turn_refused",
                            "turns:turn.example:5349?transport=tcp", &ticket));
}

static void signals_are_checked(void **state)
{
    struct fixture *f = *state;
    syncshell_client *c = f->client;
    const uint64_t too_high = UINT64_C(1) << 53;

    REFUSED(syncshell_session_offer(c, "s", 1, NULL, 0, &ticket));
    REFUSED(syncshell_session_offer(c, "s", 1, "x", 0, &ticket));
    REFUSED(syncshell_session_offer(c, "s", 1, "", SYNCSHELL_ZERO_TERMINATED, &ticket));
    REFUSED(syncshell_session_offer(c, "s", 1, "a\0b", 3, &ticket));
    REFUSED(syncshell_session_offer(c, "s", 1, "\xc3\xa4", 1, &ticket)); /* half a character */
    REFUSED(syncshell_session_offer(c, "s", 1, text_of(SDP_MAX + 1), SDP_MAX + 1, &ticket));
    REFUSED(syncshell_session_offer(c, "s", 1, text_of(SDP_MAX + 1), SYNCSHELL_ZERO_TERMINATED,
                                    &ticket));
    REFUSED(syncshell_session_offer(c, "s", too_high, "x", 1, &ticket));
    ACCEPTED(f, syncshell_session_offer(c, "s", 0, text_of(SDP_MAX), SDP_MAX, &ticket));
    ACCEPTED(f, syncshell_session_offer(c, "s", too_high - 1, "\xc3\xa4", 2, &ticket));
    REFUSED(syncshell_session_answer(c, "s", 0, "x", 1, &ticket));
    REFUSED(syncshell_session_answer(c, "s", too_high, "x", 1, &ticket));
    ACCEPTED(f, syncshell_session_answer(c, "s", 1, "x", SYNCSHELL_ZERO_TERMINATED, &ticket));

    REFUSED(syncshell_session_candidate(c, "s", 1, NULL, 0, NULL, -1, &ticket));
    REFUSED(syncshell_session_candidate(c, "s", 0, "x", 1, NULL, -1, &ticket));
    REFUSED(syncshell_session_candidate(c, "s", too_high, "x", 1, NULL, -1, &ticket));
    REFUSED(syncshell_session_candidate(c, "s", 1, "x", 1, text_of(1000), -1, &ticket));
    REFUSED(syncshell_session_candidate(c, "s", 1, "x", 1, "\xff", -1, &ticket));
    REFUSED(syncshell_session_candidate(c, "s", 1, "x", 1, NULL, INT32_MAX, &ticket));
    ACCEPTED(f, syncshell_session_candidate(c, "s", 1, "", 0, "0", INT32_MIN, &ticket));
    ACCEPTED(f, syncshell_session_candidate(c, "s", 1, "x", 1, NULL, 0, &ticket));

    for (int32_t link = -1; link <= 5; link++) {
        if (link < SYNCSHELL_LINK_UP || link > SYNCSHELL_LINK_FAILED)
            REFUSED(syncshell_session_link(c, "s", 1, link, &ticket));
        else
            ACCEPTED(f, syncshell_session_link(c, "s", 1, link, &ticket));
    }
    link_reports(f, c);
    REFUSED(syncshell_session_link(c, "s", 0, SYNCSHELL_LINK_UP, &ticket));
    REFUSED(syncshell_session_link(c, "s", too_high, SYNCSHELL_LINK_UP, &ticket));
}

static void a_ticket_need_not_be_taken(void **state)
{
    struct fixture *f = *state;

    ACCEPTED(f, syncshell_client_create_syncshell(f->client, &ticket));
    assert_int_equal(syncshell_client_create_syncshell(f->client, NULL), SYNCSHELL_OK);
    assert_int_equal(syncshell_client_network_changed(f->client), SYNCSHELL_OK);
    ACCEPTED(f, syncshell_client_leave(f->client, SYNCSHELL, &ticket));
}

/* ---- names ---- */

static void everything_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(syncshell_version(), "0.1.0");
    assert_string_equal(syncshell_error_name(SYNCSHELL_OK), "OK");
    for (int32_t e = SYNCSHELL_E_ARGUMENT; e >= SYNCSHELL_E_PASSPHRASE; e--) {
        assert_memory_equal(syncshell_error_name(e), "E_", 2);
        for (int32_t other = SYNCSHELL_E_ARGUMENT; other > e; other--)
            assert_string_not_equal(syncshell_error_name(e), syncshell_error_name(other));
    }
    for (int32_t t = SYNCSHELL_EVENT_RELAY_CONNECTED; t <= SYNCSHELL_EVENT_STOPPED; t++) {
        for (int32_t other = 0; other < t; other++)
            assert_string_not_equal(syncshell_event_type_name(t), syncshell_event_type_name(other));
    }
    assert_string_equal(syncshell_event_type_name(SYNCSHELL_EVENT_OFFER_NEEDED), "offer_needed");
    assert_string_equal(syncshell_field_name(SYNCSHELL_FIELD_SESSION_ID), "sessionId");
    for (int32_t n = -2000; n <= 2000; n++) { /* also for what has none */
        assert_non_null(syncshell_error_name(n));
        assert_non_null(syncshell_event_type_name(n));
        assert_non_null(syncshell_field_name(n));
    }
}

#define WITH_FIXTURE(name) \
    cmocka_unit_test_setup_teardown(name, arguments_setup, arguments_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(options_are_checked),
        cmocka_unit_test(options_have_defaults),
        WITH_FIXTURE(a_later_programs_options_are_taken_when_empty),
        WITH_FIXTURE(an_earlier_programs_options_are_taken),
        cmocka_unit_test(no_client_is_an_argument_error),
        cmocka_unit_test(no_event_has_nothing),
        WITH_FIXTURE(the_peer_id_needs_its_room),
        WITH_FIXTURE(only_a_known_syncshell_has_an_invite),
        WITH_FIXTURE(events_need_a_place),
        WITH_FIXTURE(passphrases_are_checked),
        WITH_FIXTURE(invites_are_checked),
        WITH_FIXTURE(ids_are_checked),
        WITH_FIXTURE(the_owners_calls_are_checked),
        WITH_FIXTURE(codes_are_checked),
        WITH_FIXTURE(sessions_are_checked),
        WITH_FIXTURE(signals_are_checked),
        WITH_FIXTURE(a_ticket_need_not_be_taken),
        cmocka_unit_test(everything_has_a_name),
    };

    return cmocka_run_group_tests_name("transport_api_arguments", tests, NULL, NULL);
}
