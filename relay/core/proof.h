/* What peers prove over the nonce of their connection: who they are, that they hold the group's key. Signatures are checked
 * by the host; here are the texts and whose key it is. */
#ifndef RELAY_CORE_PROOF_H
#define RELAY_CORE_PROOF_H

#include "core/connection.h"
#include "wire/message.h"

struct syncshell;

/* A fresh nonce: 32 random bytes as canonical base64url. 0 or the host's negative error. */
int proof_nonce(struct core *core, struct wire_key *ret_nonce);

/* WIRE_CODE_NONE, or the code of the refusal. */
enum wire_code proof_check_authenticate(const struct connection *c,
                                        const struct message_authenticate *m);
enum wire_code proof_check_create(const struct connection *c,
                                  const struct message_create_syncshell *m);
enum wire_code proof_check_join(const struct connection *c, const struct syncshell *s,
                                const struct message_join_syncshell *m);
enum wire_code proof_check_owner(const struct connection *c, enum message_type type,
                                 const struct message_owner_operation *m);

#endif
