/* Waiting for what a command causes, and saying why it did not come. While waiting, the connection's fate is followed, because it is
 * the usual reason. */
#ifndef SHARED_CLI_WAIT_H
#define SHARED_CLI_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include <syncshell/syncshell.h>

#include "cli/options.h"
#include "cli/visit.h"

enum { WAIT_REASON_SIZE = 256 };

struct wait {
    struct visit *visit;
    uint32_t timeout_ms;
    int64_t deadline_ms; /* monotonic */
    bool connected;
    bool disconnected;             /* at least once since the start */
    char reason[WAIT_REASON_SIZE]; /* of the last disconnection, for people */
};

void wait_init(struct wait *wait, struct visit *visit, const struct options *options);

/* The next event, which the caller drops. `pause_ms`: no longer than this, negative: until the deadline. 0; E_TIMEOUT; E_STOPPED
 * after printing why the client or its connection is lost for good. Other errors are printed, too. */
int32_t wait_next(struct wait *wait, int32_t pause_ms, syncshell_event **ret_event);

/* The event of `type` with `ticket`. 0, or the error after a sentence on stderr. */
int32_t wait_for_ticket(struct wait *wait, uint64_t ticket, int32_t type,
                        syncshell_event **ret_event);

/* Prints that nothing came in time, with the most likely reason. `what`: "The syncshell was not created". */
void wait_print_timeout(const struct wait *wait, const char *what);

#endif
