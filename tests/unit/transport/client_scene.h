/* A client without a relay, in a directory of its own, and a look into its journal while no client has it. */
#ifndef TESTS_UNIT_TRANSPORT_CLIENT_SCENE_H
#define TESTS_UNIT_TRANSPORT_CLIENT_SCENE_H

#include "scratch.h"

#include <syncshell/syncshell.h>

enum { LIMIT_MS = 60000 };

syncshell_options
usual_options(const struct scratch *s); /* nobody listens at its relay's address */
syncshell_client *start(const struct scratch *s);
void assert_start_fails(const struct scratch *s, int32_t expected);

/* The next event, freed. */
void assert_event(syncshell_client *client, int32_t type, uint64_t ticket);

void find_journal(const struct scratch *s, char *ret_path); /* SCRATCH_PATH_MAX bytes */
void run_sql(const struct scratch *s, const char *sql);
int count_records(const struct scratch *s, const char *kind);

uint64_t now_ms(void); /* monotonic */

#endif
