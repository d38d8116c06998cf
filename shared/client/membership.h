/* What becomes of a membership that the relay ended: by a push while it lasted, or as the answer to joining again. */
#ifndef SHARED_CLIENT_MEMBERSHIP_H
#define SHARED_CLIENT_MEMBERSHIP_H

#include "client/engine_state.h"

/* Whether a code of the relay says that the membership is over for good. */
bool membership_code_is_final(enum wire_code code);

/* MembershipEnded, or its code as the answer to JoinSyncshell. A final code frees `y`, after its sessions have ended. With any
 * other the syncshell is kept with its sessions, but not joined again on this connection unless a command asks for it. */
void membership_ended(struct syncshell *y, enum wire_code code);

/* The ownership was handed over. */
void membership_owner_changed(struct syncshell *y, const struct message_owner_changed *m);

#endif
