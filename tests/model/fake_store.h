/* The store as the core sees it, in memory: what store_op.h promises, in the plainest way. Every operation is executed
 * completely or, when it is told to fail, not at all. */
#ifndef TESTS_MODEL_FAKE_STORE_H
#define TESTS_MODEL_FAKE_STORE_H

#include "core/store_op.h"

struct fake_store;

struct fake_store *fake_store_new(void);
void fake_store_free(struct fake_store *store);

/* Fills in the results. */
void fake_store_execute(struct fake_store *store, struct store_op *op);

/* What is in it, for expectations. */
bool fake_store_is_member(const struct fake_store *store, const char *syncshell, const char *peer);
uint64_t fake_store_generation(const struct fake_store *store, const char *syncshell,
                               const char *session);
size_t fake_store_unacked(const struct fake_store *store, const char *syncshell, const char *peer);

/* Sets a key epoch or an idle expiry behind the core's back. */
void fake_store_set_key_epoch(struct fake_store *store, const char *syncshell, uint64_t key_epoch);

/* Drops a member's unacknowledged message, as an expiry would. */
void fake_store_drop_message(struct fake_store *store, const char *syncshell, const char *peer,
                             uint64_t seq);

#endif
