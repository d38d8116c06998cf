/* SIGHUP: the configuration and the certificate are read again, and what can change without a restart does. */
#ifndef RELAY_APP_RELOAD_H
#define RELAY_APP_RELOAD_H

struct buf;
struct server;

enum { RELOAD_REPORT_MAX = 65536 };

/* On the loop. A line of `report` for each key that needs a restart, or for each thing that is wrong. 0; positive when
 * something is wrong, negative when memory is out: nothing has changed then. */
int reload_now(struct server *s, struct buf *report);

/* The same for a signal; `userdata` is the server. Whatever is wrong is logged and changes nothing. */
void reload_on_signal(void *userdata);

#endif
