/* SIGHUP: the configuration and the certificate are read again, and what can change without a restart does. */
#ifndef RELAY_APP_RELOAD_H
#define RELAY_APP_RELOAD_H

/* On the loop; `userdata` is the server. Whatever is wrong is logged and changes nothing. */
void reload_on_signal(void *userdata);

#endif
