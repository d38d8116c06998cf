/* fetch with a recovery code: which session of another device goes on here.
 *
 * Sessions carry in their ids which device began them, and for which folder; one that was handed over is of another device and folder,
 * so which it is, is written into the folder before anything else is done with it. What a kill between the relay's yes and that
 * line leaves is found again by the same command: the relay says once more which session the code was for, or, when it moved on since,
 * that the code was used. */
#ifndef SHARED_SYNC_TAKEOVER_H
#define SHARED_SYNC_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/app.h"

enum { TAKEOVER_PREFIX_SIZE = 16 };

struct takeover {
    struct app *app;
    char own_prefix[TAKEOVER_PREFIX_SIZE]; /* of the ids of this device's own sessions */
    char marked[SYNCSHELL_ID_SIZE];        /* the session that goes on in this folder; "": none */
    GHashTable *strays;                    /* sessions of other devices by id: who provides them */
    uint64_t ticket;                       /* of the code that is being redeemed; 0: none */
    bool asked;
};

/* 0 or -EIO. */
int takeover_init(struct takeover *takeover, struct app *app);
void takeover_deinit(struct takeover *takeover);

/* Whether a session of which we are the joiner, and which is not for this folder by its id, goes on here. */
bool takeover_takes(struct takeover *takeover, const char *session_id, const char *peer_id);

/* Redeems the code of the command line, once. False when there is none: another session is wanted. */
bool takeover_redeem(struct takeover *takeover, const char *syncshell_id);

/* What became of the code, CODE_REDEEMED or REQUEST_FAILED: the session that goes on here if it was told already, and who provides it
 * (borrowed). False: it comes yet, or, after a failure, there is none. */
bool takeover_answered(struct takeover *takeover, const syncshell_event *event,
                       const char **ret_session_id, const char **ret_peer_id);

void takeover_over(struct takeover *takeover); /* the session has ended */

#endif
