#include <string.h>

#include "core/core.h"
#include "wire/limits.h"

void core_config_defaults(struct core_config *ret_config)
{
    static const char *const no_origins[] = {NULL};
    *ret_config = (struct core_config){
        .origins = no_origins,
        .create_policy = CORE_CREATE_OPEN,
        .heartbeat_ms = 15 * 1000,
        .handshake_timeout_ms = 10 * 1000,
        .offer_ttl_ms = 30 * 1000,
        .session_ttl_ms = 7 * 24 * 3600 * 1000U,
        .tombstone_ttl_ms = 24 * 3600 * 1000,
        .syncshell_ttl_days = 180,
        .recovery_code_ttl_ms = 10 * 60 * 1000,
        .inbox_ttl_ms = 7 * 24 * 3600 * 1000U,
        .accounts =
            {
                .max =
                    {
                        [ACCOUNT_RELAY] = {[RESOURCE_BYTES] = UINT64_C(256) * 1024 * 1024,
                                           [RESOURCE_CONNECTIONS] = 10000,
                                           [RESOURCE_HANDSHAKES] = 10000},
                        [ACCOUNT_ADDRESS] = {[RESOURCE_BYTES] = UINT64_C(512) * 1024 * 1024,
                                             [RESOURCE_CONNECTIONS] = 4096,
                                             [RESOURCE_HANDSHAKES] = 4096},
                        [ACCOUNT_PEER] = {[RESOURCE_BYTES] = UINT64_C(8) * 1024 * 1024},
                    },
                .per_minute = {[RATE_CONNECTS] = 12000,
                               [RATE_JOINS] = 6000,
                               [RATE_SIGNALS] = 120000,
                               [RATE_WRITES] = 120000,
                               [RATE_QUERIES] = 6000,
                               [RATE_REFUSALS] = 6000},
                .address_peers = 64,
                .throttle = {.free_failures = 8,
                             .delay_ms = 1000,
                             .delay_ms_max = 60 * 1000,
                             .half_life_ms = 10 * 60 * 1000},
                .remembered_max = 65536,
            },
        .members_max = WIRE_MEMBERS_MAX,
        .created_max = 256,
        .sessions_max = 512,
        .joined_max = 32,
        .pending_ops_max = 64,
        .session_log_bytes_max = UINT64_C(16) * 1024 * 1024,
        .syncshell_log_bytes_max = UINT64_C(128) * 1024 * 1024,
        .inbox_bytes_max = UINT64_C(16) * 1024 * 1024,
        .syncshell_inbox_bytes_max = UINT64_C(128) * 1024 * 1024,
        .inbox_messages_max = 512,
        .attempt_bytes_max = 256 * 1024,
        .queue_bytes_max = 1024 * 1024,
        .queue_frames_max = 4096,
    };
}
