/* Makes allocations fail on purpose. The test program is linked with --wrap for malloc and its kin, so that the project's
 * own allocations are counted; failmalloc_watch_jansson() adds those of jansson. */
#ifndef TESTS_BASE_FAILMALLOC_H
#define TESTS_BASE_FAILMALLOC_H

#include <stdbool.h>
#include <stddef.h>

void failmalloc_watch_jansson(void);

/* From now on, the allocation after `n_good` good ones fails, and every later one too when `for_good` is set. */
void failmalloc_arm(size_t n_good, bool for_good);

/* Allocations succeed again. Whether any has failed since failmalloc_arm(). */
bool failmalloc_disarm(void);

#endif
