/* Who was joiner of a session before it was handed over: the last few, so that a device that was away for more than one of the moves still
 * hears that it moved instead of `unknown_session`. Kept with the session as one text, peer ids with a blank between. */
#ifndef RELAY_CORE_FORMER_H
#define RELAY_CORE_FORMER_H

#include "wire/id.h"

#include <stdbool.h>

enum { FORMER_MAX = 4, FORMER_TEXT_MAX = FORMER_MAX * (WIRE_PEER_ID_LENGTH + 1) };

struct former {
    struct wire_peer_id peer_ids[FORMER_MAX]; /* the last one first; "" behind them */
};

bool former_has(const struct former *f, const char *peer_id);

/* As the last one. The oldest gives way. */
void former_add(struct former *f, const struct wire_peer_id *peer_id);

void former_write(const struct former *f, char ret_text[static FORMER_TEXT_MAX]);
int former_read(struct former *ret_former, const char *text); /* 0, or -EINVAL */

#endif
