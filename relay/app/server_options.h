/* Which setting goes where: the settings as the core's, the listener's and the store's own options. Texts and lists are
 * borrowed from the settings. */
#ifndef RELAY_APP_SERVER_OPTIONS_H
#define RELAY_APP_SERVER_OPTIONS_H

#include "adapters/store_sqlite/store.h"
#include "adapters/ws_lws/ws.h"
#include "app/setting.h"
#include "core/core.h"

void server_options_core(struct core_config *ret_config, const struct settings *s,
                         const struct store_identity *identity);

void server_options_listen(struct ws_listen *ret_listen, struct ws_options *ret_options,
                           const struct settings *s);

/* `wake` stays to be set. */
void server_options_store(struct store_options *ret_options, const struct settings *s);

#endif
