/* Asking a STUN or TURN server for what members ask of it. */
#ifndef RELAY_APP_TURN_PROBE_H
#define RELAY_APP_TURN_PROBE_H

#include <stddef.h>

enum { TURN_PROBE_E_SKIPPED = 1 };

/* Tries `url`, such as "turn:relay.example:3478?transport=udp", over UDP; what it allocates is given back. Blocks for some
 * seconds at most. 0; TURN_PROBE_E_SKIPPED for TLS and TCP, which it does not speak; or negative, and `ret_error` has the rest of
 * a sentence that begins with the URL. */
int turn_probe_run(const char *url, const char *username, const char *password, char *ret_error,
                   size_t error_size);

#endif
