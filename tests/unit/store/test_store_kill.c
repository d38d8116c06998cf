/* kill -9 at arbitrary moments: what was acknowledged is there, nothing is doubled, nothing is out of order.
 *
 * A child runs a store and prints each answer that it collected on a pipe; the parent kills it after a varying number of
 * lines, while it goes on, and opens the file. Every round goes on with the same file. */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ROUNDS = 20,
    GROUP_MAX = 7, /* operations per flush */
    MESSAGES_MAX = 20000,
    FRAME_MAX = 8192,
    ID_MAX = 24,
};

struct acknowledged {
    char messages[MESSAGES_MAX][ID_MAX]; /* by sequence number; "" when never seen */
    uint64_t head;
    uint64_t version; /* of the session's log */
    int last_round;   /* of the message that was read last */
    int last_i;
};

/* A frame begins with its message's id, so that what is read back can be told apart. */
static struct store_op *next_operation(int round, int i, uint64_t *version)
{
    static char frame[FRAME_MAX];
    char message[ID_MAX];
    struct store_op *op;

    (void)snprintf(message, sizeof message, "%d-%d", round, i);
    if (i % 5 == 0)
        return make_append("s", message, (*version)++, "x");
    op = make_add_inbox(PEER_A, PEER_B, message, "x");
    (void)snprintf(frame, sizeof frame, "%s", message);
    op_set_frame(op, frame, ID_MAX + (size_t)i * 997 % (FRAME_MAX - ID_MAX));
    return op;
}

/* One line per answer; the line is written at once or not at all. */
static void tell(int pipe_fd, const struct store_op *op)
{
    char line[96];
    bool append = op->kind == STORE_APPEND_ENTRY;
    int length = snprintf(line, sizeof line, "%c %llu %s %d\n", append ? 'a' : 'i',
                          (unsigned long long)(append ? op->ret_version : op->ret_seq),
                          op->message_id.text, (int)op->code + op->duplicate);

    if (write(pipe_fd, line, (size_t)length) != length)
        _exit(1); /* the parent is gone */
}

/* Never returns. */
static void child_run(struct fixture *f, int round, int pipe_fd)
{
    uint64_t version;
    struct store_op *op;

    if (write(pipe_fd, "start\n", 6) != 6)
        _exit(1);
    fixture_open(f);
    op = fixture_run(f, make_op(STORE_LOAD_SYNCSHELL));
    version = op->syncshell->sessions[0].summary.version;
    (void)store_op_free(op);
    for (int i = 0;;) {
        int n = 1 + (round + i) % GROUP_MAX;

        for (int k = 0; k < n; k++)
            fixture_submit(f, next_operation(round, i++, &version));
        store_flush(f->store);
        for (; n > 0; n--) {
            op = fixture_collect(f);
            tell(pipe_fd, op);
            (void)store_op_free(op);
        }
    }
}

static void take_line(struct acknowledged *known, char *line)
{
    char *rest = line + 1;
    uint64_t number = strtoull(rest, &rest, 10);
    char *message = strtok(rest, " ");
    char *bad = strtok(NULL, "\n");

    assert_non_null(message);
    assert_non_null(bad);
    assert_string_equal(bad, "0");
    if (line[0] == 'a') {
        assert_true(number > known->version);
        known->version = number;
        return;
    }
    assert_true(number > known->head);
    assert_true(number < MESSAGES_MAX);
    known->head = number;
    (void)snprintf(known->messages[number], sizeof known->messages[number], "%s", message);
}

/* Reads a child's lines to the end of the pipe and kills it after `n_lines`. */
static void parent_run(struct acknowledged *known, FILE *lines, pid_t child, int n_lines)
{
    char line[96];

    assert_non_null(fgets(line, sizeof line, lines));
    assert_string_equal(line, "start\n");
    for (int n = 0;; n++) {
        if (n == n_lines)
            assert_int_equal(kill(child, SIGKILL), 0);
        if (!fgets(line, sizeof line, lines))
            break;
        take_line(known, line);
    }
}

static void kill_round(struct fixture *f, struct acknowledged *known, int round, int n_lines)
{
    int ends[2], status = 0;
    FILE *lines;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        child_run(f, round, ends[1]);
    }
    assert_int_equal(close(ends[1]), 0);
    lines = fdopen(ends[0], "r");
    assert_non_null(lines);
    parent_run(known, lines, child, n_lines);
    assert_int_equal(fclose(lines), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* One page of the inbox: no number missing, what was acknowledged under a number is there, and within a round messages
 * are in the order of their submission, also those that nobody acknowledged. Returns the last number. */
static uint64_t check_page(struct acknowledged *known, const struct store_op *page, uint64_t seq)
{
    for (size_t n = 0; n < page->n_inbox; n++) {
        char *id = (char *)page->inbox[n].frame, *rest = NULL;
        int round = (int)strtol(id, &rest, 10);
        int i = (int)strtol(rest + 1, NULL, 10);

        assert_int_equal(page->inbox[n].seq, ++seq);
        if (known->messages[seq][0] != '\0')
            assert_string_equal(known->messages[seq], id);
        assert_true(round > known->last_round || (round == known->last_round && i > known->last_i));
        known->last_round = round;
        known->last_i = i;
    }
    return seq;
}

/* What the file holds against what was acknowledged; more than that may be there, less may not. */
static void check_file(struct fixture *f, struct acknowledged *known)
{
    struct store_op *op = fixture_run(f, make_op(STORE_LOAD_SYNCSHELL));
    uint64_t head = op->syncshell->members[1].inbox_head;
    uint64_t version = op->syncshell->sessions[0].summary.version;
    uint64_t seq = 0;
    bool complete = false;

    (void)store_op_free(op);
    known->last_round = -1;
    assert_true(head >= known->head);
    assert_true(head < MESSAGES_MAX);
    while (!complete) {
        op = fixture_run(f, make_read_inbox(PEER_B, seq));
        assert_int_equal(op->code, WIRE_CODE_NONE);
        complete = op->complete;
        seq = check_page(known, op, seq);
        (void)store_op_free(op);
    }
    assert_int_equal(seq, head);
    assert_true(version >= known->version);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_entry"), version);
    assert_int_equal(fixture_sql_int(f, "SELECT max(version) FROM session_entry"), version);
    known->head = head;
    known->version = version;
}

static void nothing_acknowledged_is_lost(void **state)
{
    struct fixture *f = *state;
    struct acknowledged *known = calloc(1, sizeof *known);
    unsigned random = 12345; /* fixed: a round that fails comes again */
    int n_acknowledged = 0;

    assert_non_null(known);
    fixture_add_pair(f);
    (void)fixture_new(f, make_open_session("s", "open"));
    fixture_close(f);
    known->version = 1;
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1103515245 + 12345;
        kill_round(f, known, round, (int)(random >> 16) % 60);
        fixture_open(f);
        check_file(f, known);
        assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM pragma_integrity_check"
                                            " WHERE integrity_check <> 'ok'"),
                         0);
        fixture_close(f);
    }
    for (size_t seq = 0; seq < MESSAGES_MAX; seq++)
        n_acknowledged += known->messages[seq][0] != '\0';
    assert_true(n_acknowledged >= ROUNDS);
    free(known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_acknowledged_is_lost, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_kill", tests, NULL, NULL);
}
