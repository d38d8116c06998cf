/* A joiner's session that the relay knows and the journal does not: its files are read back from the relay's sealed log. */
#ifndef SHARED_CLIENT_RESTORE_H
#define SHARED_CLIENT_RESTORE_H

#include "client/engine_state.h"

void restore_pump(struct session *s);

/* A page of the log. `body` holds the entries one after another. */
void restore_page(struct session *s, const struct message_session_snapshot *m, const uint8_t *body);

#endif
