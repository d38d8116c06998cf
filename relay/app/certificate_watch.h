/* Tells the log, once a day, when the certificate of the relay's own TLS is about to end: whoever renews it may have failed, and
 * those who notice are the members, who cannot connect any more. */
#ifndef RELAY_APP_CERTIFICATE_WATCH_H
#define RELAY_APP_CERTIFICATE_WATCH_H

/* Looks, and arms its timer for the next time; a timer's function on a struct server. Also after a reload. */
void certificate_watch(void *userdata);

#endif
