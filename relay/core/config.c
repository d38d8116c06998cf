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
        .inbox_ttl_ms = 7 * 24 * 3600 * 1000U,
        .connections_max = 10000,
        .members_max = WIRE_MEMBERS_MAX,
        .sessions_max = 256,
        .joined_max = 32,
        .pending_ops_max = 64,
        .session_log_bytes_max = UINT64_C(16) * 1024 * 1024,
        .inbox_bytes_max = UINT64_C(16) * 1024 * 1024,
        .inbox_messages_max = 256,
        .attempt_bytes_max = 256 * 1024,
        .queue_bytes_max = 1024 * 1024,
        .queue_frames_max = 4096,
    };
}
