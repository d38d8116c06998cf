/* RecoveryRequest and RecoveryResponse: what the joiner has, and what the provider will send.
 *
 * The joiner makes one request per episode from what its journal holds, cut into parts that fit a body. The provider gathers
 * the parts in its journal, takes them out of its inbox, and when the last one is there and the manifest is known, computes the
 * delta, tells the application, and answers. A newer request supersedes an older one that is not answered yet.
 *
 * What is to be sent is known to the provider's application alone, and only while it lives. So the request stays in the
 * journal, and is told again by the next process, until it is answered, its event taken, and the link up: from then on the
 * joiner notices the provider's death, which begins an episode with a request of its own. It does not where it never saw
 * the link up itself: then it asks again when the provider is back. */
#ifndef SHARED_CLIENT_RECOVERY_H
#define SHARED_CLIENT_RECOVERY_H

#include "client/engine_state.h"

struct request;

void recovery_init(struct session *s);
void recovery_deinit(struct session *s);

void recovery_pump(struct session *s);

/* Provider: the event of that number was about this session's request, and is taken. */
bool recovery_request_taken(struct session *s, uint64_t receipt);

/* Provider: another device is the joiner. What the former one asked for is forgotten. */
void recovery_joiner_changed(struct session *s);

/* Joiner: the other side is here again, and may have been another process in between. */
void recovery_other_returned(struct session *s);
void recovery_disconnected(struct session *s);

/* What is on its way is worth nothing any more. */
void recovery_reset(struct session *s);

/* Provider: computes and tells the delta when everything for it is there, and forgets it when it has served. */
void recovery_compute(struct session *s);

/* Provider: the application's manifest. Takes the files. */
void recovery_set_manifest(struct session *s, uint64_t ticket, struct body_file_list *takes_files);

/* Joiner: the application wants a request now. */
void recovery_ask(struct session *s, uint64_t ticket);

/* From the inbox, opened: RecoveryRequest or RecoveryResponse. Journals what it takes over. NULL, or the code that says what
 * was wrong with it. */
const char *recovery_received(struct session *s, enum message_type type, const struct buf *plain);

void recovery_stored(struct session *s, const struct request *r);
void recovery_refused(struct session *s, const struct request *r,
                      const struct message_error *error);

#endif
