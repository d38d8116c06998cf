#include "app/state_log.h"

#include "app/limit_key.h"
#include "app/server_state.h"

static void log_refusals(const struct server *s, enum wire_code code)
{
    uint64_t answered = core_refusals(s->core, code);
    uint64_t closed = core_closings(s->core, code);
    if (answered == 0 && closed == 0)
        return;
    log_write(s->log, LOG_LEVEL_INFO, "refusals",
              LOG_FIELDS(LOG_TEXT("code", wire_code_name(code)), LOG_NUMBER("answered", answered),
                         LOG_NUMBER("closed", closed),
                         LOG_TEXT("raise", limit_key(code, ACCOUNT_NONE))));
}

void state_log_on_signal(void *userdata)
{
    const struct server *s = userdata;
    struct core_stats stats;
    core_stats(s->core, &stats);
    for (int code = 0; code < WIRE_CODE_COUNT; code++)
        log_refusals(s, (enum wire_code)code);
    log_write(s->log, LOG_LEVEL_INFO, "state",
              LOG_FIELDS(LOG_NUMBER("connections", stats.connections),
                         LOG_NUMBER("authenticated", stats.authenticated),
                         LOG_NUMBER("syncshells", stats.syncshells_loaded),
                         LOG_NUMBER("attempts", stats.attempts_live),
                         LOG_NUMBER("held_bytes", stats.held_bytes),
                         LOG_NUMBER("queued_bytes", stats.queued_bytes),
                         LOG_NUMBER("charged_bytes", stats.charged_bytes),
                         LOG_NUMBER("loaded_bytes", stats.loaded_bytes),
                         LOG_NUMBER("operations", stats.ops_in_flight),
                         LOG_NUMBER("addresses", stats.addresses),
                         LOG_NUMBER("peers", stats.peers)));
}
