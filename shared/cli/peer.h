/* `syncshell peer`: commands in, events out, one JSON object a line, until the input ends. */
#ifndef SHARED_CLI_PEER_H
#define SHARED_CLI_PEER_H

#include "cli/options.h"

enum { PEER_LINE_MAX_BYTES = 8 * 1024 * 1024 };

/* Runs to the end; the program's exit status. SIGTERM, SIGINT and SIGHUP end it in order, too. */
int peer_run(const struct options *options);

#endif
