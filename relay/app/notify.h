/* What the service manager that started us is told: systemd's notification protocol, sd_notify(3), as datagrams to the
 * socket that NOTIFY_SOCKET names. Without one nothing is sent. */
#ifndef RELAY_APP_NOTIFY_H
#define RELAY_APP_NOTIFY_H

#include <stdint.h>

struct notify {
    int fd;               /* -1: nobody wants to know */
    uint64_t watchdog_us; /* it restarts us after so long without a word; 0: never */
};

/* From the environment. 0, or negative when there is a socket that cannot be reached; `ret_notify` is valid in any case. */
int notify_init(struct notify *ret_notify);
void notify_deinit(struct notify *n);

/* "READY=1", or several assignments separated by line feeds. A service manager that does not listen is its own trouble. */
__attribute__((format(printf, 2, 3))) void notify_send(const struct notify *n, const char *format,
                                                       ...);

#endif
