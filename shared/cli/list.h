/* `syncshell members` and `syncshell sessions`: what is known, as a table or as JSON. Each returns the exit status. */
#ifndef SHARED_CLI_LIST_H
#define SHARED_CLI_LIST_H

#include <jansson.h>

#include "cli/known.h"
#include "cli/options.h"

int list_members(const struct options *options);
int list_sessions(const struct options *options);

/* New references, or NULL: out of memory. `own_id` is this client's peer id. */
json_t *list_members_to_json(const struct known *known, const char *own_id);
json_t *list_sessions_to_json(const struct known *known);

#endif
