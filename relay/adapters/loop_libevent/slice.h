/* How long the calling thread runs before Linux looks for another one that waits for its core. */
#ifndef RELAY_ADAPTERS_LOOP_LIBEVENT_SLICE_H
#define RELAY_ADAPTERS_LOOP_LIBEVENT_SLICE_H

/* Asks for the shortest. Threads that it starts from now on inherit that. */
void slice_shorten(void);

#endif
