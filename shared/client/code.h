/* Codes that the library itself gives, beside those of the wire (wire/code.h): the CODE field of events. Causes are in
 * wire/cause.h. */
#ifndef SHARED_CLIENT_CODE_H
#define SHARED_CLIENT_CODE_H

#define CODE_RELAY_UNREACHABLE "relay_unreachable" /* there is no connection to the relay */
#define CODE_WRONG_CERTIFICATE_PIN \
    "wrong_certificate_pin" /* the relay has another key than the one that is pinned */
#define CODE_CERTIFICATE_REFUSED \
    "certificate_refused" /* no trusted authority vouches for the relay's name and key */
#define CODE_BAD_SEAL           "bad_seal" /* a body that was not made with the syncshell's key */
#define CODE_BAD_BODY           "bad_body" /* a body that opens but is not what its type says */
#define CODE_CLEAR_BODY_REFUSED "clear_body_refused" /* this library takes sealed bodies only */
#define CODE_RELAY_ROLLED_BACK \
    "relay_rolled_back" /* the relay lost what it had called stored; it was sent again */
#define CODE_LIBRARY_FULL   "library_full"   /* a limit of this client */
#define CODE_JOURNAL_FAILED "journal_failed" /* the state directory could not be written */
#define CODE_NO_MEMORY      "no_memory"
#define CODE_WRONG_ROLE     "wrong_role" /* only the other role may do that */
#define CODE_BAD_ARGUMENT   "bad_argument"
#define CODE_BUSY           "busy"     /* another command about the same thing is under way */
#define CODE_NO_RELAY       "no_relay" /* no relay is known to this client */

#endif
