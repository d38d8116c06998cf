/* The commands that let a transfer go on at another device: code, redeem. Each returns the exit status. */
#ifndef SHARED_CLI_HANDOVER_H
#define SHARED_CLI_HANDOVER_H

#include "cli/options.h"

int handover_code(const struct options *options);
int handover_redeem(const struct options *options);

#endif
