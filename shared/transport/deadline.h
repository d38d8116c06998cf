/* Points in time as the threads library wants them, on the monotonic clock. */
#ifndef SHARED_TRANSPORT_DEADLINE_H
#define SHARED_TRANSPORT_DEADLINE_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

struct timespec deadline_after_ms(uint32_t timeout_ms);

/* A condition whose timed waits take such a point in time. Cannot fail on this system: there is nothing to allocate. */
void deadline_cond_init(pthread_cond_t *ret_cond);

#endif
