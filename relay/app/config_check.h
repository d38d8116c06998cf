/* What only the settings together can tell: pairs that belong together, and whether the relay would be reachable from
 * elsewhere without its operator having said how and by whom. */
#ifndef RELAY_APP_CONFIG_CHECK_H
#define RELAY_APP_CONFIG_CHECK_H

#include "app/fault.h"
#include "app/setting.h"

/* Each row has been checked by itself before. Looks whether the certificate's files can be read. */
void config_check(const struct settings *s, struct faults *faults);

#endif
