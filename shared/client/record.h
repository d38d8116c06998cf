/* The journal's records as JSON: the only place that knows how the state directory remembers. A record has a kind and a
 * key; its value is an object with a version number of its own, so that a newer library's journal is recognised.
 *
 *   client    -                  relay URL
 *   syncshell <id>               keys, owner, its operations, state, inbox cursor
 *   session   <id>               syncshell, other side, role, phase, version, generation, stored sequence, label
 *   file      <session>/<path>   joiner: a reported file and its sequence number
 *   manifest  <session>          provider: the whole list
 *   request   <session>/<part>   provider: a part of a RecoveryRequest that the application may still need to hear
 *   ended     <number>           a session or membership that is over, until the application has taken the event that says so
 *
 * Writers add to the engine's effects; failures stop the engine. */
#ifndef SHARED_CLIENT_RECORD_H
#define SHARED_CLIENT_RECORD_H

#include "client/engine_state.h"

#define RECORD_CLIENT    "client"
#define RECORD_SYNCSHELL "syncshell"
#define RECORD_SESSION   "session"
#define RECORD_FILE      "file"
#define RECORD_MANIFEST  "manifest"
#define RECORD_REQUEST   "request"
#define RECORD_ENDED     "ended"

/* What is left of a session when it is over; or of a membership: syncshell_id and code. */
struct record_ended {
    struct wire_id syncshell_id;
    const char *code; /* of a membership: why; NULL for a session */
    struct wire_id session_id;
    struct wire_peer_id other;
    bool joiner;
    uint64_t generation;
    enum session_outcome outcome;
    const char *cause; /* NULL: none */
    const char *label; /* NULL: none */
};

void record_put_client(struct engine *e);
void record_put_syncshell(struct syncshell *y);
void record_delete_syncshell(struct syncshell *y);
void record_put_session(struct session *s);
void record_delete_session(struct session *s); /* with its files, manifest and request */
void record_put_file(struct session *s, const struct held_file *f);
void record_delete_file(struct session *s, const char *path);
void record_put_manifest(struct session *s);
void record_put_request(struct session *s, const struct body_recovery_request *r);
void record_delete_requests(struct session *s);
void record_put_ended(struct engine *e, uint64_t number, const struct record_ended *ended);
void record_delete_ended(struct engine *e, uint64_t number);

/* One record into the engine: 0, ENGINE_E_RECORD, ENGINE_E_RECORD_NEWER or -ENOMEM. A record comes after the one it hangs
 * on: kinds in the order of the list above. */
int record_load(struct engine *e, const char *kind, const char *key, const void *value,
                size_t size);

#endif
