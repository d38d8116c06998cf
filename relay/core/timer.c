#include "core/timer.h"

#include <assert.h>
#include <stddef.h>

#include "base/timeutil.h"

/* Both are roots: without siblings. */
static struct timer *heap_merge(struct timer *a, struct timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->due_us < a->due_us) {
        struct timer *t = a;
        a = b;
        b = t;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    a->child = b;
    return a;
}

/* The two passes that give the pairing heap its amortised cost: siblings in pairs, then the pairs from the back. */
static struct timer *heap_merge_siblings(struct timer *first)
{
    struct timer *pairs = NULL;
    while (first) {
        struct timer *a = first;
        struct timer *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        struct timer *pair = heap_merge(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct timer *root = NULL;
    while (pairs) {
        struct timer *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        root = heap_merge(root, pair);
    }
    return root;
}

void timer_set(struct timers *timers, struct timer *t, uint64_t due_us)
{
    if (t->armed && t->due_us == due_us)
        return;
    timer_cancel(timers, t);
    t->due_us = due_us;
    t->armed = true;
    t->child = t->next = t->prev = NULL;
    timers->root = heap_merge(timers->root, t);
}

void timer_cancel(struct timers *timers, struct timer *t)
{
    if (!t->armed)
        return;
    if (t == timers->root) {
        timers->root = heap_merge_siblings(t->child);
    } else {
        if (t->prev->child == t)
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next)
            t->next->prev = t->prev;
        timers->root = heap_merge(timers->root, heap_merge_siblings(t->child));
    }
    t->child = t->next = t->prev = NULL;
    t->armed = false;
}

uint64_t timers_due_us(const struct timers *timers)
{
    return timers->root ? timers->root->due_us : TIME_NEVER_US;
}

struct timer *timers_pop(struct timers *timers, uint64_t now_us)
{
    struct timer *t = timers->root;
    if (!t || t->due_us > now_us)
        return NULL;
    timer_cancel(timers, t);
    return t;
}
