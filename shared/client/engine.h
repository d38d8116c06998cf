/* The client engine: everything a client of the relay decides. No system calls, clock, threads, logging.
 *
 * One engine is one peer at one relay: its identity, its syncshells, its sessions. Frames, time, journal results and the
 * application's commands come in; frames, journal records, connection wishes, events and the next deadline go out. The
 * transport owns the thread, the socket, the journal file and the keys.
 *
 * Use: engine_new(); engine_load_record() for every record of the journal; engine_start(); from then on call an input
 * function, take effects with engine_next_effect() until there is none, arm a timer for engine_deadline_us(). All on one
 * thread. Input functions never call back except for the crypto services.
 *
 * What it promises:
 * - Journal first: a fact is reported to the application as saved, or sent as something to be acknowledged, only after the
 *   batch with its record was committed (engine_journal_done()). So after a kill at any step the journal knows at least what
 *   anyone was told, and durable messages are sent again under the same messageId.
 * - What only an event tells is journaled until the application has taken it (engine_event_taken()), and told again after a
 *   restart: at least once. This is so for the end of a session, and for a RecoveryRequest, which is also kept until
 *   it is answered and the link is up, unless another supersedes it; it is recognisable by REQUEST_ID.
 * - An inbox message is acknowledged to the relay only after its effect is journaled.
 * - Offers use max(own, relay's) + 1 as generation; an answer or candidate of another generation never reaches the
 *   application.
 * - One SessionProgress is in flight per session; reports that come meanwhile are sent together afterwards.
 * - After a version conflict, a changed store epoch or a version that went backwards, the joiner's journal is the truth: it
 *   re-opens what is missing and sends a checkpoint.
 *
 * A recovery episode of a session begins when the session is opened, the link is lost, or the process starts with the session
 * open. The joiner then sends one RecoveryRequest (durable), and asks the application for an offer at once when the provider
 * is online; further attempts follow 2, 4, 8, 16, 32 s (retry_base_ms doubled, plus jitter) after a failure, at once when the
 * provider comes online or the network changed. After the fifth failure MANUAL_RECOVERY is told once per episode; presence and
 * incoming offers still start attempts until the session ends. The episode ends with link up. */
#ifndef SHARED_CLIENT_ENGINE_H
#define SHARED_CLIENT_ENGINE_H

#include "base/buf.h"
#include "base/frame.h"
#include "base/timeutil.h"
#include "client/event.h"
#include "wire/body.h"
#include "wire/cause.h"
#include "wire/id.h"
#include "wire/invite.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct engine_group; /* a syncshell's derived keys, opaque, made by the crypto services */

enum {
    ENGINE_CRYPTO_E_AUTHENTICATION = 1
}; /* the sealed body was not made with this key and associated data */

/* Services of the transport. All return 0 or negative unless said otherwise; they must not call into the engine. */
struct engine_crypto {
    void *userdata;
    int (*random)(void *userdata, void *ret_bytes, size_t size);
    int (*sign)(void *userdata, const void *text, size_t size,
                struct wire_signature *ret_signature); /* identity key */
    /* Derives signing and sealing key from the secret (schema/README.md). */
    int (*group_new)(void *userdata, const char *secret, const char *syncshell_id,
                     struct engine_group **ret_group);
    void (*group_free)(void *userdata, struct engine_group *g); /* accepts NULL */
    int (*group_public_key)(void *userdata, const struct engine_group *g, struct wire_key *ret_key);
    int (*group_sign)(void *userdata, const struct engine_group *g, const void *text, size_t size,
                      struct wire_signature *ret_signature);
    /* Appends nonce, ciphertext, tag. */
    int (*seal)(void *userdata, const struct engine_group *g, const void *associated,
                size_t associated_size, const void *plain, size_t size, struct buf *out);
    /* Appends the plaintext. 0, ENGINE_CRYPTO_E_AUTHENTICATION or negative. */
    int (*open)(void *userdata, const struct engine_group *g, const void *associated,
                size_t associated_size, const void *sealed, size_t size, struct buf *out);
    /* 32 random bytes as unpadded base64url: a new secret. */
    int (*secret_new)(void *userdata, struct wire_key *ret_secret);
    int (*sha256)(void *userdata, const void *data, size_t size, struct wire_sha256 *ret_sha256);
};

struct engine_config {
    struct wire_peer_id peer_id;
    const char *access_key; /* NULL: none; copied */
    uint32_t retry_base_ms;
    uint32_t attempt_timeout_ms;
    /* The pause before the relay is dialled again. After a connection that worked: anywhere between these two. */
    uint32_t reconnect_first_min_ms;
    uint32_t reconnect_first_max_ms;
    /* And with dials that failed: this, doubled for each, up to the maximum; of that from a half to one and a half. */
    uint32_t reconnect_base_ms;
    uint32_t reconnect_max_ms;
    uint32_t
        request_timeout_ms; /* an unanswered request: the connection is given up and dialled again */
    uint32_t sessions_max;
    uint32_t files_per_session_max;
    uint32_t checkpoint_entries; /* log entries after which a checkpoint compacts */
};

void engine_config_defaults(struct engine_config *ret_config); /* peer_id stays empty */

enum { ENGINE_FAULT_TEXT_MAX = 160 }; /* bytes, the NUL included */

enum engine_effect_kind {
    ENGINE_CONNECT = 1, /* dial url; then engine_connected() or engine_disconnected() */
    ENGINE_DISCONNECT,  /* close the connection; engine_disconnected() follows */
    ENGINE_SEND,        /* frame: the taker unrefs it */
    ENGINE_JOURNAL_PUT, /* insert or replace the record (kind, key) */
    ENGINE_JOURNAL_DELETE,
    ENGINE_JOURNAL_COMMIT, /* all records since the last one belong together: commit, then engine_journal_done(batch) */
    ENGINE_EVENT, /* event: taken */
};

struct engine_effect {
    enum engine_effect_kind kind;
    const char *url;         /* CONNECT: valid until the next call into the engine */
    struct frame *frame;     /* SEND */
    const char *record_kind; /* JOURNAL_*: valid until the next engine_next_effect() */
    const char *record_key;
    const char *record_value; /* JSON text; NULL with DELETE */
    size_t record_value_size;
    uint64_t batch;                /* COMMIT */
    struct syncshell_event *event; /* EVENT */
};

/* Copies config and crypto. 0 or -ENOMEM. */
int engine_new(struct engine **ret_engine, const struct engine_config *config,
               const struct engine_crypto *crypto);
struct engine *engine_free(struct engine *e); /* always NULL; drops effects that were not taken */

enum {
    ENGINE_E_RECORD = 1,       /* a journal record is damaged */
    ENGINE_E_RECORD_NEWER = 2, /* a journal record is from a newer version */
    ENGINE_E_UNKNOWN = 3,      /* no such syncshell or session */
    ENGINE_E_ARGUMENT = 4,
    ENGINE_E_FULL = 5, /* a limit of the configuration */
};

/* Before engine_start(); kinds in the order client, syncshell, session, file, manifest, request, ended. 0, ENGINE_E_RECORD,
 * ENGINE_E_RECORD_NEWER, or negative. */
extern const char *const engine_record_kinds[]; /* in that order, NULL-terminated */
int engine_load_record(struct engine *e, const char *kind, const char *key, const void *value,
                       size_t size);

/* All records are loaded. `relay_url` (may be NULL) replaces the journaled one. 0, ENGINE_E_RECORD (records contradict each
 * other), ENGINE_E_ARGUMENT or negative. */
int engine_start(struct engine *e, uint64_t now_us, const char *relay_url);

/* Before engine_start(): which key the relay must show (client/pin.h). "": any that authorities vouch for; NULL: the one of the next
 * connection, for which they vouch. */
void engine_pin(struct engine *e, const struct wire_key *pin);

/* To be asked for each dialling: "" is none. */
struct wire_key engine_certificate_pin(const struct engine *e);

/* WebSocket is up: Hello comes next. The key is a pin's hash of the one that the relay has shown, NULL without TLS. */
void engine_connected_to(struct engine *e, uint64_t now_us, const struct wire_key *key);
void engine_connected(struct engine *e, uint64_t now_us); /* the same without TLS */

/* Before engine_disconnected(): what is known of why no connection came about. */
struct engine_fault {
    const char *code; /* a CODE of code.h, for what is wrong with the relay; NULL: nothing is */
    const char *text; /* a sentence for people, copied; "": none */
    uint32_t
        retry_after_ms; /* for so long whoever answered does not want to be asked again; 0: no wish */
};
void engine_connection_fault(struct engine *e, const struct engine_fault *fault);
void engine_disconnected(struct engine *e, uint64_t now_us,
                         uint16_t close_code); /* or dialling failed: 0 */
void engine_receive(struct engine *e, uint64_t now_us, bool binary, const uint8_t *data,
                    size_t size);
void engine_tick(struct engine *e, uint64_t now_us);
uint64_t engine_deadline_us(const struct engine *e);

/* The batch is on disk (ok) or could not be written: then the engine emits STOPPED and refuses everything. */
void engine_journal_done(struct engine *e, uint64_t now_us, uint64_t batch, bool ok);

/* The application is done with the event of that event_receipt(): it need not be told again after a restart. */
void engine_event_taken(struct engine *e, uint64_t now_us, uint64_t receipt);

bool engine_next_effect(struct engine *e, struct engine_effect *ret_effect);
bool engine_stopped(const struct engine *e);

/* The relay of this engine, "" while none is known; and the invite to one of its syncshells. */
const char *engine_relay_url(const struct engine *e);
int engine_invite(const struct engine *e, const char *syncshell_id,
                  struct invite *ret_invite); /* 0, ENGINE_E_UNKNOWN */

/* Commands: the public header's, with texts that are NUL-terminated and bounded already. They answer by events with
 * `ticket`; what is wrong with a command also comes as REQUEST_FAILED. Negative only when memory ran out. */
int engine_create_syncshell(struct engine *e, uint64_t now_us, uint64_t ticket);
/* With a secret of the caller's, which belongs to the id. */
int engine_create_syncshell_with(struct engine *e, uint64_t now_us, uint64_t ticket,
                                 const struct wire_id *id, const struct wire_key *secret);
/* The invite's owner may be "": not known. */
int engine_join(struct engine *e, uint64_t now_us, uint64_t ticket, const struct invite *invite);
int engine_leave(struct engine *e, uint64_t now_us, uint64_t ticket, const char *syncshell_id);
/* RemoveMember, TransferOwnership (both of `peer_id`), RotateGroupKey, DeleteSyncshell. */
int engine_owner_operation(struct engine *e, uint64_t now_us, uint64_t ticket,
                           const char *syncshell_id, enum message_type type, const char *peer_id);
int engine_redeem_code(struct engine *e, uint64_t now_us, uint64_t ticket, const char *syncshell_id,
                       const struct recovery_code *code);
int engine_network_changed(struct engine *e, uint64_t now_us);
int engine_session_open(struct engine *e, uint64_t now_us, uint64_t ticket,
                        const char *syncshell_id, const char *other_peer_id, bool as_joiner,
                        const char *session_id, const char *label);
int engine_session_set_manifest(struct engine *e, uint64_t now_us, uint64_t ticket,
                                const char *session_id, struct body_file_list *takes_files);
int engine_session_report(struct engine *e, uint64_t now_us, uint64_t ticket,
                          const char *session_id, struct body_file_list *takes_files);
int engine_session_offer(struct engine *e, uint64_t now_us, uint64_t ticket, const char *session_id,
                         uint64_t generation, const char *sdp);
int engine_session_answer(struct engine *e, uint64_t now_us, uint64_t ticket,
                          const char *session_id, uint64_t generation, const char *sdp);
int engine_session_candidate(struct engine *e, uint64_t now_us, uint64_t ticket,
                             const char *session_id, uint64_t generation, const char *candidate,
                             const char *sdp_mid, int32_t sdp_mline_index);

/* What became of a link, as the application saw it. */
struct engine_link {
    int32_t state;          /* enum syncshell_link */
    enum cause cause;       /* NONE: not told */
    const char *ice_server; /* NULL: not told */
};
int engine_session_link(struct engine *e, uint64_t now_us, uint64_t ticket, const char *session_id,
                        uint64_t generation, const struct engine_link *link);
int engine_session_request_recovery(struct engine *e, uint64_t now_us, uint64_t ticket,
                                    const char *session_id);
int engine_session_issue_code(struct engine *e, uint64_t now_us, uint64_t ticket,
                              const char *session_id);
int engine_session_close(struct engine *e, uint64_t now_us, uint64_t ticket, const char *session_id,
                         int32_t outcome);

/* For tests and diagnostics. */
struct engine_stats {
    uint64_t sessions_open;
    uint64_t requests_in_flight;
    uint64_t frames_sent;
    uint64_t frames_received;
};
void engine_stats(const struct engine *e, struct engine_stats *ret_stats);

#endif
