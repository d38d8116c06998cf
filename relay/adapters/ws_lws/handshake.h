/* What happens before a connection is a WebSocket: who is let through, and what the others are told over HTTP. */
#ifndef RELAY_ADAPTERS_WS_LWS_HANDSHAKE_H
#define RELAY_ADAPTERS_WS_LWS_HANDSHAKE_H

#include <stdbool.h>

enum { HANDSHAKE_FORWARDED_FOR_SIZE = 1024 };

struct lws;

/* An upgrade is asked for: 0, or negative after an answer that says why not. `full`: no room for another connection. */
int handshake_check(struct lws *wsi, bool full);
/* X-Forwarded-For as ws_handler's upgrading() has it. `buffer` has HANDSHAKE_FORWARDED_FOR_SIZE bytes. */
const char *handshake_forwarded_for(struct lws *wsi, char *buffer);
/* Its address has no room for another, or comes too often. Always negative. */
int handshake_refuse_address(struct lws *wsi);
/* Anything that is not an upgrade. Always negative. */
int handshake_refuse_plain(struct lws *wsi);

#endif
