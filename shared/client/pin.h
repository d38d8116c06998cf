/* Which key the relay must show: the pin, a hash of its public key, journaled with the relay's address. It stands above authorities and
 * names: who has it needs neither, and is served by no other key that some authority has signed.
 *
 * It comes from the application or from an invite. An invite may set it only where it can lead nobody astray: with the first syncshell,
 * or when it holds the secret of one that we are in, so that a member made it. Otherwise whoever gets an invite accepted could put
 * himself between us and the relay of all our other syncshells. */
#ifndef SHARED_CLIENT_PIN_H
#define SHARED_CLIENT_PIN_H

#include "client/engine_state.h"

/* The key of the connection that has just been made; "" for one without TLS. */
void pin_relay_key(struct engine *e, const struct wire_key *key);

/* Whether the invite's pin, if it has one, may stand. `known`: it holds the secret of a syncshell that we are in. */
bool pin_fits(const struct engine *e, const struct invite *invite, bool known);

/* Takes over the pin of an invite whose pin fits. A connection that shows another key is given up. */
void pin_take(struct engine *e, const struct invite *invite, bool known);

#endif
