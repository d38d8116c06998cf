/* Frames from the relay: decoded, matched with what they answer, given to the object that they are about. */
#ifndef SHARED_CLIENT_RECEIVE_H
#define SHARED_CLIENT_RECEIVE_H

#include "client/engine_state.h"

void receive_frame(struct engine *e, bool binary, const uint8_t *data, size_t size);

#endif
