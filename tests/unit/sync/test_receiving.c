/* What a sharer may send, on a real folder; nothing is reported to a client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <unistd.h>

#include "sync/receiving.h"
#include "sync/transfer.h"
#include "tree.h"

/* Of the four bytes "data" and of nothing. */
#define DATA_HASH  "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static int quits;

void app_quit(struct app *app, int status)
{
    (void)app;
    (void)status;
    quits++;
}

struct scene {
    struct app app;
    struct receiving receiving;
    char *path;
};

static int scene_setup(void **state)
{
    struct scene *scene = g_new0(struct scene, 1);

    quits = 0;
    scene->path = g_dir_make_tmp("syncshell-receiving-XXXXXX", NULL);
    assert_non_null(scene->path);
    assert_int_equal(folder_open(&scene->app.folder, scene->path), 0);
    output_init(&scene->app.output);
    scene->app.output.terminal = false; /* a bar would stand before the lines of TAP */
    receiving_init(&scene->receiving, &scene->app);
    *state = scene;
    return 0;
}

static int scene_teardown(void **state)
{
    struct scene *scene = *state;

    receiving_deinit(&scene->receiving);
    folder_close(&scene->app.folder);
    tree_remove(scene->path);
    g_free(scene->path);
    g_free(scene);
    return 0;
}

static const char *begin(struct scene *scene, json_int_t files, json_int_t bytes)
{
    json_t *fields = json_pack("{s:I, s:I}", "files", files, "bytes", bytes);
    const char *problem = receiving_begin(&scene->receiving, fields);

    json_decref(fields);
    return problem;
}

static const char *file(struct scene *scene, json_int_t index, const char *path, json_int_t size,
                        const char *hash)
{
    json_t *fields =
        json_pack("{s:I, s:s, s:I, s:s}", "index", index, "path", path, "size", size, "hash", hash);
    const char *problem = receiving_file(&scene->receiving, fields);

    json_decref(fields);
    return problem;
}

static const char *piece(struct scene *scene, uint32_t index, uint64_t offset, const char *text)
{
    uint8_t message[TRANSFER_HEADER_BYTES + TRANSFER_PIECE_BYTES];
    size_t size = TRANSFER_HEADER_BYTES;

    transfer_write_header(message, index, offset);
    while (*text)
        message[size++] = (uint8_t)*text++;
    return receiving_piece(&scene->receiving, message, size);
}

static const char *end(struct scene *scene, json_int_t index)
{
    json_t *fields = json_pack("{s:I}", "index", index);
    const char *problem = receiving_end(&scene->receiving, fields);

    json_decref(fields);
    return problem;
}

static bool there(const struct scene *scene, const char *path)
{
    char *whole = g_build_filename(scene->path, path, NULL);
    bool exists = g_file_test(whole, G_FILE_TEST_IS_REGULAR);

    g_free(whole);
    return exists;
}

static void test_files_come(void **state)
{
    struct scene *scene = *state;

    assert_null(begin(scene, 2, 4));
    assert_null(file(scene, 0, "a/b/data", 4, DATA_HASH));
    assert_null(piece(scene, 0, 0, "da"));
    assert_null(piece(scene, 0, 2, "ta"));
    assert_null(end(scene, 0));
    assert_null(file(scene, 1, "empty", 0, EMPTY_HASH));
    assert_null(end(scene, 1));
    assert_true(there(scene, "a/b/data"));
    assert_true(there(scene, "empty"));
    assert_int_equal(scene->receiving.files, 2);
    assert_int_equal(quits, 0);
}

static void test_more_than_announced(void **state)
{
    struct scene *scene = *state;

    assert_string_equal(file(scene, 0, "early", 4, DATA_HASH), "too_many_files");
    assert_null(begin(scene, 1, 3));
    assert_null(file(scene, 0, "data", 4, DATA_HASH));
    assert_null(piece(scene, 0, 0, "da"));
    assert_string_equal(piece(scene, 0, 2, "ta"), "too_many_bytes");
    assert_string_equal(begin(scene, 1, 3), "bad_message"); /* a file is open */
    assert_null(end(scene, 0));
    assert_string_equal(file(scene, 1, "other", 0, EMPTY_HASH), "too_many_files");
    assert_false(there(scene, "data"));
    receiving_interrupt(&scene->receiving);
    assert_string_equal(file(scene, 0, "late", 4, DATA_HASH), "too_many_files");
    assert_string_equal(begin(scene, 1000001, 0), "too_many_files");
    assert_string_equal(begin(scene, -1, 0), "bad_message");
}

static void test_restarts_count(void **state)
{
    struct scene *scene = *state;

    assert_null(begin(scene, 1, 4));
    assert_null(file(scene, 0, "data", 4, DATA_HASH));
    assert_null(piece(scene, 0, 0, "data"));
    assert_string_equal(piece(scene, 0, 0, "data"),
                        "too_many_bytes"); /* or it would go on for ever */
}

static void test_paths(void **state)
{
    struct scene *scene = *state;

    assert_null(begin(scene, 9, 100));
    assert_string_equal(file(scene, 0, "../data", 4, DATA_HASH), "bad_path");
    assert_string_equal(file(scene, 0, "C:\\data", 4, DATA_HASH), "bad_path");
    assert_string_equal(file(scene, 0, ".syncshell-sync/x.meta", 4, DATA_HASH), "bad_path");
    assert_null(file(scene, 0, "empty", 0, EMPTY_HASH));
    assert_null(end(scene, 0));
    assert_string_equal(file(scene, 1, "Empty", 4, DATA_HASH), "duplicate_path");
    assert_string_equal(file(scene, 1, "data", 4, "3a6e"), "bad_message");
    assert_string_equal(file(scene, -1, "data", 4, DATA_HASH), "bad_message");
    assert_string_equal(file(scene, 1, "data", -4, DATA_HASH), "bad_message");
    assert_int_equal(quits, 0);
}

static void test_order(void **state)
{
    struct scene *scene = *state;
    const char *problem = NULL;
    unsigned int taken = 0;

    assert_null(begin(scene, 1, 1000000));
    assert_string_equal(piece(scene, 0, 0, "x"), "bad_message");
    assert_string_equal(end(scene, 0), "bad_message");
    assert_null(file(scene, 7, "data", 4, DATA_HASH));
    assert_string_equal(file(scene, 8, "other", 4, DATA_HASH), "bad_message");
    assert_string_equal(piece(scene, 8, 0, "x"), "bad_message");
    assert_string_equal(piece(scene, 7, 0, ""), "bad_message");
    assert_string_equal(end(scene, 8), "bad_message");
    while (!problem && taken++ < 100000)
        problem = piece(scene, 7, UINT64_MAX, "x");
    assert_string_equal(problem, "misfits");
    assert_in_range(taken, 2, 1000);
}

static void test_links(void **state)
{
    struct scene *scene = *state;
    char *link = g_build_filename(scene->path, "link", NULL);

    assert_int_equal(symlink("/tmp", link), 0);
    g_free(link);
    assert_null(begin(scene, 1, 4));
    assert_null(file(scene, 0, "link/data", 4, DATA_HASH));
    assert_null(piece(scene, 0, 0, "data"));
    assert_null(end(scene, 0));
    assert_int_equal(quits, 1);
    assert_int_equal(scene->receiving.files, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_files_come),     TEST(test_more_than_announced),
        TEST(test_restarts_count), TEST(test_paths),
        TEST(test_order),          TEST(test_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
