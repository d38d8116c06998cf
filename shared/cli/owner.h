/* The commands of a syncshell's owner. Each returns the exit status. */
#ifndef SHARED_CLI_OWNER_H
#define SHARED_CLI_OWNER_H

#include "cli/options.h"

int owner_remove_member(const struct options *options);
int owner_rotate_key(const struct options *options);
int owner_hand_over(const struct options *options);
int owner_delete(const struct options *options);

#endif
