/* A syncshell's keys. One is in force: it proves the membership and seals. When the owner rotates it, the new one waits as
 * `next` until the relay has admitted us with it; what it replaces is kept as old, because inboxes and logs hold what was sealed
 * under it.
 *
 * `next` is either the owner's own, journaled before the relay hears of it and tried when the one in force is refused (the
 * answer to the rotation may have been lost), or that of an invite, which is tried at once and forgotten when it does not
 * fit. Nothing ephemeral is taken under an old key: who was removed still knows it. */
#ifndef SHARED_CLIENT_GROUP_KEY_H
#define SHARED_CLIENT_GROUP_KEY_H

#include "client/engine_state.h"

/* A key of the syncshell; not in use yet. 0 or negative. */
int group_key_new(struct engine *e, const struct wire_id *syncshell_id, const char *secret,
                  uint64_t epoch, struct group_key **ret_key);

/* Sets `next`, which it takes. */
void group_key_propose(struct syncshell *y, struct group_key *takes_key, bool invited);

/* Which key JoinSyncshell is to prove. */
struct group_key *group_key_to_prove(const struct syncshell *y);

/* The key that was proved is refused: whether there is another one to try. An invited one is forgotten. */
bool group_key_refused(struct syncshell *y);

/* Takes `next` into force: the key in force becomes the newest of the old ones. The caller journals. */
void group_key_adopt(struct syncshell *y);

/* Forgets `next`. */
void group_key_withdraw(struct syncshell *y);

/* As the newest of the old ones; takes it. */
void group_key_keep_old(struct syncshell *y, struct group_key *takes_key);

void group_key_free_all(struct syncshell *y);

#endif
