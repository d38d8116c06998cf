/* Brings a folder up to date with the one that another member shares.
 *
 * The session's id begins with hashes of this device, and of the folder and the other member, so that a later start finds the session that an
 * earlier one left open. At each start the folder is hashed and what is there is reported; then the library makes a new
 * RecoveryRequest, and over the link exactly that one is asked for. So it does not matter what a kill kept from being
 * reported. With a recovery code the session of another device goes on here (takeover.h). */
#ifndef SHARED_SYNC_FETCHER_H
#define SHARED_SYNC_FETCHER_H

#include "sync/app.h"

struct fetcher;

int fetcher_new(struct fetcher **ret_fetcher,
                struct app *app);           /* the folder has been scanned. 0 or -errno */
void fetcher_free(struct fetcher *fetcher); /* what has arrived stays on disk */
void fetcher_event(struct fetcher *fetcher, const syncshell_event *event);

/* Asks for a code with which the transfer goes on at another device: event RECOVERY_CODE. */
void fetcher_issue_code(struct fetcher *fetcher);

#endif
