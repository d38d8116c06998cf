#include "shortage.h"

#include "failmalloc.h"

struct shortage shortage;

static void arm(struct world *w)
{
    (void)w;
    if (shortage.n_calls++ == shortage.call)
        failmalloc_arm(shortage.n_good, shortage.for_good);
}

static void disarm(struct world *w)
{
    (void)w;
    shortage.hit = failmalloc_disarm() || shortage.hit;
}

void shortage_begin(struct world *w, unsigned call, size_t n_good, bool for_good)
{
    shortage = (struct shortage){.call = call, .n_good = n_good, .for_good = for_good};
    w->before_call = arm;
    w->after_call = disarm;
}

void shortage_end(struct world *w)
{
    w->before_call = w->after_call = NULL;
}
