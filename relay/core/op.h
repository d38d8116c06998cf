/* Operations on their way to the store and back: who is charged for them, who waits for them. */
#ifndef RELAY_CORE_OP_H
#define RELAY_CORE_OP_H

#include "core/core_state.h"
#include "core/store_op.h"

struct connection;
struct syncshell;

/* What a request that waits for the store costs beside its frame: the operation, and the member or session that may come of it. */
enum { OP_BYTES = 4096 };

/* With the present wall time; `s` may be NULL for kinds without one. NULL when memory is out. */
struct store_op *op_new(struct core *core, enum store_op_kind kind, const struct syncshell *s);

/* Queues the effect. */
void op_issue(struct core *core, struct store_op *op);

#endif
