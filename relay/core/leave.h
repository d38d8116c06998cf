/* Leaving: the end of a membership, of its open sessions and of its inbox. */
#ifndef RELAY_CORE_LEAVE_H
#define RELAY_CORE_LEAVE_H

#include "core/request.h"

struct syncshell;

void leave_request(const struct request *r);
void leave_done(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op);

#endif
