#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport/state_dir.h"

static void a_missing_directory_is_made(void **state)
{
    struct state_dir d = STATE_DIR_NONE;
    char path[SCRATCH_PATH_MAX];
    struct stat st;
    mode_t before = umask(0);

    scratch_path(*state, "made", path);
    assert_int_equal(state_dir_take(&d, path), 0);
    (void)umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    state_dir_release(&d);
    assert_int_equal(d.fd, -1);
    state_dir_release(&d);
}

static void its_parent_is_not(void **state)
{
    struct state_dir d = STATE_DIR_NONE;
    char path[SCRATCH_PATH_MAX];

    scratch_path(*state, "missing/made", path);
    assert_int_equal(state_dir_take(&d, path), -ENOENT);
    scratch_write(*state, "file", "", 0);
    scratch_path(*state, "file", path);
    assert_int_equal(state_dir_take(&d, path), -ENOTDIR);
    assert_int_equal(d.fd, -1);
}

static void one_at_a_time_has_it(void **state)
{
    const struct scratch *s = *state;
    struct state_dir first = STATE_DIR_NONE, second = STATE_DIR_NONE;

    assert_int_equal(state_dir_take(&first, s->path), 0);
    assert_int_equal(state_dir_take(&second, s->path), -EBUSY);
    state_dir_release(&first);
    assert_int_equal(state_dir_take(&second, s->path), 0);
    state_dir_release(&second);
}

static void a_killed_process_gives_it_back(void **state)
{
    const struct scratch *s = *state;
    struct state_dir d = STATE_DIR_NONE;
    int fds[2], status;
    pid_t child;
    char c;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* when the test fails */
        c = state_dir_take(&d, s->path) == 0 ? 'y' : 'n';
        if (write(fds[1], &c, 1) == 1)
            (void)pause();
        _exit(1);
    }
    assert_int_equal(read(fds[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    assert_int_equal(state_dir_take(&d, s->path), -EBUSY);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(state_dir_take(&d, s->path), 0);
    state_dir_release(&d);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_missing_directory_is_made, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(its_parent_is_not, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(one_at_a_time_has_it, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_killed_process_gives_it_back, scratch_setup,
                                        scratch_teardown),
    };

    return cmocka_run_group_tests_name("transport_state_dir", tests, NULL, NULL);
}
