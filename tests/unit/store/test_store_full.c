/* A disk that is really full: a small file system of the test's own, in a mount namespace. Where that is not allowed, a
 * limit on the size of files has to do. */
#define _GNU_SOURCE /* unshare */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    FRAME_BYTES = 4096,
    FILLER_BYTES = 1 << 20,
};

static bool write_map(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        (void)close(fd);
    return written;
}

/* The superuser needs no user namespace; others are one in theirs. */
static bool enter_namespace(void)
{
    char map[64];
    uid_t uid = getuid();
    gid_t gid = getgid();

    if (uid == 0)
        return unshare(CLONE_NEWNS) == 0;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return false;
    (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
    if (!write_map("/proc/self/setgroups", "deny") || !write_map("/proc/self/uid_map", map))
        return false;
    (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)gid);
    return write_map("/proc/self/gid_map", map);
}

static bool mount_small_disk(const char *folder)
{
    return enter_namespace() && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("small", folder, "tmpfs", 0, "size=2m,mode=700") == 0;
}

static void limit_file_size(rlim_t limit)
{
    struct rlimit limits;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limits), 0);
    limits.rlim_cur = limit < limits.rlim_max ? limit : limits.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limits), 0);
}

static void filler_path(const struct fixture *f, char *ret_path, size_t size)
{
    (void)snprintf(ret_path, size, "%s/filler", f->folder);
}

static void take_room(const struct fixture *f, bool mounted)
{
    static char zeros[FILLER_BYTES];
    char path[128];
    FILE *file;

    if (!mounted) {
        (void)signal(SIGXFSZ, SIG_IGN);
        limit_file_size(FILLER_BYTES);
        return;
    }
    filler_path(f, path, sizeof path);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(zeros, sizeof zeros, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void give_room(const struct fixture *f, bool mounted)
{
    char path[128];

    filler_path(f, path, sizeof path);
    if (mounted)
        assert_int_equal(unlink(path), 0);
    else
        limit_file_size(RLIM_INFINITY);
}

static struct store_op *make_numbered(uint64_t i)
{
    static char frame[FRAME_BYTES];
    struct store_op *op = make_add_inbox(PEER_A, PEER_B, "m", "x");

    (void)snprintf(op->message_id.text, sizeof op->message_id.text, "m%llu", (unsigned long long)i);
    op_set_frame(op, frame, sizeof frame);
    return op;
}

/* Until the disk is full; the number of messages that were stored. */
static uint64_t fill(struct fixture *f)
{
    for (uint64_t i = 1;; i++) {
        struct store_op *op = fixture_run(f, make_numbered(i));
        enum wire_code code = op->code;

        assert_int_equal(op->ret_seq, code == WIRE_CODE_NONE ? i : 0);
        (void)store_op_free(op);
        if (code != WIRE_CODE_NONE) {
            assert_string_equal(wire_code_name(code), "store_full");
            return i - 1;
        }
        assert_true(i < 10000);
    }
}

static void everything_stored_outlasts_a_full_disk(void **state)
{
    struct fixture *f = *state;
    struct store_stats stats;
    uint64_t n_stored;
    bool mounted;

    fixture_close(f);
    mounted = mount_small_disk(f->folder);
    fixture_open(f);
    fixture_add_pair(f);
    take_room(f, mounted);
    n_stored = fill(f);
    assert_true(n_stored > 10);
    assert_int_equal(fixture_code(f, make_numbered(n_stored + 1)), WIRE_CODE_STORE_FULL);
    assert_int_equal(fixture_code(f, make_read_inbox(PEER_B, 0)), WIRE_CODE_NONE);
    store_stats(f->store, &stats);
    assert_false(stats.healthy);

    give_room(f, mounted);
    assert_int_equal(fixture_duplicate(f, make_numbered(1)), 1);
    assert_int_equal(fixture_new(f, make_numbered(n_stored + 1)), n_stored + 1);
    store_stats(f->store, &stats);
    assert_true(stats.healthy);
    fixture_reopen(f);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), n_stored + 1);

    fixture_close(f);
    if (mounted)
        assert_int_equal(umount2(f->folder, MNT_DETACH), 0);
    fixture_open(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_stored_outlasts_a_full_disk, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_full", tests, NULL, NULL);
}
