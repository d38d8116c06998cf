/* A client for the time of one command, on a state directory that may be another program's.
 *
 * Some events are told until somebody has taken them (syncshell_event_free()). They are that program's to take: so a visit
 * keeps them and frees them when its client is gone, which no longer counts. */
#ifndef SHARED_CLI_VISIT_H
#define SHARED_CLI_VISIT_H

#include <syncshell/syncshell.h>

#include "cli/options.h"

struct visit {
    syncshell_client *client;
    syncshell_event **kept;
    size_t n_kept;
};

/* 0, or -1 after a sentence on stderr; then there is nothing to end. */
int visit_begin(struct visit *ret_visit, const struct options *options);
void visit_end(struct visit *visit);

/* Instead of syncshell_event_free(). */
void visit_drop(struct visit *visit, syncshell_event *event);

#endif
