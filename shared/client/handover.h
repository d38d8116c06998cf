/* Handing a session over by a recovery code: the joiner makes one and has its hash kept at the relay; another member shows it and
 * is the joiner; provider and former joiner hear of it.
 *
 * A code is made when manual recovery is needed, and comes with MANUAL_RECOVERY; or when the application asks. It is told only
 * when the relay has it on disk, and kept nowhere here. */
#ifndef SHARED_CLIENT_HANDOVER_H
#define SHARED_CLIENT_HANDOVER_H

#include "client/engine_state.h"
#include "wire/cause.h"

struct request;

/* MANUAL_RECOVERY, with a code if the relay takes one now. */
void handover_manual(struct session *s, enum cause cause);

/* The application wants a code. */
void handover_issue(struct session *s, uint64_t ticket);
void handover_pump(struct session *s);
void handover_stored(struct session *s, const struct message_stored *m);

/* True when that is all that there is to be done about it. */
bool handover_refused(struct session *s, const struct message_error *error);
void handover_disconnected(struct session *s);
void handover_session_ended(struct session *s);

/* The joiner's: another device goes on with it. Frees the session. */
void handover_moved(struct session *s);

/* What the relay says of a session that is known here. True: it is another device's now, and freed here. */
bool handover_reconcile(struct session *s, const struct message_session_summary *summary);

/* Provider: the relay let another member write as the joiner, and it has the key. */
void handover_joiner_is(struct session *s, const struct wire_peer_id *joiner);

/* Redeeming. */
void handover_redeem(struct syncshell *y, uint64_t ticket, const struct recovery_code *code);
void handover_redeem_pump(struct syncshell *y);
void handover_redeemed(struct syncshell *y, const struct message_stored *m);
void handover_redeem_refused(struct syncshell *y, const struct message_error *error);
void handover_syncshell_ended(struct syncshell *y, enum wire_code code);

#endif
