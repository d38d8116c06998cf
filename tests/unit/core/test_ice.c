/* ICE servers: who may ask, in which order they come, and what is minted. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "core/ice.h"
#include "core/ice_network.h"
#include "world.h"

#define A "turn:a.example"
#define B "turn:b.example"
#define C "turn:c.example"

static char *urls_a[] = {(char[]){A}, NULL};
static char *urls_b[] = {(char[]){B}, (char[]){"turns:b.example:443?transport=tcp"}, NULL};
static char *urls_c[] = {(char[]){C}, NULL};

static const struct ice_server server_a = {.urls = urls_a,
                                           .username = (char[]){"guild"},
                                           .credential = (char[]){"pass"},
                                           .secret = (char[]){""}};
static const struct ice_server server_b = {.urls = urls_b,
                                           .username = (char[]){""},
                                           .credential = (char[]){""},
                                           .secret = (char[]){"north"},
                                           .ttl_seconds = 3600};
static const struct ice_server server_c = {.urls = urls_c,
                                           .username = (char[]){""},
                                           .credential = (char[]){""},
                                           .secret = (char[]){"south"},
                                           .ttl_seconds = 60};

static const struct ice_server *const three[] = {&server_a, &server_b, &server_c, NULL};

static const char *say_request(struct client *c, uint32_t attempt)
{
    struct message m = {.type = MESSAGE_ICE_SERVERS_REQUEST};
    wire_id_set(&m.ice_servers_request.syncshell_id, "shell");
    wire_id_set(&m.ice_servers_request.recovery_session_id, "session");
    m.ice_servers_request.attempt = attempt;
    return say(c, &m);
}

/* Which provider stands where: "abc". */
static void expect_order(struct client *c, uint32_t attempt, const char *order)
{
    char found[ICE_PROVIDERS_MAX + 1] = "";
    const char *id = say_request(c, attempt);
    const struct message_ice_servers *m = &expect(c, MESSAGE_ICE_SERVERS)->ice_servers;
    size_t n = 0;
    assert_string_equal(m->in_reply_to.text, id);
    for (size_t i = 0; i < m->n_servers; i++)
        if (strncmp(m->servers[i].url, "turn:", 5) == 0)
            found[n++] = m->servers[i].url[5];
    assert_string_equal(found, order);
}

/* `url` NULL: the client does not know which. */
static void report(struct client *c, const char *url, bool worked)
{
    struct message m = {.type = MESSAGE_CONNECTION_REPORT};
    struct message_connection_report *r = &m.connection_report;
    wire_id_set(&r->syncshell_id, "shell");
    wire_id_set(&r->recovery_session_id, "session");
    r->generation = r->attempt = 1;
    r->result = worked ? REPORT_RESULT_CONNECTED : REPORT_RESULT_FAILED;
    str_copy(r->cause.text, sizeof r->cause.text, worked ? "" : "turn_unreachable");
    str_copy(r->ice_server, sizeof r->ice_server, url ? url : "");
    say(c, &m);
    forget(c);
}

static struct pair with_servers(struct world *w, const struct ice_server *const *servers)
{
    w->config.ice_servers = servers;
    world_start(w);
    struct pair p = world_pair(w);
    /* Each in a network of its own. */
    client_disconnect(p.provider);
    p.provider->address = address_v4(198, 51, 100, 7);
    client_reconnect(p.provider, "shell");
    forget(p.joiner);
    forget(p.provider);
    return p;
}

/* ---- answers ---- */

static void without_any_the_list_is_empty(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    const char *id = say_request(p.joiner, 1);
    const struct message_ice_servers *m = &expect(p.joiner, MESSAGE_ICE_SERVERS)->ice_servers;
    assert_string_equal(m->in_reply_to.text, id);
    assert_int_equal(m->n_servers, 0);
    assert_false(m->has_ttl_ms);
}

static void static_credentials_are_given_as_they_are(void **state)
{
    static const struct ice_server *const one[] = {&server_a, NULL};
    struct pair p = with_servers(*state, one);
    say_request(p.joiner, 1);
    const struct message_ice_servers *m = &expect(p.joiner, MESSAGE_ICE_SERVERS)->ice_servers;
    assert_int_equal(m->n_servers, 1);
    assert_string_equal(m->servers[0].url, A);
    assert_string_equal(m->servers[0].username, "guild");
    assert_string_equal(m->servers[0].credential, "pass");
    assert_false(m->has_ttl_ms);
}

/* The username says until when and for whom; the credential is the host's word for secret and username. */
static void minted_credentials_are_the_peers_own_and_expire(void **state)
{
    struct world *w = *state;
    struct pair p = with_servers(w, three);
    char username[WIRE_ICE_TEXT_MAX + 1];
    char credential[CORE_HMAC_SHA1_SIZE];
    world_advance_ms(w, 5500);
    say_request(p.joiner, 1);
    const struct message_ice_servers *m = &expect(p.joiner, MESSAGE_ICE_SERVERS)->ice_servers;
    assert_int_equal(m->n_servers, 4);
    snprintf(username, sizeof username, "%" PRId64 ":%s", w->wall_ms / 1000 + 3600,
             p.joiner->peer_id.text);
    w->host.hmac_sha1(w, "north", username, credential);
    for (size_t i = 1; i <= 2; i++) {
        assert_string_equal(m->servers[i].url, urls_b[i - 1]);
        assert_string_equal(m->servers[i].username, username);
        assert_string_equal(m->servers[i].credential, credential);
    }
    assert_true(m->has_ttl_ms); /* the first to expire */
    assert_int_equal(m->ttl_ms, 60000);
    assert_string_not_equal(m->servers[3].credential, credential);
    /* Fresh each time. */
    world_advance_ms(w, 2000);
    say_request(p.joiner, 1);
    m = &expect(p.joiner, MESSAGE_ICE_SERVERS)->ice_servers;
    assert_string_not_equal(m->servers[1].username, username);
    say_request(p.provider, 1);
    m = &expect(p.provider, MESSAGE_ICE_SERVERS)->ice_servers;
    assert_non_null(strstr(m->servers[1].username, p.provider->peer_id.text));
}

static void only_participants_of_an_open_session_ask(void **state)
{
    struct world *w = *state;
    struct pair p = with_servers(w, three);
    struct client *third = client_joined(w, 7, "shell");
    forget(p.joiner);
    expect_error(third, say_request(third, 1), WIRE_CODE_NOT_PARTICIPANT);
    say_close(p.joiner, "session", SESSION_OUTCOME_COMPLETED);
    forget(p.joiner);
    expect_error(p.joiner, say_request(p.joiner, 1), WIRE_CODE_SESSION_CLOSED);
}

static void p6_requests_are_counted(void **state)
{
    struct world *w = *state;
    w->config.accounts.per_minute[RATE_QUERIES] = 3;
    struct pair p = with_servers(w, three);
    for (uint32_t i = 1; i <= 3; i++) {
        say_request(p.joiner, i);
        expect(p.joiner, MESSAGE_ICE_SERVERS);
    }
    const char *id = say_request(p.joiner, 4);
    const struct message_error *e = &expect(p.joiner, MESSAGE_ERROR)->error;
    assert_string_equal(e->in_reply_to.text, id);
    assert_int_equal(e->code, WIRE_CODE_TOO_MANY_QUERIES);
    assert_true(e->retryable);
    assert_in_range(e->retry_after_ms, 1, 20000);
    world_advance_ms(w, e->retry_after_ms);
    say_request(p.joiner, 4);
    expect(p.joiner, MESSAGE_ICE_SERVERS);
}

/* ---- the order ---- */

static void each_attempt_begins_with_another(void **state)
{
    struct pair p = with_servers(*state, three);
    expect_order(p.joiner, 1, "abc");
    expect_order(p.joiner, 2, "bca");
    expect_order(p.joiner, 3, "cab");
    expect_order(p.joiner, 4, "abc");
    expect_order(p.joiner, 4, "abc"); /* asked again */
    expect_order(p.joiner, 5, "bca");
    expect_order(p.joiner, 1, "abc"); /* the link was up: another recovery */
    expect_order(p.provider, 2, "bca");
}

static void a_relay_that_knows_nothing_goes_by_the_number(void **state)
{
    struct world *w = *state;
    struct pair p = with_servers(w, three);
    expect_order(p.joiner, 1, "abc");
    world_restart(w);
    client_reconnect(p.joiner, "shell");
    forget(p.joiner);
    expect_order(p.joiner, 2, "bca");
}

static void what_worked_lately_goes_first(void **state)
{
    struct world *w = *state;
    struct pair p = with_servers(w, three);
    report(p.joiner, C, true);
    expect_order(p.joiner, 1, "cab");
    expect_order(p.provider, 1, "abc"); /* another network */
    world_advance_ms(w, 1000);
    report(p.joiner, "turns:b.example:443?transport=tcp", true);
    expect_order(p.joiner, 1, "bca");
    world_advance_ms(w, ICE_OUTCOME_MEMORY_MS);
    expect_order(p.joiner, 1, "abc");
}

static void what_failed_lately_goes_last(void **state)
{
    struct world *w = *state;
    struct pair p = with_servers(w, three);
    report(p.joiner, A, false);
    expect_order(p.joiner, 1, "bca");
    world_advance_ms(w, 1000);
    report(p.joiner, B, false);
    expect_order(p.joiner, 1, "cab");
    world_advance_ms(w, 1000);
    report(p.joiner, A, true);
    expect_order(p.joiner, 1, "acb");
    report(p.joiner, NULL, false); /* of none */
    report(p.joiner, "turn:elsewhere.example", false);
    expect_order(p.joiner, 1, "acb");
}

/* Whatever is reported, and whatever others of the network report, two attempts do not begin alike. */
static void never_twice_in_a_row_the_one_that_failed(void **state)
{
    struct world *w = *state;
    struct pair p = with_servers(w, three);
    static const char *const urls[] = {A, B, C, NULL};
    uint64_t random = 7;
    char last = '\0';
    for (uint32_t attempt = 1; attempt <= 500; attempt++) {
        say_request(p.joiner, attempt);
        char front = expect(p.joiner, MESSAGE_ICE_SERVERS)->ice_servers.servers[0].url[5];
        assert_int_not_equal(front, last);
        last = front;
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        report(p.joiner, urls[random >> 62], random >> 61 & 1);
        world_advance_ms(w, random >> 50);
    }
    /* Two only, of which both fail. */
    static const struct ice_server *const two[] = {&server_a, &server_b, NULL};
    w->config.ice_servers = two;
    core_reconfigure(w->core, &w->config);
    expect_order(p.joiner, 1, "ab");
    report(p.joiner, A, false);
    expect_order(p.joiner, 2, "ba");
    report(p.joiner, B, false);
    expect_order(p.joiner, 3, "ab");
    report(p.joiner, A, false);
    expect_order(p.joiner, 4, "ba");
}

static void one_alone_stays_first(void **state)
{
    static const struct ice_server *const one[] = {&server_a, NULL};
    struct pair p = with_servers(*state, one);
    expect_order(p.joiner, 1, "a");
    report(p.joiner, A, false);
    expect_order(p.joiner, 2, "a");
}

static void a_reload_forgets_outcomes(void **state)
{
    static const struct ice_server *const turned[] = {&server_c, &server_b, &server_a, NULL};
    struct world *w = *state;
    struct pair p = with_servers(w, three);
    report(p.joiner, A, false);
    expect_order(p.joiner, 1, "bca");
    forget(p.provider);
    w->config.ice_servers = turned;
    core_reconfigure(w->core, &w->config);
    expect_order(p.provider, 1, "cba");
}

/* Whoever counts would see another server's number go down. */
static void a_reload_keeps_each_servers_count(void **state)
{
    static const struct ice_server *const turned[] = {&server_c, &server_a, NULL};
    struct world *w = *state;
    struct pair p = with_servers(w, three);
    uint64_t worked, failed;
    report(p.joiner, A, false);
    report(p.joiner, A, true);
    report(p.joiner, B, true);
    w->config.ice_servers = turned;
    core_reconfigure(w->core, &w->config);
    core_ice_outcomes(w->core, 1, &worked, &failed);
    assert_int_equal(worked, 1);
    assert_int_equal(failed, 1);
    core_ice_outcomes(w->core, 0, &worked, &failed);
    assert_int_equal(worked, 0);
    assert_int_equal(failed, 0);
    w->config.ice_servers = three;
    core_reconfigure(w->core, &w->config);
    core_ice_outcomes(w->core, 1, &worked, &failed);
    assert_int_equal(worked, 0); /* it was away */
}

/* ---- networks ---- */

static struct address v6(uint8_t subnet, uint8_t host)
{
    return (struct address){.bytes = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, subnet, [15] = host}};
}

static void a_network_is_a_24_or_a_64(void **state)
{
    (void)state;
    static const uint64_t seed[2] = {1, 2};
    struct ice_networks n;
    struct address a = address_v4(192, 0, 2, 1), same = address_v4(192, 0, 2, 254),
                   other = address_v4(192, 0, 3, 1);
    struct address b = v6(1, 1), same6 = v6(1, 9), other6 = v6(2, 1);
    ice_networks_init(&n, seed);
    ice_networks_note(&n, 5, &a, 3, true);
    ice_networks_note(&n, 6, &b, 3, false);
    assert_true(ice_networks_outcome(&n, 7, &same, 3).worked);
    assert_false(ice_networks_outcome(&n, 7, &same, 2).known);
    assert_false(ice_networks_outcome(&n, 7, &other, 3).known);
    assert_true(ice_networks_outcome(&n, 7, &same6, 3).known);
    assert_false(ice_networks_outcome(&n, 7, &same6, 3).worked);
    assert_int_equal(ice_networks_outcome(&n, 7, &same6, 3).at_us, 6);
    assert_false(ice_networks_outcome(&n, 7, &other6, 3).known);
    ice_networks_deinit(&n);
}

static void p6_the_table_of_networks_is_bounded(void **state)
{
    (void)state;
    static const uint64_t seed[2] = {1, 2};
    struct ice_networks n;
    const struct address first = address_v4(10, 0, 0, 1);
    const struct address second = address_v4(10, 0, 1, 1);
    ice_networks_init(&n, seed);
    for (unsigned i = 0; i < ICE_NETWORKS_MAX; i++) {
        const struct address a = address_v4(10, (uint8_t)(i >> 8), (uint8_t)i, 1);
        ice_networks_note(&n, i, &a, 0, true);
    }
    ice_networks_note(&n, ICE_NETWORKS_MAX, &first, 0, true); /* heard of again */
    assert_int_equal(ice_networks_count(&n), ICE_NETWORKS_MAX);
    const struct address one_more = address_v4(11, 0, 0, 1);
    ice_networks_note(&n, ICE_NETWORKS_MAX, &one_more, 0, true);
    assert_int_equal(ice_networks_count(&n), ICE_NETWORKS_MAX);
    assert_true(ice_networks_outcome(&n, ICE_NETWORKS_MAX, &first, 0).known);
    assert_false(ice_networks_outcome(&n, ICE_NETWORKS_MAX, &second, 0).known);
    /* What is old goes with the next that comes. */
    const uint64_t late_us = (uint64_t)ICE_OUTCOME_MEMORY_MS * 1000 + ICE_NETWORKS_MAX;
    assert_false(ice_networks_outcome(&n, late_us, &one_more, 0).known);
    ice_networks_note(&n, late_us, &second, 0, true);
    assert_int_equal(ice_networks_count(&n), 1);
    ice_networks_deinit(&n);
}

/* The turns that providers had who are gone count for nobody. */
static void turns_go_on_after_a_reload_with_fewer(void **state)
{
    static const struct ice_server *const two[] = {&server_a, &server_b, NULL};
    struct world *w = *state;
    struct pair p = with_servers(w, three);
    expect_order(p.joiner, 1, "abc");
    expect_order(p.joiner, 2, "bca");
    expect_order(p.joiner, 3, "cab");
    w->config.ice_servers = two;
    core_reconfigure(w->core, &w->config);
    report(p.joiner, urls_a[0], true);
    expect_order(p.joiner, 4, "ab");
    expect_order(p.joiner, 5, "ba");
    expect_order(p.joiner, 6, "ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIGURED_TEST(turns_go_on_after_a_reload_with_fewer),
        WORLD_TEST(without_any_the_list_is_empty),
        CONFIGURED_TEST(static_credentials_are_given_as_they_are),
        CONFIGURED_TEST(minted_credentials_are_the_peers_own_and_expire),
        CONFIGURED_TEST(only_participants_of_an_open_session_ask),
        CONFIGURED_TEST(p6_requests_are_counted),
        CONFIGURED_TEST(each_attempt_begins_with_another),
        CONFIGURED_TEST(a_relay_that_knows_nothing_goes_by_the_number),
        CONFIGURED_TEST(what_worked_lately_goes_first),
        CONFIGURED_TEST(what_failed_lately_goes_last),
        CONFIGURED_TEST(never_twice_in_a_row_the_one_that_failed),
        CONFIGURED_TEST(one_alone_stays_first),
        CONFIGURED_TEST(a_reload_forgets_outcomes),
        CONFIGURED_TEST(a_reload_keeps_each_servers_count),
        cmocka_unit_test(a_network_is_a_24_or_a_64),
        cmocka_unit_test(p6_the_table_of_networks_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
