#include "app/readiness.h"

#include <inttypes.h>
#include <stdio.h>

#include "adapters/loop_libevent/loop.h"
#include "adapters/store_sqlite/store.h"
#include "app/server_state.h"

enum {
    STORE_SILENT_S = 5, /* a commit takes milliseconds; a disk that takes this long is in trouble */
    READ_FAILURE_S = 10, /* so long it is told: that other pages can be read proves nothing */
    US_PER_S = 1000000,
};

static uint64_t store_silent_s(const struct server *s, const struct store_stats *stats)
{
    uint64_t now_us = loop_now_us(s->loop);
    return stats->working_since_us && now_us > stats->working_since_us
               ? (now_us - stats->working_since_us) / US_PER_S
               : 0;
}

static bool reads_fail(const struct server *s, const struct store_stats *stats)
{
    uint64_t until_us = stats->read_failed_us + (uint64_t)READ_FAILURE_S * US_PER_S;
    return stats->read_failed_us && loop_now_us(s->loop) < until_us;
}

bool readiness(const struct server *s, char *ret_text, size_t size)
{
    struct store_stats stats;
    store_stats(s->store, &stats);
    uint64_t silent_s = store_silent_s(s, &stats);
    bool ready = false;
    if (s->draining) {
        (void)snprintf(ret_text, size, "draining: the relay is about to end");
    } else if (!stats.healthy || reads_fail(s, &stats)) {
        (void)snprintf(ret_text, size, "the store fails: %s", stats.last_error);
    } else if (silent_s >= STORE_SILENT_S) {
        (void)snprintf(ret_text, size, "the store has been writing for %" PRIu64 " s", silent_s);
    } else {
        (void)snprintf(ret_text, size, "ready");
        ready = true;
    }
    return ready;
}
