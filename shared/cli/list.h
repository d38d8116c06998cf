/* `syncshell members` and `syncshell sessions`: what is known, as a table or as JSON. Each returns the exit status. */
#ifndef SHARED_CLI_LIST_H
#define SHARED_CLI_LIST_H

#include "cli/options.h"

int list_members(const struct options *options);
int list_sessions(const struct options *options);

#endif
