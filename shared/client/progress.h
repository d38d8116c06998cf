/* The joiner's progress: reports into the journal, from there into the relay's log.
 *
 * Files are in two lists by sequence number: `stored` are in the relay's log, `fresh` are not yet. One entry is in flight at a
 * time and carries as many fresh files as a body holds; what is reported meanwhile goes with the next. A checkpoint makes
 * all files fresh again and replaces the log; if they do not fit one body, entries follow it. */
#ifndef SHARED_CLIENT_PROGRESS_H
#define SHARED_CLIENT_PROGRESS_H

#include "client/engine_state.h"

struct request;

/* Takes the files. What is wrong comes as REQUEST_FAILED; otherwise PROGRESS_SAVED after the commit. */
void progress_report(struct session *s, uint64_t ticket, struct body_file_list *takes_files);

/* Adds or replaces a file under the next sequence number, without journaling. 0, ENGINE_E_FULL or negative; takes the file
 * on success. */
int progress_hold(struct session *s, struct body_file *takes_file, struct held_file **ret_held);

/* The file of that path is worth nothing any more. */
void progress_drop(struct session *s, const char *path);

void progress_pump(struct session *s);
void progress_stored(struct session *s, const struct message_stored *m);
void progress_refused(struct session *s, const struct message_error *error);

/* Codes for which a checkpoint makes room. */
bool progress_is_full(enum wire_code code);

/* The relay's log is not what we thought: replace it as a whole on top of `version`. */
void progress_checkpoint(struct session *s, uint64_t version);

void progress_init(struct session *s);
void progress_deinit(struct session *s);

/* Sorts loaded files into `stored` and `fresh`. */
void progress_loaded(struct session *s);

/* Of the files that it has, whole or in part. */
uint64_t progress_held_bytes(struct session *s);

#endif
