#include "client/delta.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static int by_path(const void *a, const void *b)
{
    const struct body_file *const *x = a;
    const struct body_file *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

/* The list's files, sorted by path; NULL without memory. At least one element is allocated. */
static const struct body_file **sorted(const struct body_file_list *l)
{
    const struct body_file **index =
        (const struct body_file **)calloc(l->n_files + 1, sizeof *index);
    if (!index)
        return NULL;
    for (size_t i = 0; i < l->n_files; i++)
        index[i] = &l->files[i];
    qsort((void *)index, l->n_files, sizeof *index, by_path);
    return index;
}

static bool same_content(const struct body_file *a, const struct body_file *b)
{
    if (a->size_bytes != b->size_bytes)
        return false;
    if (!a->hash || !b->hash || !str_equal_nocase(a->algorithm, b->algorithm))
        return true;
    return str_equal_nocase(a->hash, b->hash);
}

/* The parts of 0..size_bytes that `held` does not cover; the file's ranges are sorted and disjoint. */
static int set_missing_ranges(struct body_file *f, const struct body_file *held)
{
    f->ranges = calloc(held->n_ranges + 1, sizeof *f->ranges);
    if (!f->ranges)
        return -ENOMEM;
    uint64_t at = 0;
    for (size_t i = 0; i < held->n_ranges; i++) {
        if (held->ranges[i].begin > at)
            f->ranges[f->n_ranges++] =
                (struct body_range){.begin = at, .end = held->ranges[i].begin};
        at = held->ranges[i].end;
    }
    if (at < f->size_bytes)
        f->ranges[f->n_ranges++] = (struct body_range){.begin = at, .end = f->size_bytes};
    return 0;
}

static int append_copy(struct body_file_list *l, const struct body_file *f)
{
    struct body_file copy = {0};
    int r = body_file_copy(&copy, f);
    if (r == 0)
        r = body_file_list_append(l, &copy);
    if (r != 0) {
        body_file_deinit(&copy);
        return -ENOMEM;
    }
    return 0;
}

static int need_whole(struct delta *d, const struct body_file *wanted)
{
    d->bytes += wanted->size_bytes;
    return append_copy(&d->needed, wanted);
}

static int need_rest(struct delta *d, const struct body_file *wanted, const struct body_file *held)
{
    if (held->done || held->n_ranges == 0)
        return held->done ? 0 : need_whole(d, wanted);
    int r = append_copy(&d->needed, wanted);
    if (r < 0)
        return r;
    struct body_file *f = &d->needed.files[d->needed.n_files - 1];
    r = set_missing_ranges(f, held);
    if (r < 0)
        return r;
    for (size_t i = 0; i < f->n_ranges; i++)
        d->bytes += f->ranges[i].end - f->ranges[i].begin;
    if (f->n_ranges == 0) { /* every byte is there already */
        body_file_deinit(f);
        d->needed.n_files--;
    }
    return 0;
}

static int compare(struct delta *d, const struct body_file *wanted, const struct body_file *held)
{
    if (!held)
        return need_whole(d, wanted);
    if (same_content(wanted, held))
        return need_rest(d, wanted, held);
    int r = append_copy(&d->mismatched, wanted);
    if (r == 0)
        r = need_whole(d, wanted);
    if (r == 0)
        d->needed.files[d->needed.n_files - 1].mismatched = true;
    return r;
}

int delta_compute(struct delta *ret_delta, const struct body_file_list *manifest,
                  const struct body_file_list *held)
{
    struct delta d = {0};
    const struct body_file **index = sorted(held);
    int r = index ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < manifest->n_files; i++) {
        const struct body_file *wanted = &manifest->files[i];
        const struct body_file **found =
            (const struct body_file **)bsearch((const void *)&wanted, (const void *)index,
                                               held->n_files, sizeof(struct body_file *), by_path);
        r = compare(&d, wanted, found ? *found : NULL);
    }
    free((void *)index);
    if (r < 0) {
        delta_deinit(&d);
        return r;
    }
    *ret_delta = d;
    return 0;
}

void delta_deinit(struct delta *d)
{
    body_file_list_deinit(&d->needed);
    body_file_list_deinit(&d->mismatched);
    *d = (struct delta){0};
}
