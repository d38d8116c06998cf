#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/event_json.h"
#include "cli/file_json.h"

static json_t *json(const char *text)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

    assert_non_null(value);
    return value;
}

static void test_a_report_is_read(void **state)
{
    json_t *array = json(
        "[{\"path\":\"a\",\"size\":10,\"hash\":\"AB\",\"algorithm\":\"sha256\",\"done\":true},"
        "{\"path\":\"b\",\"size\":9,\"ranges\":[[0,4],[6,7]]},{\"path\":\"c\",\"size\":0,\"done\":false}]");
    const char *problem = NULL;
    struct file_set set;

    (void)state;
    assert_int_equal(file_set_init(&set, array, FILE_PURPOSE_REPORT, &problem), 0);
    assert_int_equal(set.n_files, 3);
    assert_string_equal(set.files[0].path, "a");
    assert_string_equal(set.files[0].hash, "AB");
    assert_string_equal(set.files[0].algorithm, "sha256");
    assert_int_equal(set.files[0].size, sizeof(syncshell_file));
    assert_int_equal(set.files[0].size_bytes, 10);
    assert_int_equal(set.files[0].flags, SYNCSHELL_FILE_DONE);
    assert_int_equal(set.files[1].n_ranges, 2);
    assert_int_equal(set.files[1].ranges[1].begin, 6);
    assert_int_equal(set.files[1].ranges[1].end, 7);
    assert_null(set.files[1].hash);
    assert_int_equal(set.files[2].flags, 0);
    file_set_deinit(&set);
    json_decref(array);
}

static void test_one_file_is_read_from_a_command(void **state)
{
    json_t *object = json("{\"command\":\"done\",\"session\":\"s\",\"path\":\"a\",\"size\":5}");
    const char *problem = NULL;
    struct file_set set;

    (void)state;
    assert_int_equal(file_set_init(&set, object, FILE_PURPOSE_DONE, &problem), 0);
    assert_int_equal(set.n_files, 1);
    assert_int_equal(set.files[0].flags, SYNCSHELL_FILE_DONE);
    file_set_deinit(&set);
    assert_int_equal(file_set_init(&set, object, FILE_PURPOSE_PARTIAL, &problem), -1);
    assert_non_null(strstr(problem, "ranges"));
    json_decref(object);
}

static void test_wrong_files_are_refused_in_words(void **state)
{
    static const struct {
        enum file_purpose purpose;
        const char *text;
        const char *words;
    } WRONG[] = {
        {FILE_PURPOSE_REPORT, "{}", "list"},
        {FILE_PURPOSE_REPORT, "[1]", "object"},
        {FILE_PURPOSE_REPORT, "[{\"size\":1}]", "path"},
        {FILE_PURPOSE_REPORT, "[{\"path\":1,\"size\":1}]", "path"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\"}]", "size"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\",\"size\":-1}]", "size"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\",\"size\":1.5}]", "size"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\",\"size\":1,\"hash\":\"ab\"}]", "algorithm"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\",\"size\":1,\"algorithm\":\"sha1\"}]", "hash"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\",\"size\":1,\"done\":1}]", "done"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\",\"size\":1,\"ranges\":{}}]", "ranges"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\",\"size\":1,\"ranges\":[[0]]}]", "ranges"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\",\"size\":1,\"ranges\":[[0,1,2]]}]", "ranges"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\",\"size\":1,\"ranges\":[[0,-1]]}]", "ranges"},
        {FILE_PURPOSE_REPORT,
         "[{\"path\":\"b\",\"size\":1},{\"path\":\"a\",\"size\":1,\"done\":true,\"ranges\":[[0,1]]}]",
         "not both"},
        {FILE_PURPOSE_REPORT, "[{\"path\":\"a\",\"size\":1,\"fizz\":1}]", "only"},
        {FILE_PURPOSE_MANIFEST, "[{\"path\":\"a\",\"size\":1,\"done\":true}]", "manifest"},
        {FILE_PURPOSE_MANIFEST, "[{\"path\":\"a\",\"size\":1,\"ranges\":[]}]", "manifest"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        json_t *value = json(WRONG[i].text);
        const char *problem = "nothing";
        struct file_set set;

        if (file_set_init(&set, value, WRONG[i].purpose, &problem) != -1 ||
            !strstr(problem, WRONG[i].words))
            fail_msg("%s gave \"%s\"", WRONG[i].text, problem);
        json_decref(value);
    }
}

/* What an event lists can be given back in a report. */
static void test_a_file_becomes_what_it_was(void **state)
{
    json_t *array =
        json("[{\"path\":\"a\",\"size\":10,\"hash\":\"AB\",\"algorithm\":\"sha256\",\"done\":true},"
             "{\"path\":\"b\",\"size\":9,\"ranges\":[[0,4],[6,7]]}]");
    const char *problem = NULL;
    struct file_set set;

    (void)state;
    assert_int_equal(file_set_init(&set, array, FILE_PURPOSE_REPORT, &problem), 0);
    for (size_t i = 0; i < set.n_files; i++) {
        json_t *object = file_to_json(&set.files[i]);

        assert_true(json_equal(object, json_array_get(array, i)));
        json_decref(object);
    }
    file_set_deinit(&set);
    json_decref(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_is_read),
        cmocka_unit_test(test_one_file_is_read_from_a_command),
        cmocka_unit_test(test_wrong_files_are_refused_in_words),
        cmocka_unit_test(test_a_file_becomes_what_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
