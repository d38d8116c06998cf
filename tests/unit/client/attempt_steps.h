/* Steps of an attempt: what the application gives, and what it and the relay must hear. */
#ifndef TESTS_UNIT_CLIENT_ATTEMPT_STEPS_H
#define TESTS_UNIT_CLIENT_ATTEMPT_STEPS_H

#include "scene.h"

struct syncshell_event *expect(struct scene *s, int32_t type);
void expect_offer_needed(struct scene *s, uint64_t generation, uint64_t attempt);
uint64_t expect_failed(struct scene *s, const char *cause, uint64_t attempt);
void expect_refused(struct scene *s, uint64_t ticket, uint64_t generation, const char *code);
void expect_signal(struct scene *s, int32_t type, uint64_t generation, const char *sdp);
void offer(struct scene *s, uint64_t ticket, uint64_t generation);
void answer(struct scene *s, uint64_t ticket, uint64_t generation);
void candidate(struct scene *s, uint64_t ticket, uint64_t generation);
void link_is(struct scene *s, uint64_t generation, int32_t link);

/* The next frame is our signal of that generation; returns its id. */
struct wire_id hear(struct scene *s, enum message_type type, uint64_t generation);

/* Up to an open link of generation 1 that we offered. */
void up(struct scene *s);

#endif
