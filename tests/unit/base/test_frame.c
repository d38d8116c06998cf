#include "base/frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "failmalloc.h"

static void test_the_last_reference_frees(void **state)
{
    char data[] = "payload";
    struct frame *f = NULL;

    (void)state;
    assert_int_equal(frame_new(&f, true, data, 7), 0);
    data[0] = 'X';
    assert_true(f->binary);
    assert_int_equal(f->size, 7);
    assert_memory_equal(f->data, "payload", 7);
    assert_ptr_equal(frame_ref(f), f);
    assert_null(frame_unref(f));
    assert_int_equal(f->n_refs, 1);
    assert_null(frame_unref(f));
    assert_null(frame_unref(NULL));
}

static void test_an_empty_frame_is_a_frame(void **state)
{
    struct frame *f = NULL;

    (void)state;
    assert_int_equal(frame_new(&f, false, NULL, 0), 0);
    assert_int_equal(f->size, 0);
    frame_unref(f);
}

static void test_no_memory_leaves_the_result_alone(void **state)
{
    struct frame *f = NULL;

    (void)state;
    failmalloc_arm(0, true);
    int r = frame_new(&f, false, "x", 1);
    assert_true(failmalloc_disarm());
    assert_int_equal(r, -ENOMEM);
    assert_null(f);
    assert_int_equal(frame_new(&f, false, "x", SIZE_MAX), -ENOMEM);
    assert_null(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_reference_frees),
        cmocka_unit_test(test_an_empty_frame_is_a_frame),
        cmocka_unit_test(test_no_memory_leaves_the_result_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
