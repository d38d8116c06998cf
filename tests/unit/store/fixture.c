#include "fixture.h"

#include <dirent.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sqlite3.h>

enum { WAIT_MS = 30000 };

static void wake(void *userdata)
{
    struct fixture *f = userdata;
    uint64_t one = 1;

    if (f->on_wake)
        f->on_wake(f);
    if (write(f->wake_fd, &one, sizeof one) != sizeof one)
        abort();
}

int fixture_try_open(struct fixture *f, char ret_error[ERROR_MAX])
{
    struct store_options options = {
        .path = f->path, .batch_max = f->batch_max, .wake = wake, .userdata = f};

    return store_new(&f->store, &options, ret_error, ERROR_MAX);
}

void fixture_open(struct fixture *f)
{
    char error[ERROR_MAX] = "";

    if (fixture_try_open(f, error) < 0)
        fail_msg("%s", error);
}

void fixture_close(struct fixture *f)
{
    f->store = store_free(f->store);
}

void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

int fixture_setup(void **state)
{
    const char *temp = getenv("TMPDIR");
    struct fixture *f = calloc(1, sizeof *f);

    if (!f)
        return -1;
    f->batch_max = 128;
    f->wake_fd = eventfd(0, EFD_CLOEXEC);
    (void)snprintf(f->folder, sizeof f->folder, "%s/store-XXXXXX",
                   temp && strlen(temp) < 40 ? temp : "/tmp");
    if (f->wake_fd < 0 || !mkdtemp(f->folder))
        return -1;
    (void)snprintf(f->path, sizeof f->path, "%s/relay.db", f->folder);
    fixture_open(f);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    struct dirent *entry;
    DIR *folder;

    fixture_close(f);
    (void)close(f->wake_fd);
    folder = opendir(f->folder);
    while (folder && (entry = readdir(folder))) {
        char path[PATH_MAX];

        (void)snprintf(path, sizeof path, "%s/%s", f->folder, entry->d_name);
        if (entry->d_name[0] != '.')
            (void)unlink(path);
    }
    if (folder)
        (void)closedir(folder);
    if (rmdir(f->folder) < 0)
        return -1;
    free(f);
    return 0;
}

static sqlite3 *shell_open(const struct fixture *f)
{
    sqlite3 *shell = NULL;

    assert_int_equal(sqlite3_open(f->path, &shell), SQLITE_OK);
    (void)sqlite3_busy_timeout(shell, WAIT_MS);
    return shell;
}

void fixture_sql(const struct fixture *f, const char *sql)
{
    sqlite3 *shell = shell_open(f);

    if (sqlite3_exec(shell, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(shell));
    (void)sqlite3_close(shell);
}

int64_t fixture_sql_int(const struct fixture *f, const char *sql)
{
    sqlite3 *shell = shell_open(f);
    sqlite3_stmt *statement = NULL;
    int64_t value;

    if (sqlite3_prepare_v2(shell, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(shell));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    value = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(shell);
    return value;
}

void fixture_submit(struct fixture *f, struct store_op *takes_op)
{
    store_submit(f->store, takes_op);
}

struct store_op *fixture_collect(struct fixture *f)
{
    struct store_op *op;

    while (!(op = store_collect(f->store))) {
        struct pollfd waiting = {.fd = f->wake_fd, .events = POLLIN};
        uint64_t count;

        if (poll(&waiting, 1, WAIT_MS) != 1)
            fail_msg("the store does not answer");
        assert_int_equal(read(f->wake_fd, &count, sizeof count), sizeof count);
    }
    return op;
}

struct store_op *fixture_run(struct fixture *f, struct store_op *takes_op)
{
    struct store_op *op;

    fixture_submit(f, takes_op);
    store_flush(f->store);
    op = fixture_collect(f);
    assert_ptr_equal(op, takes_op);
    return op;
}

enum wire_code fixture_code(struct fixture *f, struct store_op *takes_op)
{
    struct store_op *op = fixture_run(f, takes_op);
    enum wire_code code = op->code;

    (void)store_op_free(op);
    return code;
}

static uint64_t run_expecting(struct fixture *f, struct store_op *takes_op, bool duplicate)
{
    struct store_op *op = fixture_run(f, takes_op);
    uint64_t number = op->ret_seq ? op->ret_seq : op->ret_version;

    assert_string_equal(wire_code_name(op->code), "none");
    assert_int_equal(op->duplicate, duplicate);
    (void)store_op_free(op);
    return number;
}

uint64_t fixture_new(struct fixture *f, struct store_op *takes_op)
{
    return run_expecting(f, takes_op, false);
}

uint64_t fixture_duplicate(struct fixture *f, struct store_op *takes_op)
{
    return run_expecting(f, takes_op, true);
}

static void set_id(struct wire_id *id, const char *text)
{
    (void)snprintf(id->text, sizeof id->text, "%s", text);
}

static void set_peer(struct wire_peer_id *id, const char *text)
{
    (void)snprintf(id->text, sizeof id->text, "%s", text);
}

struct store_op *make_op(enum store_op_kind kind)
{
    struct store_op *op = store_op_new(kind);

    assert_non_null(op);
    op->now.unix_ms = NOW_MS;
    op->expires_unix_ms = LATER_MS;
    set_id(&op->syncshell_id, SHELL);
    return op;
}

void op_set_frame(struct store_op *op, const void *data, size_t size)
{
    op->frame = frame_unref(op->frame);
    assert_int_equal(frame_new(&op->frame, true, data, size), 0);
}

/* A frame whose header is "{}". */
static void set_body(struct store_op *op, const char *body)
{
    char frame[4096];
    int length = snprintf(frame, sizeof frame, "{}\n%s", body);

    assert_in_range(length, 3, sizeof frame - 1);
    op_set_frame(op, frame, (size_t)length);
    op->body_offset = 3;
    op->body_format = BODY_FORMAT_SEALED;
}

struct store_op *make_create(const char *syncshell, const char *owner, const char *key)
{
    struct store_op *op = make_op(STORE_CREATE_SYNCSHELL);

    set_id(&op->syncshell_id, syncshell);
    set_peer(&op->peer_id, owner);
    (void)snprintf(op->group_public_key.text, sizeof op->group_public_key.text, "%s", key);
    return op;
}

struct store_op *make_add_member(const char *peer)
{
    struct store_op *op = make_op(STORE_ADD_MEMBER);

    set_peer(&op->peer_id, peer);
    return op;
}

struct store_op *make_remove_member(const char *peer)
{
    struct store_op *op = make_op(STORE_REMOVE_MEMBER);

    set_peer(&op->peer_id, peer);
    op->expires_unix_ms = 0; /* the core names none here */
    return op;
}

struct store_op *make_owner(enum store_op_kind kind, const char *owner, uint64_t sequence,
                            const char *target)
{
    struct store_op *op = make_op(kind);

    set_peer(&op->peer_id, owner);
    op->owner_sequence = sequence;
    if (kind == STORE_ROTATE_KEY) {
        op->key_epoch = 2;
        (void)snprintf(op->group_public_key.text, sizeof op->group_public_key.text, "%s", target);
    } else if (target) {
        set_peer(&op->target_peer_id, target);
    }
    return op;
}

static struct store_op *make_session_op(enum store_op_kind kind, const char *session)
{
    struct store_op *op = make_op(kind);

    set_id(&op->recovery_session_id, session);
    set_peer(&op->peer_id, PEER_A);
    return op;
}

struct store_op *make_open_session(const char *session, const char *message)
{
    struct store_op *op = make_session_op(STORE_OPEN_SESSION, session);

    set_id(&op->message_id, message);
    set_peer(&op->joiner_peer_id, PEER_A);
    set_peer(&op->provider_peer_id, PEER_B);
    set_body(op, "opened");
    return op;
}

static struct store_op *make_entry(enum store_op_kind kind, const char *session,
                                   const char *message, uint64_t base, const char *body)
{
    struct store_op *op = make_session_op(kind, session);

    set_id(&op->message_id, message);
    op->base_version = base;
    set_body(op, body);
    return op;
}

struct store_op *make_append(const char *session, const char *message, uint64_t base,
                             const char *body)
{
    return make_entry(STORE_APPEND_ENTRY, session, message, base, body);
}

struct store_op *make_checkpoint(const char *session, const char *message, uint64_t base,
                                 const char *body)
{
    return make_entry(STORE_CHECKPOINT, session, message, base, body);
}

struct store_op *make_snapshot(const char *session, uint64_t after)
{
    struct store_op *op = make_session_op(STORE_READ_SNAPSHOT, session);

    op->base_version = after;
    op->max_bytes = 1000000;
    op->max_rows = 1000;
    return op;
}

struct store_op *make_close(const char *session, enum session_outcome outcome)
{
    struct store_op *op = make_session_op(STORE_CLOSE_SESSION, session);

    op->outcome = outcome;
    return op;
}

struct store_op *make_raise(const char *session, uint64_t generation)
{
    struct store_op *op = make_session_op(STORE_RAISE_GENERATION, session);

    op->generation = generation;
    return op;
}

struct store_op *make_add_inbox(const char *source, const char *target, const char *message,
                                const char *frame)
{
    struct store_op *op = make_op(STORE_ADD_INBOX);

    set_peer(&op->peer_id, source);
    set_peer(&op->target_peer_id, target);
    set_id(&op->message_id, message);
    op_set_frame(op, frame, strlen(frame));
    return op;
}

struct store_op *make_read_inbox(const char *peer, uint64_t after)
{
    struct store_op *op = make_op(STORE_READ_INBOX);

    set_peer(&op->peer_id, peer);
    op->seq = after;
    op->max_bytes = 1000000;
    op->max_rows = 1000;
    return op;
}

struct store_op *make_ack(const char *peer, uint64_t seq)
{
    struct store_op *op = make_op(STORE_ACK_INBOX);

    set_peer(&op->peer_id, peer);
    op->seq = seq;
    return op;
}

struct store_op *make_sweep(int64_t now_ms, size_t max_rows)
{
    struct store_op *op = make_op(STORE_SWEEP);

    op->now.unix_ms = now_ms;
    op->expires_unix_ms = 0;
    op->max_rows = max_rows;
    return op;
}

void fixture_add_pair(struct fixture *f)
{
    (void)fixture_new(f, make_create(SHELL, PEER_A, KEY_1));
    (void)fixture_new(f, make_add_member(PEER_B));
}
