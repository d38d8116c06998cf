/* Time arithmetic that saturates. Nothing here reads a clock: monotonic microseconds come in as arguments. */
#ifndef SHARED_BASE_TIMEUTIL_H
#define SHARED_BASE_TIMEUTIL_H

#include <stdint.h>

#define TIME_NEVER_US UINT64_MAX

/* Wall-clock time, milliseconds since the Unix epoch: its own type, so that it cannot be mixed with monotonic time. */
struct wall_time {
    int64_t unix_ms;
};

uint64_t time_add_ms(uint64_t now_us, uint64_t delta_ms); /* saturates at TIME_NEVER_US */
uint64_t time_min(uint64_t a_us, uint64_t b_us);

/* Milliseconds from now until the deadline, rounded up, 0 when it has passed, at most INT32_MAX. */
int32_t time_until_ms(uint64_t now_us, uint64_t deadline_us);

#endif
