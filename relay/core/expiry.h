/* Syncshells that nobody uses: the store remembers the day on which a member was last joined to one, and the sweep ends those
 * for which that is too long ago.
 *
 * Using one costs a write a day: when somebody joins, and for who stays longer, with the sweep. A syncshell whose members are
 * joined never ends: the sweep takes none before the store has taken their days. */
#ifndef RELAY_CORE_EXPIRY_H
#define RELAY_CORE_EXPIRY_H

#include "core/core_state.h"
#include "core/store_op.h"

struct connection;
struct syncshell;

/* A member is joined: the store hears of it unless it knows already. */
void expiry_note_use(struct syncshell *s);
void expiry_use_noted(struct core *core, struct syncshell *s, struct connection *c,
                      struct store_op *op);

/* The same for all that are in use, a bounded number at a time; then how many days without use end a syncshell for the sweep that
 * is about to be issued, 0: none are to end. */
uint32_t expiry_days(struct core *core);

/* The sweep has ended these. */
void expiry_swept(struct core *core, const struct store_op *op);

#endif
