#include "app/server_options.h"

#include <arpa/inet.h>

#include "app/config.h"
#include "wire/limits.h"

enum {
    MS_PER_HOUR = 3600 * 1000,
    LINE_FEED_BYTES = 1, /* between header and body */
};

/* The table's ranges keep every value within its type, and hours within 32 bits of milliseconds. */
static uint32_t u32(uint64_t value)
{
    return (uint32_t)value;
}

static const char *text_or_null(const char *text)
{
    return *text ? text : NULL;
}

static void account_options(struct account_config *ret_config, const struct settings *s)
{
    *ret_config = (struct account_config){
        .max =
            {
                [ACCOUNT_RELAY] = {[RESOURCE_BYTES] = s->memory_bytes_max,
                                   [RESOURCE_CONNECTIONS] = s->connections_max,
                                   [RESOURCE_HANDSHAKES] = s->connections_max},
                [ACCOUNT_ADDRESS] = {[RESOURCE_BYTES] = s->peer_bytes_max * s->address_peers,
                                     [RESOURCE_CONNECTIONS] = s->address_connections_max,
                                     [RESOURCE_HANDSHAKES] = s->address_connections_max},
                [ACCOUNT_PEER] = {[RESOURCE_BYTES] = s->peer_bytes_max},
            },
        .per_minute = {[RATE_CONNECTS] = u32(s->connects_per_minute),
                       [RATE_JOINS] = u32(s->joins_per_minute),
                       [RATE_SIGNALS] = u32(s->signals_per_minute),
                       [RATE_WRITES] = u32(s->writes_per_minute),
                       [RATE_QUERIES] = u32(s->queries_per_minute),
                       [RATE_REFUSALS] = u32(s->refusals_per_minute)},
        .address_peers = u32(s->address_peers),
        .throttle = {.free_failures = u32(s->failures_max),
                     .delay_ms = u32(s->failure_delay_ms),
                     .delay_ms_max = u32(s->failure_delay_max_ms),
                     .half_life_ms = u32(s->failure_memory_ms)},
        .remembered_max = (size_t)s->remembered_max,
    };
}

static enum core_create_policy core_policy(enum create_policy policy)
{
    if (policy == CREATE_POLICY_OPEN)
        return CORE_CREATE_OPEN;
    return policy == CREATE_POLICY_ACCESS_KEY ? CORE_CREATE_ACCESS_KEY : CORE_CREATE_NOBODY;
}

void server_options_core(struct core_config *ret_config, const struct settings *s,
                         const struct store_identity *identity)
{
    core_config_defaults(ret_config);
    ret_config->relay_id = identity->relay_id;
    ret_config->store_epoch = identity->epoch;
    ret_config->origins = (const char *const *)s->public_urls;
    ret_config->create_policy = core_policy(config_create_policy(s));
    ret_config->heartbeat_ms = u32(s->heartbeat_ms);
    ret_config->handshake_timeout_ms = u32(s->handshake_timeout_ms);
    ret_config->offer_ttl_ms = u32(s->offer_ttl_ms);
    ret_config->session_ttl_ms = u32(s->session_ttl_hours * MS_PER_HOUR);
    ret_config->tombstone_ttl_ms = u32(s->tombstone_ttl_hours * MS_PER_HOUR);
    ret_config->syncshell_ttl_days = u32(s->syncshell_ttl_days);
    ret_config->inbox_ttl_ms = u32(s->inbox_ttl_hours * MS_PER_HOUR);
    ret_config->recovery_code_ttl_ms = u32(s->recovery_code_ttl_ms);
    account_options(&ret_config->accounts, s);
    ret_config->members_max = u32(s->members_max);
    ret_config->created_max = u32(s->created_max);
    ret_config->sessions_max = u32(s->sessions_max);
    ret_config->joined_max = u32(s->joined_max);
    ret_config->pending_ops_max = u32(s->pending_requests_max);
    ret_config->session_log_bytes_max = s->session_log_bytes_max;
    ret_config->syncshell_log_bytes_max = s->syncshell_log_bytes_max;
    ret_config->inbox_bytes_max = s->inbox_bytes_max;
    ret_config->syncshell_inbox_bytes_max = s->syncshell_inbox_bytes_max;
    ret_config->inbox_messages_max = u32(s->inbox_messages_max);
    ret_config->attempt_bytes_max = u32(s->attempt_bytes_max);
    ret_config->queue_bytes_max = u32(s->queue_bytes_max);
    ret_config->queue_frames_max = u32(s->queue_frames_max);
    ret_config->ice_servers = (const struct ice_server *const *)s->ice.servers;
}

/* The listener's "all" is one socket for both families, or for the only one that the machine has. */
static const char *address_or_all(const char *address)
{
    struct in6_addr v6;
    bool all = inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6);
    return all ? NULL : address;
}

void server_options_listen(struct ws_listen *ret_listen, struct ws_options *ret_options,
                           const struct settings *s)
{
    *ret_listen = (struct ws_listen){
        .address = address_or_all(s->listen_address),
        .port = (uint16_t)s->listen_port,
        .tls_certificate_file = text_or_null(s->listen_tls_certificate),
        .tls_key_file = text_or_null(s->listen_tls_key),
    };
    *ret_options = (struct ws_options){
        .message_bytes_max = WIRE_REQUEST_HEADER_MAX + LINE_FEED_BYTES + WIRE_BODY_MAX,
        .heartbeat_ms = u32(s->heartbeat_ms),
        .connections_max = u32(s->connections_max),
        .close_timeout_ms = u32(s->close_timeout_ms),
    };
}

void server_options_store(struct store_options *ret_options, const struct settings *s)
{
    *ret_options =
        (struct store_options){.path = s->store_path, .batch_max = (size_t)s->store_batch_max};
}
