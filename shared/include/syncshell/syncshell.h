/* libsyncshell: gets dropped peer-to-peer links back, through a Syncshell relay.
 *
 * The library's part: identity, joining syncshells, sealing, recovery sessions and their journal, numbering of attempts,
 * retries, and what is still missing at the other side. Your part: make offers and answers with your own WebRTC stack, and
 * move the bytes.
 *
 * How it is used
 *   1. syncshell_client_new() with a state directory. It starts one thread, which does all input and output.
 *   2. Call functions: they check their arguments, queue a command and return at once. What comes of it arrives as an
 *      event with the command's ticket.
 *   3. Take events with syncshell_client_next_event(), whenever syncshell_client_wake_fd() is readable, or when your wake
 *      function was called, or in a loop with syncshell_client_wait_event(). Free each with syncshell_event_free().
 *   4. syncshell_client_free() ends the thread, within the time given in the options.
 * After a crash, the same state directory brings everything back: open sessions are resumed without being asked.
 *
 * Rules that hold everywhere
 *   - Any function may be called from any thread, also at the same time, except that nothing may use a client during or after
 *     its syncshell_client_free(), and one event is used by one thread at a time.
 *   - Text is UTF-8. Lengths are in bytes; SYNCSHELL_ZERO_TERMINATED as a length means: up to the NUL. Strings handed in are
 *     copied before the call returns; strings handed out belong to the object they came from.
 *   - The library prints nothing, installs no signal handler, has no global state, and calls back only the wake function.
 *   - Functions that can fail return 0 or a negative syncshell_error. Output parameters (ret_...) are written on success
 *     only, unless the function says otherwise.
 *   - Structs that may grow start with their size: set it to sizeof, of the options by syncshell_options_init(). Of a larger one than
 *     this library knows it fills what it does not know with 0, and reads nothing of it; in the options that must be 0.
 */
/* Laid out by hand, for reading. */
/* clang-format off */

#ifndef SYNCSHELL_SYNCSHELL_H
#define SYNCSHELL_SYNCSHELL_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define SYNCSHELL_CALL __cdecl
#if defined(SYNCSHELL_BUILDING)
#define SYNCSHELL_API __declspec(dllexport)
#elif defined(SYNCSHELL_STATIC)
#define SYNCSHELL_API
#else
#define SYNCSHELL_API __declspec(dllimport)
#endif
#else
#define SYNCSHELL_CALL
#if defined(__GNUC__)
#define SYNCSHELL_API __attribute__((visibility("default")))
#else
#define SYNCSHELL_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SYNCSHELL_VERSION_MAJOR 0
#define SYNCSHELL_VERSION_MINOR 1
#define SYNCSHELL_VERSION_PATCH 0

/* As a length: the text ends at its NUL. */
#define SYNCSHELL_ZERO_TERMINATED ((size_t)-1)

/* Sizes of buffers, the NUL included. */
#define SYNCSHELL_PEER_ID_SIZE 52
#define SYNCSHELL_ID_SIZE 65
#define SYNCSHELL_INVITE_SIZE 2049
#define SYNCSHELL_RECOVERY_CODE_SIZE 21

typedef struct syncshell_client syncshell_client;
typedef struct syncshell_event syncshell_event;

/* What a call returns when it fails. */
enum syncshell_error {
    SYNCSHELL_OK = 0,
    SYNCSHELL_E_ARGUMENT = -1,       /* a NULL, a size, a text or an id that is not allowed */
    SYNCSHELL_E_NO_MEMORY = -2,
    SYNCSHELL_E_BUSY = -3,           /* the command queue is full: take events, then try again */
    SYNCSHELL_E_STATE_DIR = -4,      /* the state directory cannot be created, read or written */
    SYNCSHELL_E_STATE_IN_USE = -5,   /* another client uses the state directory */
    SYNCSHELL_E_STATE_CORRUPT = -6,  /* the journal or the key is damaged; it was left as it is */
    SYNCSHELL_E_STATE_NEWER = -7,    /* the journal was written by a newer version of this library */
    SYNCSHELL_E_BUFFER = -8,         /* the output buffer is too small; ret_size says what is needed */
    SYNCSHELL_E_UNKNOWN = -9,        /* no such syncshell, session, field or list */
    SYNCSHELL_E_SYSTEM = -10,        /* the system refused a thread or a descriptor, or the TLS files cannot be read */
    SYNCSHELL_E_TIMEOUT = -11,       /* nothing came in time */
    SYNCSHELL_E_INVITE = -12,        /* the text is not an invite */
    SYNCSHELL_E_OTHER_RELAY = -13,   /* the invite is for another relay than this state directory's */
    SYNCSHELL_E_STOPPED = -14,       /* the client failed and does nothing any more: see the event STOPPED */
    SYNCSHELL_E_CODE = -15,          /* the text is not a recovery code: a digit is missing, wrong, or two are exchanged */
    SYNCSHELL_E_PASSPHRASE = -16     /* not 12 to 1024 bytes of UTF-8 */
};

/* A stable name such as "E_ARGUMENT"; never NULL. */
SYNCSHELL_API const char *SYNCSHELL_CALL syncshell_error_name(int32_t error);

/* The library's version as "major.minor.patch". */
SYNCSHELL_API const char *SYNCSHELL_CALL syncshell_version(void);

/* Called on the library's thread when the event queue becomes non-empty, for the first time perhaps before syncshell_client_new() has
 * returned, and never after syncshell_client_free() has, unless it hung that long itself. It must return soon, and may only signal:
 * calling the library from it is allowed, except syncshell_client_free(). */
typedef void(SYNCSHELL_CALL *syncshell_wake_fn)(void *userdata);

#define SYNCSHELL_PIN_CONNECTED "connected"

typedef struct syncshell_options {
    uint32_t size;               /* of this struct, set by syncshell_options_init() */
    uint32_t reserved;           /* 0 */
    const char *state_dir;       /* required; created (0700) when missing, its parent must exist */
    const char *relay_url;       /* ws:// or wss://; NULL: the one in the state directory, from an invite or an earlier run */
    const char *ca_file;         /* PEM with the authorities to trust for wss; NULL: the system's */
    const char *access_key;      /* the relay operator's key for creating syncshells; NULL: none */
    syncshell_wake_fn wake;      /* NULL: none */
    void *wake_userdata;
    /* The three times: 1 to 86,400,000 (a day). */
    uint32_t retry_base_ms;      /* first pause between attempts, doubled four times; default 2000 */
    uint32_t attempt_timeout_ms; /* how long an offered attempt may take until the link is up; default 15000 */
    uint32_t stop_timeout_ms;    /* upper bound for syncshell_client_free(); default 3000 */
    uint32_t events_max;         /* events that may wait, 1 to 1,048,576; default 4096. When as many wait, the library stops reading */
    const char *certificate_pin; /* SHA-256 of the SubjectPublicKeyInfo of the relay's key, as unpadded base64url: then no authority
                                  * is asked, and no other key is served. SYNCSHELL_PIN_CONNECTED: the key that the next connection
                                  * shows, for which an authority must vouch. "": none any more. NULL: as the state directory has it,
                                  * from an earlier run or an invite. Invites made here carry it */
} syncshell_options;

/* Fills in the defaults. `size` is sizeof(syncshell_options) as the caller knows it. */
SYNCSHELL_API void SYNCSHELL_CALL syncshell_options_init(syncshell_options *options, uint32_t size);

/* Opens or creates the state directory (identity key, journal) and starts the client's thread. It connects as soon as it
 * knows a relay and a syncshell or a command that needs one. Errors: ARGUMENT, NO_MEMORY, SYSTEM, STATE_*. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_new(const syncshell_options *options, syncshell_client **ret_client);

/* Stops the thread and frees the client; NULL is allowed. What was reported as saved stays saved. Events not taken are
 * dropped. Events taken earlier stay valid. A thread that does not come back within `stop_timeout_ms`, because the disk or the wake
 * function hangs, is left behind and clears away after itself: as long as another client on its state directory hears STATE_IN_USE,
 * the library must not be unloaded. */
SYNCSHELL_API void SYNCSHELL_CALL syncshell_client_free(syncshell_client *client);

/* This client's peer id, "ed25519:...", into `ret_id` of `size` bytes (SYNCSHELL_PEER_ID_SIZE suffice). ARGUMENT, BUFFER. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_peer_id(const syncshell_client *client, char *ret_id, size_t size);

/* The invite to a syncshell of this client, to be shown to its user only: it contains the secret. `ret_size` (may be NULL)
 * gets the size needed, also with E_BUFFER. ARGUMENT, UNKNOWN, BUFFER, NO_MEMORY. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_invite(syncshell_client *client, const char *syncshell_id,
                                                             char *ret_invite, size_t size, size_t *ret_size);

/* ---- Events ---- */

enum syncshell_event_type {
    SYNCSHELL_EVENT_RELAY_CONNECTED = 1,  /* authenticated */
    SYNCSHELL_EVENT_RELAY_DISCONNECTED,   /* CODE (may be absent), RETRY_MS: comes back by itself; 0: it will not. CODE
                                           * wrong_certificate_pin: the relay, or who stands in for it, has another key than the
                                           * one that is pinned; certificate_refused: no authority vouches for its certificate
                                           * and name; relay_unreachable: no connection came about. MESSAGE, where more is
                                           * known: what is wrong with the certificate, such as its time, that the relay's name
                                           * has no address, or which HTTP status came in place of a relay's answer */
    SYNCSHELL_EVENT_SYNCSHELL_CREATED,    /* ticket; SYNCSHELL_ID, INVITE */
    SYNCSHELL_EVENT_SYNCSHELL_JOINED,     /* ticket (0: rejoined by itself); SYNCSHELL_ID, OWNER_PEER_ID, RECOVERED */
    SYNCSHELL_EVENT_SYNCSHELL_READY,      /* SYNCSHELL_ID: a PEER_PRESENCE for each member and all sessions were given */
    SYNCSHELL_EVENT_SYNCSHELL_LEFT,       /* ticket; SYNCSHELL_ID */
    SYNCSHELL_EVENT_PEER_PRESENCE,        /* SYNCSHELL_ID, PEER_ID, PRESENCE "online", "away", "left" */
    SYNCSHELL_EVENT_SESSION_OPENED,       /* ticket or 0; session fields: by this client or by the other side */
    SYNCSHELL_EVENT_SESSION_RESUMED,      /* session fields: after a restart of this client or of the relay */
    SYNCSHELL_EVENT_SESSION_CLOSED,       /* ticket or 0; session fields, OUTCOME, CAUSE. "failed" with session_closed or
                                           * unknown_session: it ended while this client was away, and the relay cannot say
                                           * any more how. Told again after a restart, without a ticket, until it was freed:
                                           * see syncshell_event_free() */
    SYNCSHELL_EVENT_OFFER_NEEDED,         /* session fields, ATTEMPT, ICE servers: make an offer, give it with this GENERATION */
    SYNCSHELL_EVENT_OFFER,                /* session fields, SDP, ICE servers: make an answer for this GENERATION */
    SYNCSHELL_EVENT_ANSWER,               /* session fields, SDP */
    SYNCSHELL_EVENT_CANDIDATE,            /* session fields, SDP (the candidate line; empty: there are no more), SDP_MID,
                                           * SDP_MLINE_INDEX */
    SYNCSHELL_EVENT_SIGNAL_HELD,          /* ticket; session fields, HELD_MS: the other side is away, it is kept so long */
    SYNCSHELL_EVENT_SIGNAL_REFUSED,       /* ticket; session fields, CODE: stale_generation, glare_lost, expired, ...;
                                           * REQUEST_ID as in REQUEST_FAILED */
    SYNCSHELL_EVENT_ATTEMPT_FAILED,       /* session fields, ATTEMPT, CAUSE, RETRY_MS: also when the other side has given it up */
    SYNCSHELL_EVENT_MANUAL_RECOVERY,      /* session fields, CAUSE (of the last): five attempts failed; the library goes on
                                           * passively. RECOVERY_CODE and VALID_MS where the relay could be reached: show the code to
                                           * the user, who can go on with it at another device */
    SYNCSHELL_EVENT_RECOVERED,            /* session fields, ATTEMPT: the link is up (again) */
    SYNCSHELL_EVENT_PROGRESS_SAVED,       /* ticket; session fields: the report is on this machine's disk */
    SYNCSHELL_EVENT_PROGRESS_STORED,      /* session fields, TICKET_UP_TO, FILES_DONE: the relay has all reports up to there;
                                           * 0: none more than was told before, but a part of one, or the same anew */
    SYNCSHELL_EVENT_MANIFEST_SAVED,       /* ticket; session fields */
    SYNCSHELL_EVENT_RECOVERY_REQUEST,     /* session fields, REQUEST_ID, BYTES; files: HELD what the joiner has,
                                           * NEEDED the delta, MISMATCHED those of it whose copy starts over. Told again
                                           * after a restart, until it was freed and the link up, or a newer one came */
    SYNCSHELL_EVENT_RECOVERY_REQUESTED,   /* ticket or 0; session fields, REQUEST_ID: ours is stored at the relay */
    SYNCSHELL_EVENT_RECOVERY_RESPONSE,    /* session fields, REQUEST_ID, FILES_TO_SEND, BYTES; files: MISMATCHED. What will come, by the
                                           * newest request; an answer to an older one is not told */
    SYNCSHELL_EVENT_REQUEST_FAILED,       /* ticket; CODE, MESSAGE, RETRYABLE; SYNCSHELL_ID, SESSION_ID where known; REQUEST_ID if the
                                           * relay refused it: its log has the same */
    SYNCSHELL_EVENT_STOPPED,              /* CODE, MESSAGE: last event; free the client */
    SYNCSHELL_EVENT_SESSION_CAUSE,        /* session fields, CAUSE: why the session is not whole, as the relay judges by what both
                                           * sides reported: the same at both; without CAUSE: the link is up again */
    SYNCSHELL_EVENT_MEMBERSHIP_ENDED,     /* SYNCSHELL_ID, CODE: not by us. member_removed, syncshell_deleted, syncshell_expired:
                                           * for good, SESSION_CLOSED came for each of its sessions; told again after a restart
                                           * until it was freed. wrong_key_epoch: kept, but not joined: the owner has rotated the
                                           * key. syncshell_client_join() with its new invite brings all sessions back. (If it is the relay
                                           * that has an older key, because a backup was restored, REQUEST_FAILED says so instead,
                                           * and all come back by themselves when the owner has been there.) */
    SYNCSHELL_EVENT_OWNER_CHANGED,        /* ticket or 0; SYNCSHELL_ID, OWNER_PEER_ID: the ownership was handed over */
    SYNCSHELL_EVENT_MEMBER_REMOVED,       /* ticket; SYNCSHELL_ID, PEER_ID: by us, the owner */
    SYNCSHELL_EVENT_KEY_ROTATED,          /* ticket; SYNCSHELL_ID, INVITE: by us. The members come back with this invite only */
    SYNCSHELL_EVENT_SYNCSHELL_DELETED,    /* ticket; SYNCSHELL_ID: by us, after a SESSION_CLOSED for each of its sessions */
    SYNCSHELL_EVENT_ICE_SERVERS,          /* session fields, ATTEMPT, ICE servers: fresh ones for the live attempt or link, before
                                           * the credentials of the last ones expire */
    SYNCSHELL_EVENT_RECOVERY_CODE,        /* ticket; session fields, RECOVERY_CODE, VALID_MS */
    SYNCSHELL_EVENT_CODE_REDEEMED,        /* ticket; SYNCSHELL_ID, SESSION_ID: this client is its joiner now. SESSION_OPENED or
                                           * SESSION_RESUMED, and OFFER_NEEDED, came before or follow */
    SYNCSHELL_EVENT_SESSION_MOVED         /* session fields: provider: another device of the joiner's user goes on, PEER_ID. Give up the
                                           * link to the former one; what is to be sent comes with a new RECOVERY_REQUEST */
};
/* "Session fields": SYNCSHELL_ID, SESSION_ID, JOINER_PEER_ID, PROVIDER_PEER_ID, PEER_ID (the other side), ROLE, GENERATION,
 * LABEL (at the side that gave one). "ICE servers": see syncshell_event_ice_server(), and ICE_TTL_MS if they expire. */

/* A stable name such as "offer_needed"; never NULL. */
SYNCSHELL_API const char *SYNCSHELL_CALL syncshell_event_type_name(int32_t type);

/* What a CAUSE means, for a person, and what to do about it: a sentence each; never NULL, also for a cause of a later version. The
 * list is schema/causes.json. */
SYNCSHELL_API const char *SYNCSHELL_CALL syncshell_cause_sentence(const char *cause);
SYNCSHELL_API const char *SYNCSHELL_CALL syncshell_cause_advice(const char *cause);

enum syncshell_field {
    /* text */
    SYNCSHELL_FIELD_SYNCSHELL_ID = 1,
    SYNCSHELL_FIELD_SESSION_ID,
    SYNCSHELL_FIELD_PEER_ID,
    SYNCSHELL_FIELD_JOINER_PEER_ID,
    SYNCSHELL_FIELD_PROVIDER_PEER_ID,
    SYNCSHELL_FIELD_OWNER_PEER_ID,
    SYNCSHELL_FIELD_ROLE,     /* of this client: "joiner" or "provider" */
    SYNCSHELL_FIELD_PRESENCE,
    SYNCSHELL_FIELD_INVITE,
    SYNCSHELL_FIELD_LABEL,
    SYNCSHELL_FIELD_SDP,
    SYNCSHELL_FIELD_SDP_MID,
    SYNCSHELL_FIELD_CODE,     /* a code of the wire, or one of this library's own */
    SYNCSHELL_FIELD_MESSAGE,  /* a sentence */
    SYNCSHELL_FIELD_OUTCOME,  /* "completed", "failed", "cancelled" */
    SYNCSHELL_FIELD_CAUSE,    /* see syncshell_cause_sentence() */
    SYNCSHELL_FIELD_REQUEST_ID,
    SYNCSHELL_FIELD_RECOVERY_CODE, /* in groups, to be read aloud */
    /* integers */
    SYNCSHELL_FIELD_GENERATION = 100,
    SYNCSHELL_FIELD_ATTEMPT,  /* from 1 within one recovery */
    SYNCSHELL_FIELD_RETRY_MS,
    SYNCSHELL_FIELD_HELD_MS,
    SYNCSHELL_FIELD_TICKET_UP_TO,
    SYNCSHELL_FIELD_FILES_DONE,
    SYNCSHELL_FIELD_FILES_TO_SEND,
    SYNCSHELL_FIELD_BYTES,
    SYNCSHELL_FIELD_SDP_MLINE_INDEX,
    SYNCSHELL_FIELD_RECOVERED, /* 0, 1 */
    SYNCSHELL_FIELD_RETRYABLE, /* 0, 1 */
    SYNCSHELL_FIELD_ICE_TTL_MS, /* until the credentials of the event's ICE servers expire; absent: they do not */
    SYNCSHELL_FIELD_VALID_MS    /* how long the code can be redeemed */
};

/* A stable lower-camel-case name such as "sessionId"; never NULL. */
SYNCSHELL_API const char *SYNCSHELL_CALL syncshell_field_name(int32_t field);

enum syncshell_file_list {
    SYNCSHELL_FILES_HELD = 1,   /* RECOVERY_REQUEST: what the joiner has */
    SYNCSHELL_FILES_NEEDED,     /* RECOVERY_REQUEST: what it lacks: send exactly this */
    SYNCSHELL_FILES_MISMATCHED  /* files whose content did not match: they come again from the start */
};

typedef struct syncshell_range {
    uint64_t begin; /* bytes */
    uint64_t end;   /* exclusive */
} syncshell_range;

enum syncshell_file_flags {
    SYNCSHELL_FILE_DONE = 1,      /* complete and verified by the application */
    SYNCSHELL_FILE_MISMATCHED = 2 /* in NEEDED: the joiner's copy differs and starts over */
};

/* A file of a session. When reporting: flags DONE, or the ranges received so far. In a manifest: neither. In NEEDED: the
 * ranges to send; none means the whole file. */
typedef struct syncshell_file {
    uint32_t size;          /* of this struct */
    uint32_t flags;         /* syncshell_file_flags */
    const char *path;       /* 1..1024 bytes of UTF-8, the same text on both sides */
    const char *hash;       /* hex digits, any case; NULL: not known */
    const char *algorithm;  /* "sha256", "sha1", ...; NULL exactly when hash is */
    uint64_t size_bytes;    /* of the whole file */
    const syncshell_range *ranges; /* sorted, not overlapping, not empty */
    size_t n_ranges;
} syncshell_file;

/* The next event, or NULL in `ret_event` when none waits: never blocks. Free it with syncshell_event_free().
 * ARGUMENT, STOPPED (only after the event STOPPED was taken). */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_next_event(syncshell_client *client, syncshell_event **ret_event);

/* The same, but waits up to `timeout_ms` (negative: for ever). E_TIMEOUT when nothing came. One waiting thread at a time
 * gets the event. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_wait_event(syncshell_client *client, int32_t timeout_ms,
                                                                 syncshell_event **ret_event);

/* A descriptor that polls readable while events wait; only to be polled. -1 where the system has none (Windows). It lives
 * as long as the client. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_wake_fd(const syncshell_client *client);

/* NULL is allowed. Freeing SESSION_CLOSED, RECOVERY_REQUEST, or MEMBERSHIP_ENDED for good also says that you are done with it: free
 * it once you have done what it asks for. One whose free a kill overtook is told again by the next start, so these come at least
 * once. What was freed before syncshell_client_free() is written down by then; what is freed after it is not. */
SYNCSHELL_API void SYNCSHELL_CALL syncshell_event_free(syncshell_event *event);
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_event_get_type(const syncshell_event *event);
SYNCSHELL_API uint64_t SYNCSHELL_CALL syncshell_event_ticket(const syncshell_event *event); /* 0: no command's */

/* The field's text, NUL-terminated, valid as long as the event; NULL when this event has no such field. `ret_length` may be
 * NULL. */
SYNCSHELL_API const char *SYNCSHELL_CALL syncshell_event_text(const syncshell_event *event, int32_t field,
                                                              size_t *ret_length);
/* The field's value. 0 or E_UNKNOWN when this event has no such field. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_event_integer(const syncshell_event *event, int32_t field,
                                                             uint64_t *ret_value);
SYNCSHELL_API size_t SYNCSHELL_CALL syncshell_event_file_count(const syncshell_event *event, int32_t list);
/* Fills `ret_file` (its size member set by the caller); texts and ranges live as long as the event. ARGUMENT, UNKNOWN. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_event_file(const syncshell_event *event, int32_t list, size_t index,
                                                          syncshell_file *ret_file);

/* A STUN or TURN server for your ICE agent. The relay hands them out for each attempt, the one to try first in front; none, if its
 * operator has configured none. A credential is a password: keep it nowhere, and log it nowhere. */
typedef struct syncshell_ice_server {
    uint32_t size;          /* of this struct */
    uint32_t reserved;      /* 0 */
    const char *url;        /* "turn:turn.example:3478?transport=udp": stun:, stuns:, turn: or turns: */
    const char *username;   /* NULL: none */
    const char *credential; /* NULL: none */
} syncshell_ice_server;

SYNCSHELL_API size_t SYNCSHELL_CALL syncshell_event_ice_server_count(const syncshell_event *event);
/* Fills `ret_server` (its size member set by the caller); texts live as long as the event. ARGUMENT, UNKNOWN. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_event_ice_server(const syncshell_event *event, size_t index,
                                                                syncshell_ice_server *ret_server);

/* ---- Commands. `ret_ticket` may be NULL; tickets rise from 1. All: ARGUMENT, NO_MEMORY, BUSY, STOPPED. A command for
 * something unknown ends in REQUEST_FAILED with the code unknown_syncshell or unknown_session. Commands survive the relay's
 * absence; those marked durable also survive this process: once their effect was reported saved.
 *
 * While the client lives each is answered, by the event named with it or by REQUEST_FAILED: with the code superseded when a later
 * command took its place, with session_closed when its session ended first. Of offers, answers, candidates and links only what is
 * refused or held is told. What the relay refuses only for the moment is not told: the library asks again. ---- */

/* Creates a syncshell with a fresh secret and joins it. Durable once SYNCSHELL_CREATED came. Also E_ARGUMENT when no relay is
 * known. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_create_syncshell(syncshell_client *client, uint64_t *ret_ticket);

/* Becomes a member. SYNCSHELL_JOINED follows. Durable. Also INVITE, OTHER_RELAY. After the key was rotated: takes the new invite of
 * a syncshell that is known, and everything in it goes on. An invite's certificate pin counts with the first syncshell of a state
 * directory, and when a member of a syncshell that is known made it: so a relay's new key becomes known. One for another syncshell
 * with another pin than ours ends in REQUEST_FAILED with wrong_certificate_pin. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_join(syncshell_client *client, const char *invite, size_t length,
                                                           uint64_t *ret_ticket);

/* The same two for a group that insists on a passphrase instead of an invite: the secret is made out of it (scrypt), so that the
 * relay's URL, the syncshell's id and the passphrase make a member.
 *
 * WARNING: such a syncshell is as safe as its passphrase. The relay stores the public half of the group key, so its operator, or who
 * stole its database, can try guesses for as long as they like, and with the right one reads and joins everything. A phrase that a
 * person thought of is likely to fall. Prefer syncshell_client_create_syncshell() and invites; otherwise let a machine pick six random
 * words or more. There is no way to change it: after syncshell_client_rotate_group_key() only invites admit.
 *
 * `passphrase`: 12 to 1024 bytes of UTF-8, which count as they are: bring them to Unicode's form NFC if they were typed on different
 * systems. The library keeps only the secret. Both calls work for some tenths of a second and take 128 MiB for that time: not in a
 * frame. The invite of such a syncshell is one like others. Durable. Also PASSPHRASE, and E_ARGUMENT when no relay is known. A wrong
 * passphrase ends in REQUEST_FAILED with bad_proof. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_create_with_passphrase(syncshell_client *client, const char *passphrase,
                                                                             size_t length, uint64_t *ret_ticket);
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_join_with_passphrase(syncshell_client *client, const char *syncshell_id,
                                                                           const char *passphrase, size_t length,
                                                                           uint64_t *ret_ticket);

/* Ends the membership and forgets the secret. SYNCSHELL_LEFT follows. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_leave(syncshell_client *client, const char *syncshell_id,
                                                            uint64_t *ret_ticket);

/* For the owner alone; anybody else hears REQUEST_FAILED with not_owner. They are in the journal before the relay hears of them, and
 * carried out in order, each once, by the next process if need be, whose events then have no ticket.
 *
 * Removes a member: its connection ends, its sessions close as cancelled, and it cannot come back. It still knows the secret, which
 * makes anybody a member: rotate the key, too. MEMBER_REMOVED follows. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_remove_member(syncshell_client *client, const char *syncshell_id,
                                                                    const char *peer_id, uint64_t *ret_ticket);

/* Makes a new secret. All other members are out until they have joined with the new invite; give it to those who are to stay. Their
 * sessions wait for them. KEY_ROTATED follows, with the invite. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_rotate_group_key(syncshell_client *client, const char *syncshell_id,
                                                                       uint64_t *ret_ticket);

/* Makes another member the owner. OWNER_CHANGED follows, at all members. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_hand_over(syncshell_client *client, const char *syncshell_id,
                                                                const char *peer_id, uint64_t *ret_ticket);

/* Ends the syncshell for everybody, with its sessions. SYNCSHELL_DELETED follows. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_delete_syncshell(syncshell_client *client, const char *syncshell_id,
                                                                       uint64_t *ret_ticket);

/* Goes on here with a session of another device of this user, by the code that it showed: this client becomes its joiner, the other
 * device hears SESSION_CLOSED with the CAUSE session_moved. The code counts once, for a few minutes, and in its syncshell only. Case,
 * dashes and blanks do not matter. E_CODE: it was mistyped; no relay was asked. CODE_REDEEMED follows, or REQUEST_FAILED with
 * wrong_recovery_code, recovery_code_expired, recovery_code_used, session_closed. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_redeem_code(syncshell_client *client, const char *syncshell_id,
                                                                  const char *code, size_t length, uint64_t *ret_ticket);

/* Tells the library that the network is usable (again): what waits is tried at once. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_client_network_changed(syncshell_client *client);

enum syncshell_role {
    SYNCSHELL_ROLE_JOINER = 1,  /* receives files, reports progress, starts attempts */
    SYNCSHELL_ROLE_PROVIDER = 2 /* sends files, has the manifest */
};

/* Opens a recovery session with another member: do it when a transfer starts. `role` is this client's. `session_id`: 1 to 64
 * of [A-Za-z0-9_-], NULL for a fresh one. `label` (NULL: none, up to 200 bytes) is for the application, sealed. Durable. A client
 * has up to 256 sessions: one more ends in REQUEST_FAILED with library_full.
 * SESSION_OPENED follows with the id; the joiner then gets OFFER_NEEDED. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_open(syncshell_client *client, const char *syncshell_id,
                                                            const char *other_peer_id, int32_t role,
                                                            const char *session_id, const char *label,
                                                            uint64_t *ret_ticket);

/* Provider: what the whole transfer consists of; replaces an earlier manifest. Kept in the journal, never sent. Needed for
 * RECOVERY_REQUEST events: a request that came earlier waits for it. MANIFEST_SAVED follows. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_set_manifest(syncshell_client *client, const char *session_id,
                                                                    const syncshell_file *files, size_t n_files,
                                                                    uint64_t *ret_ticket);

/* Joiner: files that are done or have arrived in part. A later report of the same path replaces the earlier. PROGRESS_SAVED
 * follows when it is on this disk, PROGRESS_STORED when the relay has it too. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_report(syncshell_client *client, const char *session_id,
                                                              const syncshell_file *files, size_t n_files,
                                                              uint64_t *ret_ticket);

/* Gives an offer for `generation` as OFFER_NEEDED named it; 0 starts a new attempt of its own. Both sides may. An offer, an
 * answer or a candidate has up to 60,000 bytes. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_offer(syncshell_client *client, const char *session_id,
                                                             uint64_t generation, const char *sdp, size_t sdp_length,
                                                             uint64_t *ret_ticket);
/* Answers the offer of that generation. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_answer(syncshell_client *client, const char *session_id,
                                                              uint64_t generation, const char *sdp, size_t sdp_length,
                                                              uint64_t *ret_ticket);
/* An ICE candidate of this side's connection of that generation; an empty one: there are no more. `sdp_mid` may be NULL,
 * `sdp_mline_index` negative: absent. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_candidate(syncshell_client *client, const char *session_id,
                                                                 uint64_t generation, const char *candidate,
                                                                 size_t candidate_length, const char *sdp_mid,
                                                                 int32_t sdp_mline_index, uint64_t *ret_ticket);

enum syncshell_link {
    SYNCSHELL_LINK_UP = 1,  /* the data channel of that generation is open */
    SYNCSHELL_LINK_LOST,    /* it was up and is gone: recovery starts at once */
    SYNCSHELL_LINK_FAILED   /* this generation's attempt did not get through */
};

/* Tells what became of the link. The retry schedule follows from it. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_link(syncshell_client *client, const char *session_id,
                                                            uint64_t generation, int32_t link, uint64_t *ret_ticket);

/* The same, with what your WebRTC stack knows beyond it. */
typedef struct syncshell_link_report {
    uint32_t size;          /* of this struct */
    int32_t link;           /* syncshell_link */
    const char *cause;      /* NULL, or with FAILED or LOST: turn_refused, turn_unreachable, dtls_failed, ... */
    const char *ice_server; /* NULL, or the URL of the ICE server in use, or of the one that failed */
} syncshell_link_report;

SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_link_report(syncshell_client *client, const char *session_id,
                                                                   uint64_t generation,
                                                                   const syncshell_link_report *report,
                                                                   uint64_t *ret_ticket);

/* Joiner: sends what it has again, although nothing was lost (the library does so by itself at every recovery).
 * RECOVERY_REQUESTED follows; one that has not come by the next call is superseded. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_request_recovery(syncshell_client *client, const char *session_id,
                                                                        uint64_t *ret_ticket);

/* Joiner: makes a code with which the user goes on at another device; ends the session's codes before. RECOVERY_CODE follows. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_issue_code(syncshell_client *client, const char *session_id,
                                                                  uint64_t *ret_ticket);

enum syncshell_outcome {
    SYNCSHELL_OUTCOME_COMPLETED = 1,
    SYNCSHELL_OUTCOME_FAILED,
    SYNCSHELL_OUTCOME_CANCELLED
};

/* Ends the session for both sides. SESSION_CLOSED follows. Durable. */
SYNCSHELL_API int32_t SYNCSHELL_CALL syncshell_session_close(syncshell_client *client, const char *session_id,
                                                             int32_t outcome, uint64_t *ret_ticket);

#ifdef __cplusplus
}
#endif

#endif
