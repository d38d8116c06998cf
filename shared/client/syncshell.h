/* A syncshell of this client: from CreateSyncshell or an invite, over every join, to LeaveSyncshell. */
#ifndef SHARED_CLIENT_SYNCSHELL_H
#define SHARED_CLIENT_SYNCSHELL_H

#include "client/engine_state.h"

struct request;

/* Into engine->syncshells, with its keys derived. 0, ENGINE_E_FULL, ENGINE_E_ARGUMENT (id known) or negative. */
int syncshell_new(struct engine *e, const struct wire_id *id, const char *secret,
                  uint64_t key_epoch, const struct wire_peer_id *owner, enum syncshell_state state,
                  struct syncshell **ret_syncshell);
void syncshell_free(struct syncshell *y); /* its sessions must be gone */

/* Sends what its state calls for. */
void syncshell_pump(struct syncshell *y);

/* The connection is gone. */
void syncshell_disconnected(struct syncshell *y);

bool syncshell_peer_online(const struct syncshell *y, const char *peer_id);

/* A command about it: its ticket takes the place of one that still waits, which is answered at once. */
void syncshell_command(struct syncshell *y, uint64_t ticket);

/* Answers. */
void syncshell_created(struct syncshell *y);
void syncshell_joined(struct syncshell *y, const struct message_syncshell_joined *m);
void syncshell_left(struct syncshell *y);
void syncshell_refused(struct syncshell *y, const struct request *r,
                       const struct message_error *error);

/* Pushed. */
void syncshell_presence(struct syncshell *y, const struct message_peer_presence *m);

/* Nothing is sent for so long, or for as long as the refusal says. */
void syncshell_pause(struct syncshell *y, const struct message_error *error, uint64_t delay_ms);

/* When it wants to be pumped again: the end of a pause. */
uint64_t syncshell_deadline_us(const struct syncshell *y);

/* Everything of it goes, from memory and journal. */
void syncshell_forget(struct syncshell *y);

#endif
