/* The operator's access keys: "syncshell-key.<key id>.<secret>". The core remembers of one what the store needs to judge it,
 * never the key. */
#ifndef RELAY_CORE_ACCESS_KEY_H
#define RELAY_CORE_ACCESS_KEY_H

#include "core/core.h"

#define ACCESS_KEY_PREFIX "syncshell-key."

/* What is remembered of the text. 0 or the host's negative error. */
int access_key_read(const struct core_host *host, const char *text,
                    struct store_access_key *ret_key);

#endif
