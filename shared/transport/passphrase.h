/* A syncshell's secret out of a passphrase (schema/README.md, "A passphrase"): for those who insist.
 *
 * It is as good as the passphrase. The relay stores the public half of the group key, so whoever has its database tries guesses for
 * as long as they like; scrypt only makes each one cost 128 MiB and some tenths of a second. A random secret has no such weakness. */
#ifndef SHARED_TRANSPORT_PASSPHRASE_H
#define SHARED_TRANSPORT_PASSPHRASE_H

#include "wire/id.h"

#include <stddef.h>

enum { PASSPHRASE_BYTES_MIN = 12, PASSPHRASE_BYTES_MAX = 1024 };

/* Takes long and much memory, both on purpose. 0, -ENOMEM or -EIO. */
int passphrase_secret(const char *passphrase, size_t length, const struct wire_id *syncshell_id,
                      struct wire_key *ret_secret);

#endif
