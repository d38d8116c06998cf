/* A store on a real file in a folder of its own, and short ways to make operations for it.
 *
 * Waiting is on the store's own wake-up, through an eventfd; nothing sleeps. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/store_sqlite/store.h"
#include "core/store_op.h"

#define PEER_A "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define PEER_B "ed25519:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA"
#define PEER_C "ed25519:CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCA"
#define KEY_1  "1111111111111111111111111111111111111111111"
#define KEY_2  "2222222222222222222222222222222222222222222"
#define SHELL  "0123456789abcdef"

enum {
    NOW_MS = 1000000,
    LATER_MS = 2000000,
    ERROR_MAX = 512,
};

struct fixture {
    char folder[64];
    char path[96];
    size_t batch_max;
    struct store *store;
    int wake_fd;
    void (*on_wake)(struct fixture *f); /* on the writer's thread; NULL: nothing */
    int64_t seen_by_wake;
};

int fixture_setup(void **state);    /* an open, empty store */
int fixture_teardown(void **state); /* and its folder is gone */

int fixture_try_open(struct fixture *f, char ret_error[ERROR_MAX]);
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
void fixture_reopen(struct fixture *f);

/* The database through a connection of its own, as an operator with a shell would. */
void fixture_sql(const struct fixture *f, const char *sql);
int64_t fixture_sql_int(const struct fixture *f, const char *sql);

void fixture_submit(struct fixture *f, struct store_op *takes_op);
struct store_op *fixture_collect(struct fixture *f); /* waits for the next one */
struct store_op *fixture_run(struct fixture *f, struct store_op *takes_op);

/* Runs and frees it: its answer only. */
enum wire_code fixture_code(struct fixture *f, struct store_op *takes_op);

/* Runs it, wants it committed and new (or a duplicate); its version or sequence number. */
uint64_t fixture_new(struct fixture *f, struct store_op *takes_op);
uint64_t fixture_duplicate(struct fixture *f, struct store_op *takes_op);

struct store_op *make_op(enum store_op_kind kind); /* in SHELL at NOW_MS */
struct store_op *make_create(const char *syncshell, const char *owner, const char *key);
struct store_op *make_add_member(const char *peer);
struct store_op *make_remove_member(const char *peer);
struct store_op *
make_owner(enum store_op_kind kind, const char *owner, uint64_t sequence,
           const char *target); /* ROTATE_KEY: the target is the new key, epoch 2 */
struct store_op *make_open_session(const char *session,
                                   const char *message); /* A joins, B provides; body "opened" */
struct store_op *make_append(const char *session, const char *message, uint64_t base,
                             const char *body);
struct store_op *make_checkpoint(const char *session, const char *message, uint64_t base,
                                 const char *body);
struct store_op *make_snapshot(const char *session, uint64_t after); /* one page of everything */
struct store_op *make_close(const char *session, enum session_outcome outcome);
struct store_op *make_raise(const char *session, uint64_t generation);
struct store_op *make_add_inbox(const char *source, const char *target, const char *message,
                                const char *frame);
struct store_op *make_read_inbox(const char *peer, uint64_t after); /* one page of everything */
struct store_op *make_ack(const char *peer, uint64_t seq);
struct store_op *make_sweep(int64_t now_ms, size_t max_rows);
void op_set_frame(struct store_op *op, const void *data, size_t size);

/* SHELL with A as its owner and B. */
void fixture_add_pair(struct fixture *f);

#endif
