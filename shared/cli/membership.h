/* The commands that are about this device and its memberships: id, create, join, invite. Each returns the exit status. What a
 * script wants stands alone on stdout, explanations go to stderr. */
#ifndef SHARED_CLI_MEMBERSHIP_H
#define SHARED_CLI_MEMBERSHIP_H

#include "cli/options.h"

int membership_id(const struct options *options);
int membership_create(const struct options *options);
int membership_join(const struct options *options);
int membership_invite(const struct options *options);

#endif
