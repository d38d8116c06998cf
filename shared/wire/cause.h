/* Why a recovery did not come about: the `cause` of ConnectionReport, SessionClose and a session's summary, and of the
 * library's events.
 *
 * One list for both sides, the relay's log and the operator's view. schema/causes.json is the same list for other
 * implementations (a test compares them). A cause is never reused with another meaning. */
#ifndef SHARED_WIRE_CAUSE_H
#define SHARED_WIRE_CAUSE_H

#include "wire/code.h"

#include <stdbool.h>
#include <stddef.h>

/* X(enumerator, name, what happened, for a person, what to do about it) */
#define CAUSE_TABLE(X)                                                                               \
    X(PEER_AWAY, "peer_away", "The other side was not connected to the relay.",                      \
      "Ask them to start their game; the transfer goes on by itself when they are back.")            \
    X(RELAY_UNREACHABLE, "relay_unreachable", "The relay could not be reached.",                     \
      "Check this machine's network; if others have the same trouble, the relay is down.")           \
    X(ATTEMPT_TIMEOUT, "attempt_timeout", "No direct link came up in time.",                         \
      "Often a firewall or a strict router: the relay's operator can offer a TURN server.")          \
    X(LINK_FAILED, "link_failed", "WebRTC could not connect the two sides.",                         \
      "Often a firewall or a strict router: the relay's operator can offer a TURN server.")          \
    X(LINK_LOST, "link_lost", "The new link broke before it could be used.",                         \
      "Usually passing trouble of the network; the next attempt follows by itself.")                 \
    X(TURN_REFUSED, "turn_refused", "The TURN server refused the credentials.",                      \
      "The relay's operator: compare the secret and the clock of the relay and of the TURN server.") \
    X(TURN_UNREACHABLE, "turn_unreachable", "The TURN server did not answer.",                       \
      "The relay's operator: check that the TURN server runs and can be reached from outside.")      \
    X(DTLS_FAILED, "dtls_failed", "The two sides reached each other but could not agree on keys.",   \
      "Update the plugin on both sides; something between them may be altering packets.")            \
    X(SUPERSEDED, "superseded", "A newer attempt took this one's place.",                            \
      "Nothing: the newer one decides.")                                                             \
    X(EXPIRED, "expired", "The other side did not come back in time for the offer.",                 \
      "Nothing: the next attempt starts when they are back.")                                        \
    X(HELD_FULL, "held_full", "The relay could not hold more for this attempt.",                     \
      "The plugin sends very large offers or very many candidates: update it.")                      \
    X(STALE_GENERATION, "stale_generation", "The other side had started a newer attempt.",           \
      "Nothing: the next attempt has the right number.")                                             \
    X(GENERATION_JUMP, "generation_jump", "The attempt's number ran too far ahead.",                 \
      "Nothing: the next attempt has the right number.")                                             \
    X(RELAY_REFUSED, "relay_refused", "The relay refused the attempt.",                              \
      "The relay's log has the code; the relay's operator can say more.")                            \
    X(SESSION_CLOSED, "session_closed", "The transfer was already over.",                            \
      "Start it again if files are still missing.")                                                  \
    X(SESSION_EXPIRED, "session_expired",                                                            \
      "Nothing happened for so long that the transfer expired.",                                     \
      "Start it again when both sides are there.")                                                   \
    X(SESSION_MOVED, "session_moved", "The transfer goes on at another device.",                     \
      "Nothing here: look at the device where the code was entered.")                                \
    X(UNKNOWN_SESSION, "unknown_session", "The relay does not know the transfer any more.",          \
      "Start it again; the relay may have been set up anew or restored from an old backup.")         \
    X(CANCELLED, "cancelled", "One of the two sides ended the transfer.",                            \
      "Start it again when both are ready.")                                                         \
    X(GIVEN_UP, "given_up", "The plugin of one side gave the transfer up.",                          \
      "Its own messages say why; start the transfer again.")                                         \
    X(TARGET_LEFT, "target_left", "One of the two sides left the syncshell.",                        \
      "They need a new invite to come back.")                                                        \
    X(MEMBER_REMOVED, "member_removed", "The owner removed one of the two sides.",                   \
      "Ask the owner of the syncshell.")                                                             \
    X(SYNCSHELL_DELETED, "syncshell_deleted", "The owner deleted the syncshell.",                    \
      "Ask the owner of the syncshell.")

enum cause {
    CAUSE_NONE = 0,
#define X(id, name, text, advice) CAUSE_##id,
    CAUSE_TABLE(X)
#undef X
        CAUSE_COUNT,
};

enum { CAUSE_NAME_MAX = 64 }; /* of any that there will ever be: [a-z][a-z0-9_]{0,63} */

/* A cause as the wire carries it: "" for none, and also one of a later version. */
struct cause_text {
    char text[CAUSE_NAME_MAX + 1];
};

const char *cause_name(enum cause cause);     /* "" for CAUSE_NONE */
enum cause cause_from_name(const char *name); /* CAUSE_NONE when unknown */
const char *cause_sentence(const char *name); /* a sentence for every name */
const char *cause_advice(const char *name);   /* likewise */
enum cause
cause_of_code(enum wire_code code); /* what an attempt that ended with that code failed of */
bool cause_shape_valid(const char *text, size_t length);

#endif
