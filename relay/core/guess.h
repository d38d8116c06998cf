/* Guessing at signatures, proofs, keys and codes: who is wrong too often is not looked at for a while, as an address.
 *
 *     if (guess_refused(connection, &refusal))    before it is looked at
 *         request_refuse_by(r, &refusal);
 *     else if (it does not fit)
 *         guess_failed(connection);
 *
 * Only for what can be wrong on purpose. What has expired, is used up or is not there is none: clients come with such things in
 * good faith, and a code or key that nobody could guess is guarded by its length. */
#ifndef RELAY_CORE_GUESS_H
#define RELAY_CORE_GUESS_H

#include "core/account.h"

struct connection;

bool guess_refused(const struct connection *c, struct refusal *ret_refusal);
void guess_failed(struct connection *c);

#endif
