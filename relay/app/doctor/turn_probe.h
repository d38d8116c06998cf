/* Asking a STUN or TURN server for what members ask of it: over UDP, TCP and TLS. */
#ifndef RELAY_APP_DOCTOR_TURN_PROBE_H
#define RELAY_APP_DOCTOR_TURN_PROBE_H

#include <stddef.h>

enum turn_probe_error {
    TURN_PROBE_E_SKIPPED = 1, /* over DTLS, which it does not speak */
    TURN_PROBE_E_NAME,        /* the name leads nowhere */
    TURN_PROBE_E_SILENT,      /* nothing answers there as such a server does */
    TURN_PROBE_E_CERTIFICATE, /* members would refuse it */
    TURN_PROBE_E_CREDENTIALS, /* it refuses them */
    TURN_PROBE_E_REFUSED,     /* it takes them, but gives no allocation */
    TURN_PROBE_E_NOWHERE,     /* it gives one at an address that members cannot reach */
};

struct turn_probe {
    const char *
        url; /* such as "turn:relay.example:3478?transport=udp"; the configuration has checked its form */
    const char *username;
    const char *password;
    const char *ca_file; /* instead of the system's authorities; NULL: those */
};

/* What it allocates is given back. Blocks for some seconds at most. 0, a turn_probe_error, or negative; unless it is 0 or SKIPPED,
 * `ret_error` has the rest of a sentence that begins with the URL. */
int turn_probe_run(const struct turn_probe *p, char *ret_error, size_t error_size);

#endif
