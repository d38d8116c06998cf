/* The members, and what is written down about them: the curves are counted from the moment at which the relay is gone. */
#ifndef TESTS_FAULTS_CROWD_H
#define TESTS_FAULTS_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load/samples.h"

enum { SLOT_MS = 250, SLOTS = 480 }; /* two minutes, by a quarter of a second */

struct member;

struct curve {
    uint32_t at[SLOTS];
    size_t total;
    uint64_t last_us;
};

struct crowd {
    int epoll;
    uint16_t port;
    char url[64];
    struct member *members;
    size_t n_members;
    uint64_t now_us;
    uint64_t begun_us; /* of what is counted */
    size_t n_whole;
    struct curve dials;       /* every attempt to connect */
    struct curve accepts;     /* that the relay answered */
    struct curve returns;     /* members that are joined again */
    struct curve wholes;      /* sessions, both sides */
    struct samples greetings; /* from the relay's answer to being joined */
    size_t failed_attempts;
    size_t request_faults; /* requests that were refused for the moment */
    size_t lost;           /* what must not happen: told on standard error */
};

void curve_count(struct crowd *crowd, struct curve *c);

#endif
