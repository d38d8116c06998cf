/* The commands that are about this device and its memberships: id, create, join, invite. Each returns the exit status. What a
 * script wants stands alone on stdout, explanations go to stderr. */
#ifndef SHARED_CLI_MEMBERSHIP_H
#define SHARED_CLI_MEMBERSHIP_H

#include <jansson.h>
#include <syncshell/syncshell.h>

#include "cli/options.h"
#include "cli/visit.h"

int membership_id(const struct options *options);
int membership_create(const struct options *options);
int membership_join(const struct options *options);
int membership_invite(const struct options *options);

/* Prints the text, or the JSON object, which it takes. The exit status. */
int membership_print_result(const struct options *options, const char *text, json_t *takes_object);

/* The syncshell of the options, or the only one that the client rejoins, in `ret_id`. 0, or -1 after a sentence on stderr. */
int membership_find_syncshell(const struct options *options, struct visit *visit,
                              char ret_id[SYNCSHELL_ID_SIZE]);

#endif
