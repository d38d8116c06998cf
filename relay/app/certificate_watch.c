#include "app/certificate_watch.h"

#include <inttypes.h>

#include "adapters/loop_libevent/loop.h"
#include "adapters/ws_lws/ws.h"
#include "app/server_state.h"
#include "app/wiring.h"

enum { S_PER_DAY = 24 * 3600, DAYS_LEFT_MIN = 7, MS_PER_S = 1000, US_PER_S = 1000000 };

static void look(const struct server *s)
{
    int64_t expires_s = ws_server_certificate_expires_unix_s(s->ws);
    int64_t left_s = expires_s - wiring_wall_now().unix_ms / MS_PER_S;
    const char *file = s->settings->listen_tls_certificate;
    if (expires_s == 0)
        return;
    if (left_s <= 0)
        log_write(s->log, LOG_LEVEL_ERROR, "certificate_expired",
                  LOG_FIELDS(LOG_TEXT("file", file)));
    else if (left_s < DAYS_LEFT_MIN * S_PER_DAY)
        log_write(
            s->log, LOG_LEVEL_WARNING, "certificate_expires",
            LOG_FIELDS(LOG_NUMBER("days", (uint64_t)(left_s / S_PER_DAY)), LOG_TEXT("file", file)));
}

void certificate_watch(void *userdata)
{
    struct server *s = userdata;
    look(s);
    /* Without memory for the timer the next reload or start looks. */
    (void)loop_timer_arm(s->certificate, loop_now_us(s->loop) + (uint64_t)S_PER_DAY * US_PER_S);
}
