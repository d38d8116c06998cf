/* SIGUSR1: what the relay holds for others right now, and what it has refused so far, as log lines. */
#ifndef RELAY_APP_STATE_LOG_H
#define RELAY_APP_STATE_LOG_H

/* On the loop; `userdata` is the server. One line `state`, and one line `refusals` for each code that was answered or
 * closed a connection. */
void state_log_on_signal(void *userdata);

#endif
