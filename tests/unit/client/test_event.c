/* What the application reads of an event, and that every type and field has a name of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <syncshell/syncshell.h>

#include "client/event.h"

static struct syncshell_event *made(int32_t type, uint64_t ticket)
{
    struct syncshell_event *e;
    assert_int_equal(event_new(&e, type, ticket), 0);
    return e;
}

static void test_fields(void **state)
{
    (void)state;
    struct syncshell_event *e = made(SYNCSHELL_EVENT_OFFER, 7);
    size_t length = 0;
    uint64_t value = 0;
    event_add_text(e, SYNCSHELL_FIELD_SDP, "v=0");
    event_add_integer(e, SYNCSHELL_FIELD_GENERATION, 9);
    assert_int_equal(event_type(e), SYNCSHELL_EVENT_OFFER);
    assert_int_equal(event_ticket(e), 7);
    assert_string_equal(event_text(e, SYNCSHELL_FIELD_SDP, &length), "v=0");
    assert_int_equal(length, 3);
    assert_string_equal(event_text(e, SYNCSHELL_FIELD_SDP, NULL), "v=0");
    assert_true(event_integer(e, SYNCSHELL_FIELD_GENERATION, &value));
    assert_int_equal(value, 9);
    assert_false(event_broken(e));
    event_free(e);
}

static void test_absent_fields(void **state)
{
    (void)state;
    struct syncshell_event *e = made(SYNCSHELL_EVENT_OFFER, 0);
    size_t length = 5;
    uint64_t value = 5;
    event_add_text(e, SYNCSHELL_FIELD_SDP, "");
    event_add_text(e, SYNCSHELL_FIELD_LABEL, NULL);
    event_add_text(e, SYNCSHELL_FIELD_CODE, "x");
    event_add_integer(e, SYNCSHELL_FIELD_BYTES, 1);
    assert_null(event_text(e, SYNCSHELL_FIELD_SDP, &length));
    assert_null(event_text(e, SYNCSHELL_FIELD_LABEL, &length));
    assert_null(event_text(e, SYNCSHELL_FIELD_BYTES, &length));
    assert_false(event_integer(e, SYNCSHELL_FIELD_CODE, &value));
    assert_false(event_integer(e, SYNCSHELL_FIELD_ATTEMPT, &value));
    assert_int_equal(length, 5);
    assert_int_equal(value, 5);
    assert_null(event_files(e, SYNCSHELL_FILES_HELD));
    event_free(e);
}

static struct body_file_list one_file(const char *path)
{
    struct body_file_list l = {0};
    struct body_file f = {.path = strdup(path)};
    assert_int_equal(body_file_list_append(&l, &f), 0);
    return l;
}

static void test_files_are_taken(void **state)
{
    (void)state;
    struct syncshell_event *e = made(SYNCSHELL_EVENT_RECOVERY_REQUEST, 0);
    struct body_file_list held = one_file("a");
    struct body_file_list needed = one_file("b");
    event_take_files(e, SYNCSHELL_FILES_HELD, &held);
    event_take_files(e, SYNCSHELL_FILES_NEEDED, &needed);
    assert_null(held.files);
    assert_string_equal(event_files(e, SYNCSHELL_FILES_HELD)->files[0].path, "a");
    assert_string_equal(event_files(e, SYNCSHELL_FILES_NEEDED)->files[0].path, "b");
    event_free(e);
}

static void test_too_much_breaks_it(void **state)
{
    (void)state;
    struct syncshell_event *e = made(SYNCSHELL_EVENT_OFFER, 0);
    for (int32_t i = 0; i < 16; i++)
        event_add_integer(e, i, 1);
    assert_false(event_broken(e));
    event_add_integer(e, 16, 1);
    assert_true(event_broken(e));
    event_free(e);
    e = made(SYNCSHELL_EVENT_OFFER, 0);
    for (int32_t i = 0; i < 8; i++) { /* more lists than any event has */
        struct body_file_list l = one_file("a");
        event_take_files(e, i, &l);
        assert_null(l.files);
        assert_int_equal(event_broken(e) && i < 2, false);
    }
    assert_true(event_broken(e));
    event_free(e);
    assert_null(event_free(NULL));
}

static void test_queue(void **state)
{
    (void)state;
    struct list queue;
    struct syncshell_event *e = made(SYNCSHELL_EVENT_OFFER, 3);
    list_init(&queue);
    list_append(&queue, event_node(e));
    assert_ptr_equal(event_from_node(list_first(&queue)), e);
    list_unlink(event_node(e));
    event_free(e);
}

static void test_type_names(void **state)
{
    (void)state;
    for (int32_t a = SYNCSHELL_EVENT_RELAY_CONNECTED; a <= SYNCSHELL_EVENT_SESSION_MOVED; a++) {
        assert_string_not_equal(event_type_name(a), "unknown");
        for (int32_t b = SYNCSHELL_EVENT_RELAY_CONNECTED; b < a; b++)
            assert_string_not_equal(event_type_name(a), event_type_name(b));
    }
    assert_string_equal(event_type_name(SYNCSHELL_EVENT_OFFER_NEEDED), "offer_needed");
    assert_string_equal(event_type_name(0), "unknown");
    assert_string_equal(event_type_name(-1), "unknown");
    assert_string_equal(event_type_name(SYNCSHELL_EVENT_SESSION_MOVED + 1), "unknown");
}

static void check_field_names(int32_t first, int32_t last)
{
    for (int32_t a = first; a <= last; a++) {
        assert_string_not_equal(event_field_name(a), "unknown");
        for (int32_t b = first; b < a; b++)
            assert_string_not_equal(event_field_name(a), event_field_name(b));
    }
    assert_string_equal(event_field_name(last + 1), "unknown");
}

static void test_field_names(void **state)
{
    (void)state;
    check_field_names(SYNCSHELL_FIELD_SYNCSHELL_ID, SYNCSHELL_FIELD_RECOVERY_CODE);
    check_field_names(SYNCSHELL_FIELD_GENERATION, SYNCSHELL_FIELD_VALID_MS);
    assert_string_equal(event_field_name(SYNCSHELL_FIELD_TICKET_UP_TO), "ticketUpTo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),          cmocka_unit_test(test_absent_fields),
        cmocka_unit_test(test_files_are_taken), cmocka_unit_test(test_too_much_breaks_it),
        cmocka_unit_test(test_queue),           cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_field_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
