#include "bench/load/samples.h"

#include <stdlib.h>

#include "bench/load/die.h"

void samples_add(struct samples *s, uint64_t ns)
{
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 65536;
        uint64_t *grown = realloc(s->ns, capacity * sizeof *grown);
        if (!grown)
            die("no memory for samples");
        s->ns = grown;
        s->capacity = capacity;
    }
    s->ns[s->count++] = ns;
}

void samples_clear(struct samples *s)
{
    s->count = 0;
}

void samples_free(struct samples *s)
{
    free(s->ns);
    *s = (struct samples){0};
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

double samples_quantile(struct samples *s, double share)
{
    if (s->count == 0)
        return 0;
    qsort(s->ns, s->count, sizeof *s->ns, compare);
    size_t at = (size_t)(share * (double)(s->count - 1));
    return (double)s->ns[at] / 1000;
}
