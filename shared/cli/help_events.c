/* Every event of the library, with a line as `syncshell peer` prints it. Ids are cut short. */
#include "cli/help.h"

#define SESSION                                                                       \
    "\"syncshellId\":\"k3J9...\",\"sessionId\":\"s1\",\"peerId\":\"ed25519:Zm8...\"," \
    "\"joinerPeerId\":\"ed25519:Q2x...\",\"providerPeerId\":\"ed25519:Zm8...\",\"role\":\"joiner\",\"generation\":1"

#define ICE_SERVERS                                                                                    \
    "\"iceTtlMs\":3600000,\"iceServers\":[{\"url\":\"turn:turn.example:3478\",\"username\":\"17...\"," \
    "\"credential\":\"x5q...\"}]"

const struct help_event HELP_EVENTS[] = {
    {"relay_connected", "{\"event\":\"relay_connected\"}", "The relay knows this peer."},
    {"relay_disconnected",
     "{\"event\":\"relay_disconnected\",\"code\":\"shutting_down\",\"retryMs\":2000}",
     "It comes back by itself after retryMs; 0: it will not. A message says more where no connection came about."},
    {"syncshell_created",
     "{\"event\":\"syncshell_created\",\"ticket\":1,\"syncshellId\":\"k3J9...\",\"invite\":\"syncshell1.eyJy...\"}",
     "The invite is for the members only."},
    {"syncshell_joined",
     "{\"event\":\"syncshell_joined\",\"ticket\":2,\"syncshellId\":\"k3J9...\",\"ownerPeerId\":\"ed25519:Zm8...\","
     "\"recovered\":true}",
     "Without a ticket: rejoined after a disconnection or a restart. recovered: the inbox is whole."},
    {"syncshell_ready", "{\"event\":\"syncshell_ready\",\"syncshellId\":\"k3J9...\"}",
     "All members' presence and all sessions were told."},
    {"syncshell_left", "{\"event\":\"syncshell_left\",\"ticket\":3,\"syncshellId\":\"k3J9...\"}",
     "The membership is over."},
    {"peer_presence",
     "{\"event\":\"peer_presence\",\"syncshellId\":\"k3J9...\",\"peerId\":\"ed25519:Zm8...\",\"presence\":\"online\"}",
     "presence is online, away or left."},
    {"session_opened",
     "{\"event\":\"session_opened\",\"ticket\":4," SESSION ",\"label\":\"armour pack\"}",
     "Opened here (with a ticket) or by the other side, peerId. role is this side's."},
    {"session_resumed", "{\"event\":\"session_resumed\"," SESSION "}",
     "An open session, after a restart of this program or of the relay."},
    {"session_closed", "{\"event\":\"session_closed\"," SESSION ",\"outcome\":\"completed\"}",
     "outcome is completed, failed or cancelled. There is a cause when nobody closed it: session_expired, for one."},
    {"offer_needed", "{\"event\":\"offer_needed\"," SESSION ",\"attempt\":1," ICE_SERVERS "}",
     "Make an offer, give it with the command offer and this generation. iceServers, if there are any, are for this attempt: the "
     "first one first."},
    {"offer", "{\"event\":\"offer\"," SESSION ",\"sdp\":\"v=0...\"," ICE_SERVERS "}",
     "The other side's offer: make an answer, give it with the command answer. iceServers as in offer_needed."},
    {"answer", "{\"event\":\"answer\"," SESSION ",\"sdp\":\"v=0...\"}",
     "The other side's answer to this side's offer."},
    {"candidate",
     "{\"event\":\"candidate\"," SESSION
     ",\"sdp\":\"candidate:1 1 udp ...\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}",
     "An ICE candidate of the other side; the line is in sdp. An empty one: there are no more."},
    {"signal_held", "{\"event\":\"signal_held\",\"ticket\":5," SESSION ",\"heldMs\":10000}",
     "The other side is away; the signal is kept so long."},
    {"signal_refused",
     "{\"event\":\"signal_refused\",\"ticket\":5," SESSION ",\"code\":\"stale_generation\"}",
     "The signal did not arrive: stale_generation, glare_lost, expired or another code."},
    {"attempt_failed",
     "{\"event\":\"attempt_failed\"," SESSION
     ",\"attempt\":1,\"cause\":\"link_failed\",\"retryMs\":2000}",
     "The next attempt follows after retryMs."},
    {"manual_recovery",
     "{\"event\":\"manual_recovery\"," SESSION
     ",\"cause\":\"turn_refused\",\"recoveryCode\":\"7YXW-4KQ0-1N8D-PZ3MB\",\"validMs\":600000}",
     "Five attempts failed, the last by cause. It still recovers when the other side does. With the code the user goes on at\n"
     "another device; there is none while the relay cannot be reached."},
    {"recovered", "{\"event\":\"recovered\"," SESSION ",\"attempt\":1}", "The link is up (again)."},
    {"progress_saved", "{\"event\":\"progress_saved\",\"ticket\":6," SESSION "}",
     "The report is on this disk: it survives everything."},
    {"progress_stored",
     "{\"event\":\"progress_stored\"," SESSION ",\"ticketUpTo\":6,\"filesDone\":400}",
     "The relay has all reports up to that ticket."},
    {"manifest_saved", "{\"event\":\"manifest_saved\",\"ticket\":7," SESSION "}",
     "The manifest is on this disk."},
    {"recovery_request",
     "{\"event\":\"recovery_request\"," SESSION ",\"requestId\":\"r1\",\"bytes\":500,"
     "\"held\":[{\"path\":\"a.tex\",\"size\":1000,\"hash\":\"ab12\",\"algorithm\":\"sha256\",\"done\":true}],"
     "\"needed\":[{\"path\":\"b.tex\",\"size\":900,\"ranges\":[[400,900]]},"
     "{\"path\":\"c.tex\",\"size\":20,\"mismatched\":true}]}",
     "Provider: what the joiner has (held), and exactly what to send (needed; no ranges: the whole file)."},
    {"recovery_requested", "{\"event\":\"recovery_requested\"," SESSION ",\"requestId\":\"r1\"}",
     "Joiner: the request is stored at the relay, for a provider that is away, too."},
    {"recovery_response",
     "{\"event\":\"recovery_response\"," SESSION
     ",\"requestId\":\"r1\",\"filesToSend\":2,\"bytes\":520,"
     "\"mismatched\":[{\"path\":\"c.tex\",\"size\":20}]}",
     "Joiner: what will come. The files in mismatched come again from the start."},
    {"request_failed",
     "{\"event\":\"request_failed\",\"ticket\":8,\"code\":\"unknown_session\",\"message\":\"...\",\"retryable\":false}",
     "The command with this ticket failed. If the relay refused it there is a requestId, which its log has, too."},
    {"stopped", "{\"event\":\"stopped\",\"code\":\"journal_failed\",\"message\":\"...\"}",
     "The last event: the program ends with status 1."},
    {"session_cause", "{\"event\":\"session_cause\"," SESSION ",\"cause\":\"turn_refused\"}",
     "Why the session is not whole, the same at both sides and at the relay; no cause: the link is up again."},
    {"membership_ended",
     "{\"event\":\"membership_ended\",\"syncshellId\":\"k3J9...\",\"code\":\"member_removed\"}",
     "Not a member any more, nor its sessions open; with wrong_key_epoch a member still, who joins with the owner's new invite."},
    {"owner_changed",
     "{\"event\":\"owner_changed\",\"syncshellId\":\"k3J9...\",\"ownerPeerId\":\"ed25519:Zm8...\"}",
     "The syncshell has another owner. With a ticket: this side handed it over."},
    {"member_removed",
     "{\"event\":\"member_removed\",\"ticket\":5,\"syncshellId\":\"k3J9...\",\"peerId\":\"ed25519:Zm8...\"}",
     "Owner: the member is out."},
    {"key_rotated",
     "{\"event\":\"key_rotated\",\"ticket\":6,\"syncshellId\":\"k3J9...\",\"invite\":\"syncshell1.eyJy...\"}",
     "Owner: the others come back with this invite only."},
    {"syncshell_deleted",
     "{\"event\":\"syncshell_deleted\",\"ticket\":7,\"syncshellId\":\"k3J9...\"}",
     "Owner: it is over for everybody."},
    {"ice_servers", "{\"event\":\"ice_servers\"," SESSION ",\"attempt\":1," ICE_SERVERS "}",
     "Fresh ones for the attempt or link that there is: the credentials of the last ones expire after their iceTtlMs."},
    {"recovery_code",
     "{\"event\":\"recovery_code\",\"ticket\":9," SESSION
     ",\"recoveryCode\":\"7YXW-4KQ0-1N8D-PZ3MB\",\"validMs\":600000}",
     "Joiner: redeem it at another device within validMs."},
    {"code_redeemed",
     "{\"event\":\"code_redeemed\",\"ticket\":10,\"syncshellId\":\"k3J9...\",\"sessionId\":\"s1\"}",
     "This side is the session's joiner now."},
    {"session_moved", "{\"event\":\"session_moved\"," SESSION "}",
     "Provider: another device of the joiner's user goes on, peerId."},
};

const size_t HELP_EVENTS_COUNT = sizeof(HELP_EVENTS) / sizeof(HELP_EVENTS[0]);
