/* Expired rows go in small steps: one operation at a time, at once the next while something is left, then a pause. Sessions
 * that the store has turned into tombstones are closed in memory, too, and what an inbox has lost is known there. */
#ifndef RELAY_CORE_SWEEP_H
#define RELAY_CORE_SWEEP_H

#include "core/core_state.h"
#include "core/store_op.h"

struct connection;
struct syncshell;

void sweep_init(struct core *core);
void sweep_done(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op);

#endif
