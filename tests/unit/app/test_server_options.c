/* Every setting arrives where it belongs: by default the core's own defaults, otherwise what was set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/limit_key.h"
#include "app/server_options.h"
#include "wire/limits.h"

static const struct store_identity identity = {.relay_id = {"relay"}, .epoch = {"epoch"}};

#define CORE_NUMBERS(X)                                    \
    X(heartbeat_ms)                                        \
    X(handshake_timeout_ms)                                \
    X(offer_ttl_ms)                                        \
    X(session_ttl_ms)                                      \
    X(tombstone_ttl_ms)                                    \
    X(syncshell_ttl_days)                                  \
    X(inbox_ttl_ms)                                        \
    X(recovery_code_ttl_ms)                                \
    X(accounts.max[ACCOUNT_RELAY][RESOURCE_BYTES])         \
    X(accounts.max[ACCOUNT_RELAY][RESOURCE_CONNECTIONS])   \
    X(accounts.max[ACCOUNT_RELAY][RESOURCE_HANDSHAKES])    \
    X(accounts.max[ACCOUNT_ADDRESS][RESOURCE_BYTES])       \
    X(accounts.max[ACCOUNT_ADDRESS][RESOURCE_CONNECTIONS]) \
    X(accounts.max[ACCOUNT_ADDRESS][RESOURCE_HANDSHAKES])  \
    X(accounts.max[ACCOUNT_PEER][RESOURCE_BYTES])          \
    X(accounts.max[ACCOUNT_SYNCSHELL][RESOURCE_BYTES])     \
    X(accounts.per_minute[RATE_CONNECTS])                  \
    X(accounts.per_minute[RATE_JOINS])                     \
    X(accounts.per_minute[RATE_SIGNALS])                   \
    X(accounts.per_minute[RATE_WRITES])                    \
    X(accounts.per_minute[RATE_QUERIES])                   \
    X(accounts.per_minute[RATE_REFUSALS])                  \
    X(accounts.address_peers)                              \
    X(accounts.throttle.free_failures)                     \
    X(accounts.throttle.delay_ms)                          \
    X(accounts.throttle.delay_ms_max)                      \
    X(accounts.throttle.half_life_ms)                      \
    X(accounts.remembered_max)                             \
    X(members_max)                                         \
    X(created_max)                                         \
    X(sessions_max)                                        \
    X(joined_max)                                          \
    X(pending_ops_max)                                     \
    X(session_log_bytes_max)                               \
    X(syncshell_log_bytes_max)                             \
    X(inbox_bytes_max)                                     \
    X(syncshell_inbox_bytes_max)                           \
    X(inbox_messages_max)                                  \
    X(attempt_bytes_max)                                   \
    X(queue_bytes_max)                                     \
    X(queue_frames_max)

static void test_the_example_has_the_core_s_defaults(void **state)
{
    (void)state;
    struct settings s;
    struct core_config config;
    struct core_config defaults;
    assert_int_equal(settings_init(&s), 0);
    server_options_core(&config, &s, &identity);
    core_config_defaults(&defaults);
#define X(member) assert_int_equal(config.member, defaults.member);
    CORE_NUMBERS(X)
#undef X
    assert_int_equal(config.create_policy, defaults.create_policy);
    assert_string_equal(config.relay_id.text, "relay");
    assert_string_equal(config.store_epoch.text, "epoch");
    assert_null(config.origins[0]);
    settings_deinit(&s);
}

/* Sets every integer to a value of its own. */
static void number_all(struct settings *s)
{
    for (size_t i = 0; i < setting_count; i++)
        if (setting_table[i].type == SETTING_INTEGER)
            setting_set_value(s, &setting_table[i], 1000 + i);
}

static uint64_t number_of(const char *key)
{
    return 1000 + (uint64_t)(setting_find(key) - setting_table);
}

static void check_accounts(const struct account_config *a)
{
    const uint64_t *relay = a->max[ACCOUNT_RELAY];
    const uint64_t *address = a->max[ACCOUNT_ADDRESS];
    assert_int_equal(relay[RESOURCE_BYTES], number_of("limits.memory_bytes_max"));
    assert_int_equal(relay[RESOURCE_CONNECTIONS], number_of("limits.connections_max"));
    assert_int_equal(address[RESOURCE_BYTES],
                     number_of("limits.peer_bytes_max") * number_of("limits.address_peers"));
    assert_int_equal(address[RESOURCE_CONNECTIONS], number_of("limits.address_connections_max"));
    assert_int_equal(relay[RESOURCE_HANDSHAKES], number_of("limits.connections_max"));
    assert_int_equal(address[RESOURCE_HANDSHAKES], number_of("limits.address_connections_max"));
    assert_int_equal(a->max[ACCOUNT_PEER][RESOURCE_BYTES], number_of("limits.peer_bytes_max"));
    assert_int_equal(a->per_minute[RATE_CONNECTS], number_of("rates.connects_per_minute"));
    assert_int_equal(a->per_minute[RATE_JOINS], number_of("rates.joins_per_minute"));
    assert_int_equal(a->per_minute[RATE_SIGNALS], number_of("rates.signals_per_minute"));
    assert_int_equal(a->per_minute[RATE_WRITES], number_of("rates.writes_per_minute"));
    assert_int_equal(a->per_minute[RATE_QUERIES], number_of("rates.queries_per_minute"));
    assert_int_equal(a->per_minute[RATE_REFUSALS], number_of("rates.refusals_per_minute"));
    assert_int_equal(a->address_peers, number_of("limits.address_peers"));
    assert_int_equal(a->throttle.free_failures, number_of("limits.failures_max"));
    assert_int_equal(a->throttle.delay_ms, number_of("timing.failure_delay_ms"));
    assert_int_equal(a->throttle.delay_ms_max, number_of("timing.failure_delay_max_ms"));
    assert_int_equal(a->throttle.half_life_ms, number_of("timing.failure_memory_ms"));
    assert_int_equal(a->remembered_max, number_of("limits.remembered_max"));
}

/* What an operator is told to raise exists. */
static void test_limits_have_keys(void **state)
{
    (void)state;
    size_t n_keys = 0;
    for (int code = 0; code < WIRE_CODE_COUNT; code++) {
        for (int account = 0; account < ACCOUNT_KINDS; account++) {
            const char *key = limit_key((enum wire_code)code, (enum account_kind)account);
            if (!*key)
                continue;
            n_keys++;
            if (!setting_find(key))
                fail_msg("%s: no setting %s", wire_code_name((enum wire_code)code), key);
        }
    }
    assert_true(n_keys > 0);
}

static void test_every_number_arrives(void **state)
{
    (void)state;
    static const uint64_t ms_per_hour = 3600 * 1000;
    struct settings s;
    struct core_config c;
    assert_int_equal(settings_init(&s), 0);
    number_all(&s);
    server_options_core(&c, &s, &identity);
    assert_int_equal(c.heartbeat_ms, number_of("timing.heartbeat_ms"));
    assert_int_equal(c.handshake_timeout_ms, number_of("timing.handshake_timeout_ms"));
    assert_int_equal(c.offer_ttl_ms, number_of("timing.offer_ttl_ms"));
    assert_int_equal(c.session_ttl_ms, number_of("timing.session_ttl_hours") * ms_per_hour);
    assert_int_equal(c.tombstone_ttl_ms, number_of("timing.tombstone_ttl_hours") * ms_per_hour);
    assert_int_equal(c.syncshell_ttl_days, number_of("timing.syncshell_ttl_days"));
    assert_int_equal(c.inbox_ttl_ms, number_of("timing.inbox_ttl_hours") * ms_per_hour);
    assert_int_equal(c.recovery_code_ttl_ms, number_of("timing.recovery_code_ttl_ms"));
    check_accounts(&c.accounts);
    assert_int_equal(c.members_max, number_of("limits.members_max"));
    assert_int_equal(c.created_max, number_of("limits.created_max"));
    assert_int_equal(c.sessions_max, number_of("limits.sessions_max"));
    assert_int_equal(c.joined_max, number_of("limits.joined_max"));
    assert_int_equal(c.pending_ops_max, number_of("limits.pending_requests_max"));
    assert_int_equal(c.session_log_bytes_max, number_of("limits.session_log_bytes_max"));
    assert_int_equal(c.syncshell_log_bytes_max, number_of("limits.syncshell_log_bytes_max"));
    assert_int_equal(c.inbox_bytes_max, number_of("limits.inbox_bytes_max"));
    assert_int_equal(c.syncshell_inbox_bytes_max, number_of("limits.syncshell_inbox_bytes_max"));
    assert_int_equal(c.inbox_messages_max, number_of("limits.inbox_messages_max"));
    assert_int_equal(c.attempt_bytes_max, number_of("limits.attempt_bytes_max"));
    assert_int_equal(c.queue_bytes_max, number_of("limits.queue_bytes_max"));
    assert_int_equal(c.queue_frames_max, number_of("limits.queue_frames_max"));
    settings_deinit(&s);
}

/* The longest hours still fit the core's 32 bits of milliseconds. */
static void test_the_longest_times_fit(void **state)
{
    (void)state;
    struct settings s;
    struct core_config c;
    assert_int_equal(settings_init(&s), 0);
    for (size_t i = 0; i < setting_count; i++)
        if (setting_table[i].type == SETTING_INTEGER)
            setting_set_value(&s, &setting_table[i], setting_table[i].max);
    server_options_core(&c, &s, &identity);
    assert_int_equal(c.session_ttl_ms, s.session_ttl_hours * 3600 * 1000);
    assert_int_equal(c.tombstone_ttl_ms, s.tombstone_ttl_hours * 3600 * 1000);
    assert_int_equal(c.inbox_ttl_ms, s.inbox_ttl_hours * 3600 * 1000);
    settings_deinit(&s);
}

static void test_listener_and_store(void **state)
{
    (void)state;
    struct settings s;
    struct ws_listen listen;
    struct ws_options options;
    struct store_options store;
    assert_int_equal(settings_init(&s), 0);
    number_all(&s);
    server_options_listen(&listen, &options, &s);
    assert_string_equal(listen.address, "127.0.0.1");
    assert_int_equal(listen.port, number_of("listen.port"));
    assert_null(listen.tls_certificate_file);
    assert_null(listen.tls_key_file);
    assert_int_equal(options.message_bytes_max, WIRE_REQUEST_HEADER_MAX + 1 + WIRE_BODY_MAX);
    assert_int_equal(options.heartbeat_ms, number_of("timing.heartbeat_ms"));
    assert_int_equal(options.connections_max, number_of("limits.connections_max"));
    assert_int_equal(options.close_timeout_ms, number_of("timing.close_timeout_ms"));
    for (size_t i = 0; i < 2; i++) {
        const char *all = i ? "0::0" : "::";
        assert_int_equal(setting_set_text(&s, setting_find("listen.address"), all), 0);
        server_options_listen(&listen, &options, &s);
        assert_null(listen.address); /* of both families */
    }
    server_options_store(&store, &s);
    assert_string_equal(store.path, "syncshell-relay-data/relay.db");
    assert_int_equal(store.batch_max, number_of("store.batch_max"));
    settings_deinit(&s);
}

static void test_policy_and_texts(void **state)
{
    (void)state;
    static const char *const urls[] = {"wss://a", NULL};
    struct settings s;
    struct core_config c;
    struct ws_listen listen;
    struct ws_options options;
    assert_int_equal(settings_init(&s), 0);
    assert_int_equal(setting_set_list(&s, setting_find("public.urls"), urls), 0);
    assert_int_equal(setting_set_text(&s, setting_find("listen.tls_certificate"), "c"), 0);
    assert_int_equal(setting_set_text(&s, setting_find("listen.tls_key"), "k"), 0);
    s.create_policy = CREATE_POLICY_NOBODY;
    server_options_core(&c, &s, &identity);
    assert_string_equal(c.origins[0], "wss://a");
    assert_null(c.origins[1]);
    assert_int_equal(c.create_policy, CORE_CREATE_NOBODY);
    server_options_listen(&listen, &options, &s);
    assert_string_equal(listen.tls_certificate_file, "c");
    assert_string_equal(listen.tls_key_file, "k");
    settings_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_has_the_core_s_defaults),
        cmocka_unit_test(test_limits_have_keys),
        cmocka_unit_test(test_every_number_arrives),
        cmocka_unit_test(test_the_longest_times_fit),
        cmocka_unit_test(test_listener_and_store),
        cmocka_unit_test(test_policy_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
