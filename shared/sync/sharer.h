/* Gives a folder's files to whoever opens a session for them: sets the manifest, and sends over the link exactly what the library
 * says the other side lacks. */
#ifndef SHARED_SYNC_SHARER_H
#define SHARED_SYNC_SHARER_H

#include "sync/app.h"

struct sharer;

struct sharer *sharer_new(struct app *app); /* the folder has been scanned */
void sharer_free(struct sharer *sharer);
void sharer_event(struct sharer *sharer, const syncshell_event *event);

#endif
