/* Memory that runs out once: at the allocation after `n_good` in the call number `call` into the core, and, `for_good`, at all
 * of that call after it. */
#ifndef TESTS_UNIT_CORE_SHORTAGE_H
#define TESTS_UNIT_CORE_SHORTAGE_H

#include "world.h"

struct shortage {
    unsigned call;
    size_t n_good;
    bool for_good;
    unsigned n_calls; /* until now */
    bool hit;         /* an allocation failed */
};

extern struct shortage shortage;

/* From now on, and until. */
void shortage_begin(struct world *w, unsigned call, size_t n_good, bool for_good);
void shortage_end(struct world *w);

#endif
