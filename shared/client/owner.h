/* What only the owner may do: remove a member, rotate the group key, hand the syncshell over, delete it.
 *
 * Operations wait in the journal, and go to the relay one after the other. One gets its number when it is sent first and keeps it
 * when it is sent again for want of an answer, so that the relay knows it; what SyncshellJoined shows to be done is not sent
 * again. So each happens once, whoever dies in between. The secret of a rotation is in the journal before the relay
 * hears of its key. */
#ifndef SHARED_CLIENT_OWNER_H
#define SHARED_CLIENT_OWNER_H

#include "client/engine_state.h"

/* Queues it. `peer_id`: whom it is about, NULL for none. 0, ENGINE_E_FULL or negative. The caller journals. */
int owner_add(struct syncshell *y, enum message_type type, const struct wire_peer_id *peer_id,
              uint64_t sequence, uint64_t ticket);

void owner_pump(struct syncshell *y);
void owner_joined(struct syncshell *y, const struct message_syncshell_joined *m);
void owner_stored(struct syncshell *y); /* may free `y` */
void owner_refused(struct syncshell *y, const struct message_error *error);

/* OwnerChanged is our own doing: its answer follows. */
bool owner_awaits(const struct syncshell *y, const struct message_owner_changed *m);

/* The syncshell goes: what waits has failed, except a deletion if that is the reason. */
void owner_end_all(struct syncshell *y, enum wire_code code, bool *ret_deleted);

void owner_free_all(struct syncshell *y);

#endif
