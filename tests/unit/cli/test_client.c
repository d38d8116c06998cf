#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/client.h"

static void test_the_default_state_directory(void **state)
{
    char path[CLIENT_PATH_SIZE], *home = malloc(CLIENT_PATH_SIZE + 1);

    (void)state;
    assert_int_equal(client_default_state_dir(path, "/s", "/h"), 0);
    assert_string_equal(path, "/s/syncshell");
    assert_int_equal(client_default_state_dir(path, NULL, "/h"), 0);
    assert_string_equal(path, "/h/.local/state/syncshell");
    assert_int_equal(client_default_state_dir(path, "", "/h"), 0);
    assert_int_equal(client_default_state_dir(path, "relative", "/h"), 0);
    assert_string_equal(path, "/h/.local/state/syncshell");
    assert_int_equal(client_default_state_dir(path, NULL, NULL), -ENOENT);
    assert_int_equal(client_default_state_dir(path, "relative", "relative"), -ENOENT);
    assert_non_null(home);
    memset(home, '/', CLIENT_PATH_SIZE);
    home[CLIENT_PATH_SIZE] = '\0';
    assert_int_equal(client_default_state_dir(path, home, NULL), -ENAMETOOLONG);
    free(home);
}

static int read_key(const char *content, size_t length, char ret_secret[static CLIENT_SECRET_SIZE])
{
    char path[] = "access-key-XXXXXX";
    int fd = mkstemp(path), r;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, length), length);
    close(fd);
    r = client_read_secret(path, ret_secret);
    unlink(path);
    return r;
}

static void test_the_access_key_is_one_line(void **state)
{
    char key[CLIENT_SECRET_SIZE], *big = malloc(CLIENT_SECRET_SIZE);

    (void)state;
    assert_int_equal(read_key(" s3cret \r\n\n", 11, key), 0);
    assert_string_equal(key, "s3cret");
    assert_int_equal(read_key("s3cret", 6, key), 0);
    assert_string_equal(key, "s3cret");
    assert_int_equal(read_key("", 0, key), -EINVAL);
    assert_int_equal(read_key("\n \n", 3, key), -EINVAL);
    assert_int_equal(read_key("two\nlines\n", 10, key), -EINVAL);
    assert_int_equal(read_key("nul\0x", 5, key), -EINVAL);
    assert_non_null(big);
    memset(big, 'x', CLIENT_SECRET_SIZE);
    assert_int_equal(read_key(big, CLIENT_SECRET_SIZE, key), -EINVAL);
    assert_int_equal(read_key(big, CLIENT_SECRET_SIZE - 1, key), 0);
    assert_int_equal(client_read_secret("there-is-no-such-file", key), -ENOENT);
    assert_int_equal(client_read_secret(".", key), -EISDIR);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_default_state_directory),
        cmocka_unit_test(test_the_access_key_is_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
