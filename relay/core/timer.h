/* Deadlines: an intrusive pairing heap, so that arming a timer can never fail and costs nothing for those that never fire.
 *
 * A timer is embedded in what it times, armed with timer_set() and disarmed by firing, by timer_cancel() or by its owner's
 * destructor. Nothing here reads a clock. */
#ifndef RELAY_CORE_TIMER_H
#define RELAY_CORE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct core;

struct timer {
    struct timer *child;
    struct timer *next; /* sibling */
    struct timer *prev; /* sibling before, or the parent of the first child */
    uint64_t due_us;
    bool armed;
    void (*fire)(struct core *core, struct timer *t);
};

struct timers {
    struct timer *root;
};

/* Arms, or arms anew. */
void timer_set(struct timers *timers, struct timer *t, uint64_t due_us);
void timer_cancel(struct timers *timers, struct timer *t); /* no effect when not armed */

/* The earliest deadline, TIME_NEVER_US when there is none. */
uint64_t timers_due_us(const struct timers *timers);

/* Disarms and returns a timer that is due, or NULL. */
struct timer *timers_pop(struct timers *timers, uint64_t now_us);

#endif
