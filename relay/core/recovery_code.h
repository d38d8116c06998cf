/* Recovery codes: the joiner of an open session has the hash of one kept, and the member that shows the code becomes the joiner.
 *
 * The relay never knows a code that was not redeemed yet. A code is of 80 random bits, guarded by its length; whoever guesses
 * all the same is slowed down (core/guess.h). What became of a right code is told, and costs nothing. */
#ifndef RELAY_CORE_RECOVERY_CODE_H
#define RELAY_CORE_RECOVERY_CODE_H

#include "core/request.h"

void recovery_code_issue_request(const struct request *r);
void recovery_code_redeem_request(const struct request *r);

/* The operations are back. */
void recovery_code_issued(struct core *core, struct syncshell *s, struct connection *c,
                          struct store_op *op);
void recovery_code_redeemed(struct core *core, struct syncshell *s, struct connection *c,
                            struct store_op *op);

#endif
