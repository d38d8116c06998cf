/* Sessions as the relay knows them and as they are known here become one: after each join, and when the other side changes one. */
#ifndef SHARED_CLIENT_RECONCILE_H
#define SHARED_CLIENT_RECONCILE_H

#include "client/engine_state.h"

/* What SyncshellJoined says about our sessions. `same_store`: versions of before still mean something. */
void reconcile_joined(struct syncshell *y, const struct message_syncshell_joined *m,
                      bool same_store);

/* The other side opened or closed one, or another device has taken its place. */
void reconcile_changed(struct syncshell *y, const struct message_session_changed *m);

#endif
