/* Which setting is behind a refusal: what an operator would raise if the refused are in the right. */
#ifndef RELAY_APP_LIMIT_KEY_H
#define RELAY_APP_LIMIT_KEY_H

#include "core/core.h"

/* "" when no limit was the reason. */
const char *limit_key(enum wire_code code, enum account_kind account);

#endif
