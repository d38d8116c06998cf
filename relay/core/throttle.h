/* Slows down whoever guesses: signatures, proofs, keys, codes.
 *
 * The first failures cost nothing, because people mistype and clients restart. Each further one doubles the time for which
 * nothing more is even looked at. Forgetting is slow: half of the failures for each quiet period. */
#ifndef RELAY_CORE_THROTTLE_H
#define RELAY_CORE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle_config {
    uint32_t free_failures;
    uint32_t delay_ms; /* after the first failure that costs; doubles */
    uint32_t delay_ms_max;
    uint32_t half_life_ms;
};

struct throttle {
    uint32_t n_failures;
    uint64_t last_us;          /* failure, or whole half-lives later */
    uint64_t blocked_until_us; /* 0: never was */
    uint32_t n_pending;        /* tries that are being looked at */
};

/* May one more be looked at while the pending ones are? As many as would cost nothing if all failed, and one. */
bool throttle_has_room(struct throttle *t, const struct throttle_config *config, uint64_t now_us);

void throttle_failed(struct throttle *t, const struct throttle_config *config, uint64_t now_us);

/* 0, or the milliseconds until the next try will be looked at. */
uint32_t throttle_wait_ms(const struct throttle *t, uint64_t now_us);

/* Nothing is remembered any more: it may be dropped. */
bool throttle_is_clear(struct throttle *t, const struct throttle_config *config, uint64_t now_us);

#endif
