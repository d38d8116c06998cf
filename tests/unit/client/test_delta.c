/* What is still missing, as tables: the manifest, what the joiner holds, and exactly what has to be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/delta.h"

enum { RANGES_MAX = 4 };

struct spec {
    const char *path; /* NULL ends a list */
    const char *algorithm;
    const char *hash;
    uint64_t size;
    bool done;
    struct body_range ranges[RANGES_MAX]; /* an empty one ends them */
};

struct needed {
    const char *path;
    struct body_range ranges[RANGES_MAX]; /* none: whole */
};

struct row {
    const char *name;
    struct spec manifest[5];
    struct spec held[5];
    struct needed needed[5];
    const char *mismatched[5];
    uint64_t bytes;
};

static size_t count_ranges(const struct body_range *r)
{
    size_t n = 0;
    while (n < RANGES_MAX && r[n].end > r[n].begin)
        n++;
    return n;
}

static void build(struct body_file_list *l, const struct spec *specs)
{
    for (; specs->path; specs++) {
        struct body_file f = {
            .path = strdup(specs->path), .size_bytes = specs->size, .done = specs->done};
        if (specs->hash) {
            f.hash = strdup(specs->hash);
            f.algorithm = strdup(specs->algorithm);
        }
        f.n_ranges = count_ranges(specs->ranges);
        if (f.n_ranges > 0) {
            f.ranges = calloc(f.n_ranges, sizeof *f.ranges);
            assert_non_null(f.ranges);
            memcpy(f.ranges, specs->ranges, f.n_ranges * sizeof *f.ranges);
        }
        assert_int_equal(body_file_list_append(l, &f), 0);
    }
}

static void check_needed(const struct body_file_list *got, const struct needed *wanted)
{
    size_t n = 0;
    for (; wanted[n].path; n++) {
        assert_true(n < got->n_files);
        const struct body_file *f = &got->files[n];
        assert_string_equal(f->path, wanted[n].path);
        assert_int_equal(f->n_ranges, count_ranges(wanted[n].ranges));
        for (size_t i = 0; i < f->n_ranges; i++) {
            assert_int_equal(f->ranges[i].begin, wanted[n].ranges[i].begin);
            assert_int_equal(f->ranges[i].end, wanted[n].ranges[i].end);
        }
    }
    assert_int_equal(got->n_files, n);
}

static void check_row(const struct row *row)
{
    struct body_file_list manifest = {0};
    struct body_file_list held = {0};
    struct delta delta;
    size_t n = 0;
    print_message("# %s\n", row->name);
    build(&manifest, row->manifest);
    build(&held, row->held);
    assert_int_equal(delta_compute(&delta, &manifest, &held), 0);
    check_needed(&delta.needed, row->needed);
    for (; row->mismatched[n]; n++) {
        assert_true(n < delta.mismatched.n_files);
        assert_string_equal(delta.mismatched.files[n].path, row->mismatched[n]);
    }
    assert_int_equal(delta.mismatched.n_files, n);
    assert_int_equal(delta.bytes, row->bytes);
    delta_deinit(&delta);
    body_file_list_deinit(&manifest);
    body_file_list_deinit(&held);
}

static const struct row presence_rows[] = {
    {.name = "nothing held: everything, in the manifest's order",
     .manifest = {{.path = "b", .size = 10}, {.path = "a", .size = 5}},
     .needed = {{.path = "b"}, {.path = "a"}},
     .bytes = 15},
    {.name = "everything held: nothing",
     .manifest = {{.path = "a", .size = 5}, {.path = "b", .size = 10}},
     .held = {{.path = "b", .size = 10, .done = true}, {.path = "a", .size = 5, .done = true}}},
    {.name = "half held: the other half",
     .manifest = {{.path = "a", .size = 5}, {.path = "b", .size = 10}},
     .held = {{.path = "a", .size = 5, .done = true}},
     .needed = {{.path = "b"}},
     .bytes = 10},
    {.name = "held and not in the manifest: no one's concern",
     .manifest = {{.path = "a", .size = 5}},
     .held = {{.path = "a", .size = 5, .done = true}, {.path = "zzz", .size = 9, .done = true}}},
    {.name = "an empty manifest", .held = {{.path = "a", .size = 5, .done = true}}},
    {.name = "paths compare with case",
     .manifest = {{.path = "A", .size = 5}},
     .held = {{.path = "a", .size = 5, .done = true}},
     .needed = {{.path = "A"}},
     .bytes = 5},
};

static const struct row content_rows[] = {
    {.name = "same hash, other case",
     .manifest = {{.path = "a", .algorithm = "sha256", .hash = "ABCD12", .size = 5}},
     .held = {{.path = "a", .algorithm = "sha256", .hash = "abcd12", .size = 5, .done = true}}},
    {.name = "another hash: whole, and mismatched",
     .manifest = {{.path = "a", .algorithm = "sha256", .hash = "abcd12", .size = 5},
                  {.path = "b", .size = 1}},
     .held = {{.path = "a", .algorithm = "sha256", .hash = "abcd13", .size = 5, .done = true},
              {.path = "b", .size = 1, .done = true}},
     .needed = {{.path = "a"}},
     .mismatched = {"a"},
     .bytes = 5},
    {.name = "other algorithms do not compare: path and size are trusted",
     .manifest = {{.path = "a", .algorithm = "sha256", .hash = "abcd12", .size = 5}},
     .held = {{.path = "a", .algorithm = "sha1", .hash = "ffff", .size = 5, .done = true}}},
    {.name = "a hash on one side only: path and size are trusted",
     .manifest = {{.path = "a", .algorithm = "sha256", .hash = "abcd12", .size = 5},
                  {.path = "b", .size = 7}},
     .held = {{.path = "a", .size = 5, .done = true},
              {.path = "b", .algorithm = "sha256", .hash = "ab", .size = 7, .done = true}}},
    {.name = "the size changed: whole, and mismatched",
     .manifest = {{.path = "a", .size = 6}},
     .held = {{.path = "a", .size = 5, .done = true}},
     .needed = {{.path = "a"}},
     .mismatched = {"a"},
     .bytes = 6},
    {.name = "a part of another content starts over",
     .manifest = {{.path = "a", .algorithm = "sha256", .hash = "abcd12", .size = 100}},
     .held = {{.path = "a", .algorithm = "sha256", .hash = "ef", .size = 100, .ranges = {{0, 50}}}},
     .needed = {{.path = "a"}},
     .mismatched = {"a"},
     .bytes = 100},
    {.name = "a part of another size starts over",
     .manifest = {{.path = "a", .size = 100}},
     .held = {{.path = "a", .size = 90, .ranges = {{0, 50}}}},
     .needed = {{.path = "a"}},
     .mismatched = {"a"},
     .bytes = 100},
};

static const struct row range_rows[] = {
    {.name = "the beginning is there",
     .manifest = {{.path = "a", .size = 100}},
     .held = {{.path = "a", .size = 100, .ranges = {{0, 40}}}},
     .needed = {{.path = "a", .ranges = {{40, 100}}}},
     .bytes = 60},
    {.name = "the end is there",
     .manifest = {{.path = "a", .size = 100}},
     .held = {{.path = "a", .size = 100, .ranges = {{40, 100}}}},
     .needed = {{.path = "a", .ranges = {{0, 40}}}},
     .bytes = 40},
    {.name = "islands",
     .manifest = {{.path = "a", .size = 100}},
     .held = {{.path = "a", .size = 100, .ranges = {{10, 20}, {50, 99}}}},
     .needed = {{.path = "a", .ranges = {{0, 10}, {20, 50}, {99, 100}}}},
     .bytes = 41},
    {.name = "ranges that touch leave no empty one between them",
     .manifest = {{.path = "a", .size = 100}},
     .held = {{.path = "a", .size = 100, .ranges = {{0, 20}, {20, 50}}}},
     .needed = {{.path = "a", .ranges = {{50, 100}}}},
     .bytes = 50},
    {.name = "99 percent",
     .manifest = {{.path = "a", .size = 100}, {.path = "b", .size = 100}},
     .held = {{.path = "a", .size = 100, .done = true},
              {.path = "b", .size = 100, .ranges = {{0, 98}}}},
     .needed = {{.path = "b", .ranges = {{98, 100}}}},
     .bytes = 2},
    {.name = "every byte, not said to be done: nothing to send",
     .manifest = {{.path = "a", .size = 100}, {.path = "b", .size = 1}},
     .held = {{.path = "a", .size = 100, .ranges = {{0, 100}}}},
     .needed = {{.path = "b"}},
     .bytes = 1},
    {.name = "known, and nothing of it there: whole",
     .manifest = {{.path = "a", .size = 100}},
     .held = {{.path = "a", .size = 100}},
     .needed = {{.path = "a"}},
     .bytes = 100},
    {.name = "an empty file that is not done is to be sent",
     .manifest = {{.path = "a", .size = 0}},
     .held = {{.path = "a", .size = 0}},
     .needed = {{.path = "a"}}},
    {.name = "beyond 32 bits",
     .manifest = {{.path = "a", .size = UINT64_C(6000000000)}},
     .held = {{.path = "a", .size = UINT64_C(6000000000), .ranges = {{0, UINT64_C(5000000000)}}}},
     .needed = {{.path = "a", .ranges = {{UINT64_C(5000000000), UINT64_C(6000000000)}}}},
     .bytes = UINT64_C(1000000000)},
};

#define CHECK_ROWS(rows)                                    \
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) \
    check_row(&rows[i])

static void test_presence(void **state)
{
    (void)state;
    CHECK_ROWS(presence_rows);
}

static void test_content(void **state)
{
    (void)state;
    CHECK_ROWS(content_rows);
}

static void test_ranges(void **state)
{
    (void)state;
    CHECK_ROWS(range_rows);
}

/* The seed's edge cases: a transfer of 200 files dropped at 0, 50 and 99 percent; reported in any order. */
static void check_drop(size_t n_files, size_t n_done)
{
    struct body_file_list manifest = {0};
    struct body_file_list held = {0};
    struct delta delta;
    char path[32];
    for (size_t i = 0; i < n_files; i++) {
        snprintf(path, sizeof path, "mods/%03zu.tex", i);
        struct body_file f = {.path = strdup(path), .size_bytes = 1000 + i};
        assert_int_equal(body_file_list_append(&manifest, &f), 0);
    }
    for (size_t i = n_done; i-- > 0;) {
        snprintf(path, sizeof path, "mods/%03zu.tex", i * 7 % n_files);
        struct body_file f = {
            .path = strdup(path), .size_bytes = 1000 + i * 7 % n_files, .done = true};
        assert_int_equal(body_file_list_append(&held, &f), 0);
    }
    assert_int_equal(delta_compute(&delta, &manifest, &held), 0);
    assert_int_equal(delta.needed.n_files, n_files - n_done);
    assert_int_equal(delta.mismatched.n_files, 0);
    for (size_t i = 0; i < delta.needed.n_files; i++)
        for (size_t k = 0; k < held.n_files; k++)
            assert_string_not_equal(delta.needed.files[i].path, held.files[k].path);
    delta_deinit(&delta);
    body_file_list_deinit(&manifest);
    body_file_list_deinit(&held);
}

static void test_dropped_half_way(void **state)
{
    (void)state;
    check_drop(200, 0);
    check_drop(200, 100);
    check_drop(200, 198);
    check_drop(200, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presence),
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_dropped_half_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
