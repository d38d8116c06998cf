/* A recovery session at one of its two sides: opening, closing. What the relay knows of it is reconciled in client/reconcile.h. */
#ifndef SHARED_CLIENT_SESSION_H
#define SHARED_CLIENT_SESSION_H

#include "client/engine_state.h"

struct request;

/* Into engine->sessions, phase OPENING. 0, ENGINE_E_FULL, ENGINE_E_ARGUMENT (id known) or negative. */
int session_new(struct syncshell *y, const struct wire_id *id, const struct wire_peer_id *other,
                bool joiner, const char *label, struct session **ret_session);
void session_free(struct session *s);

/* From the journal: files in any order, then session_loaded_all(). 0, ENGINE_E_FULL, ENGINE_E_RECORD or negative. */
int session_add_loaded_file(struct session *s, struct body_file *takes_file, uint64_t seq,
                            bool restored);
void session_loaded_all(struct engine *e);

/* See client/recovery.h: a part of a RecoveryRequest. 0, ENGINE_E_RECORD or negative. Takes the request's files. */
int session_gather_request(struct session *s, struct body_recovery_request *request);

/* A session with a live link or not: begins to bring it back. */
void session_begin_episode(struct session *s);
/* The link was up and is gone: an episode, whose length is known. */
void session_lose_link(struct session *s);

void session_pump(struct session *s);
uint64_t session_deadline_us(const struct session *s);
void session_tick(struct session *s);
void session_disconnected(struct session *s);

void session_peer_online(struct syncshell *y, const char *peer_id);

/* Answers to REQUEST_OPEN, REQUEST_CLOSE and refusals of any of the session's requests. */
void session_opened(struct session *s, const struct message_stored *m);
void session_closed(struct session *s, uint64_t ticket, enum session_outcome outcome,
                    const char *cause);
void session_refused(struct session *s, const struct request *r, const struct message_error *error);
/* Whatever was refused with `code`: does it say that the session is closed, or another device's? Then it is freed. */
bool session_is_over(struct session *s, enum wire_code code);

/* Begins to close: the relay is told as soon as it can be. */
void session_close(struct session *s, uint64_t ticket, enum session_outcome outcome);

/* Another key is in force: the joiner's log at the relay is written anew under it. */
void session_key_changed(struct syncshell *y);

/* Over all sessions of a syncshell; the callback may free its session. */
void session_each(struct syncshell *y, void (*visit)(struct session *s, void *argument),
                  void *argument);
void session_forget_all(struct syncshell *y);

/* The relay has it: the answer to the command that opened it, if that one still waits. */
void session_tell_open(struct session *s);
/* The relay has lost it: opens it again and sends all progress as a checkpoint. */
void session_reopen(struct session *s);

/* A request about this session. False: the engine is stopped. */
bool session_request(struct session *s, enum request_kind kind, enum message_type type,
                     struct request *ret_request);
bool session_in_flight(const struct session *s, enum request_kind kind);
void session_pause(struct session *s, const struct message_error *error);

#endif
