/* Replayable randomness: splitmix64. Each purpose has its own state, so that leaving out one fault does not change what the
 * others are. */
#ifndef TESTS_SIM_RANDOM_H
#define TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0..n-1; 0 when n is 0. */
static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
    return n ? random_next(state) % n : 0;
}

static inline uint64_t random_between(uint64_t *state, uint64_t first, uint64_t last)
{
    return first + random_below(state, last - first + 1);
}

static inline bool random_one_in(uint64_t *state, uint64_t n)
{
    return random_below(state, n) == 0;
}

#endif
