#include "base/timeutil.h"

enum { US_PER_MS = 1000 };

uint64_t time_add_ms(uint64_t now_us, uint64_t delta_ms)
{
    if (delta_ms > (TIME_NEVER_US - now_us) / US_PER_MS)
        return TIME_NEVER_US;
    return now_us + delta_ms * US_PER_MS;
}

uint64_t time_min(uint64_t a_us, uint64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

int32_t time_until_ms(uint64_t now_us, uint64_t deadline_us)
{
    if (deadline_us <= now_us)
        return 0;

    uint64_t left_us = deadline_us - now_us;
    uint64_t left_ms = left_us / US_PER_MS + (left_us % US_PER_MS != 0);
    return left_ms > INT32_MAX ? INT32_MAX : (int32_t)left_ms;
}
