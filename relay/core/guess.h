/* Guessing at signatures, proofs, keys and codes: who is wrong too often is not looked at for a while, as an address.
 *
 *     if (guess_refused(connection, &refusal))    before it is looked at
 *         request_refuse_by(r, &refusal);
 *     else if (it does not fit)
 *         guess_failed(connection);
 *
 * What only the store can judge is under way for a while, and whoever sent it may be gone when it is judged:
 *
 *     if (guess_begin(connection, &refusal)) ... issue op; in its completion guess_judged(core, op, wrong);
 *
 * Only for what can be wrong on purpose. What has expired, is used up or is not there is none: clients come with such things in
 * good faith, and a code or key that nobody could guess is guarded by its length. */
#ifndef RELAY_CORE_GUESS_H
#define RELAY_CORE_GUESS_H

#include "core/account.h"

struct connection;
struct core;
struct store_op;

bool guess_refused(const struct connection *c, struct refusal *ret_refusal);
void guess_failed(struct connection *c);

/* Not refused, and no more are under way than may be wrong: otherwise all would be looked at before the first one counts. */
bool guess_begin(const struct connection *c, struct refusal *ret_refusal);
void guess_judged(const struct core *core, const struct store_op *op, bool wrong);

/* The store found op's request wrong, of which any number may be under way. */
void guess_failed_by(const struct core *core, const struct store_op *op);

#endif
