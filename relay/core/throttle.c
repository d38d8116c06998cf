#include "core/throttle.h"

#include "base/timeutil.h"

static void forget(struct throttle *t, const struct throttle_config *config, uint64_t now_us)
{
    uint64_t half_life_us = (uint64_t)config->half_life_ms * 1000;
    uint64_t n = t->n_failures > 0 ? (now_us - t->last_us) / half_life_us : 0;
    t->n_failures = n < 32 ? t->n_failures >> n : 0;
    t->last_us += n * half_life_us;
}

void throttle_failed(struct throttle *t, const struct throttle_config *config, uint64_t now_us)
{
    forget(t, config, now_us);
    t->last_us = now_us;
    if (t->n_failures < UINT32_MAX)
        t->n_failures++;
    if (t->n_failures <= config->free_failures)
        return;
    uint32_t doublings = t->n_failures - config->free_failures - 1;
    uint64_t delay_ms = config->delay_ms_max;
    if (doublings < 32 && (uint64_t)config->delay_ms << doublings < delay_ms)
        delay_ms = (uint64_t)config->delay_ms << doublings;
    t->blocked_until_us = time_add_ms(now_us, delay_ms);
}

bool throttle_has_room(struct throttle *t, const struct throttle_config *config, uint64_t now_us)
{
    forget(t, config, now_us);
    uint32_t left =
        t->n_failures < config->free_failures ? config->free_failures - t->n_failures : 0;
    return t->n_pending <= left;
}

uint32_t throttle_wait_ms(const struct throttle *t, uint64_t now_us)
{
    if (t->blocked_until_us <= now_us)
        return 0;
    return (uint32_t)time_until_ms(now_us, t->blocked_until_us);
}

bool throttle_is_clear(struct throttle *t, const struct throttle_config *config, uint64_t now_us)
{
    forget(t, config, now_us);
    return t->n_failures == 0 && t->blocked_until_us <= now_us;
}
