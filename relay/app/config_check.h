/* What only the settings together can tell: pairs that belong together, and whether the relay would be reachable from
 * elsewhere without its operator having said how and by whom. */
#ifndef RELAY_APP_CONFIG_CHECK_H
#define RELAY_APP_CONFIG_CHECK_H

#include "app/fault.h"
#include "app/place.h"
#include "app/setting.h"

enum { ADMIN_TOKEN_MIN = 16 }; /* characters in admin.token_file */

/* Each row has been checked by itself before. Looks whether the certificate's files can be read, and reads the token. */
void config_check(const struct settings *s, const struct places *places, struct faults *faults);

#endif
