/* A socket on its way to becoming a connection: accepted, perhaps announced by a proxy, upgraded to WebSocket.
 *
 * Charged as a handshake until it is upgraded, as a connection from then on; core_connect() takes the charge over. */
#ifndef RELAY_CORE_ADMISSION_H
#define RELAY_CORE_ADMISSION_H

#include "core/account.h"
#include "core/core_state.h"

struct admission {
    struct core *core;
    struct address address;
    struct account *account;  /* NULL: not known yet */
    struct charge handshake;  /* until the upgrade */
    struct charge connection; /* from the upgrade on */
};

#endif
