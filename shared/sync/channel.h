/* One WebRTC data channel, ordered and reliable: ICE, DTLS, SCTP and the channel's opening (RFC 8832) put together.
 *
 * All channels of the process belong to one channel_stack, which drives them by a timer that runs only while there are any.
 * A handler may free its own or any channel: what is freed hears nothing more and is taken apart at the stack's next turn. */
#ifndef SHARED_SYNC_CHANNEL_H
#define SHARED_SYNC_CHANNEL_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/ice.h"

struct channel_stack;

/* Borrows `options` for its life. 0 or -EIO. */
int channel_stack_new(struct channel_stack **ret_stack, GMainContext *context,
                      const struct ice_options *options);
void channel_stack_free(struct channel_stack *stack); /* with all its channels */

struct channel;

struct channel_handler {
    void *userdata;
    void (*described)(void *userdata, const char *sdp); /* send this to the other side */
    /* Afterwards: one more candidate, "" when there will be no more; send it to the other side, too. */
    void (*candidate)(void *userdata, const char *candidate, const char *mid);
    void (*opened)(void *userdata);
    void (*text)(void *userdata, const char *text, size_t size);
    void (*binary)(void *userdata, const uint8_t *data, size_t size);
    void (*tick)(
        void *userdata); /* about every 10 ms while open, and when there is room to send again */
    void (*failed)(void *userdata, const char *cause); /* never opened, or was open and is gone */
};

/* The options that all channels share. */
const struct ice_options *channel_stack_options(const struct channel_stack *stack);

/* Offers when `offer` is NULL, else answers it. Copies `servers`. 0, -EINVAL when the offer cannot be answered, -EIO. */
int channel_new(struct channel **ret_channel, struct channel_stack *stack, const char *offer,
                size_t offer_size, const struct ice_server_list *servers,
                const struct channel_handler *handler);
void channel_free(struct channel *channel); /* accepts NULL */

int channel_take_answer(struct channel *channel, const char *sdp,
                        size_t size); /* 0, -EINVAL, -EIO */
void channel_take_candidate(struct channel *channel,
                            const char *candidate); /* "": no more will come */

bool channel_is_relayed(const struct channel *channel);        /* by a TURN server */
const char *channel_server_url(const struct channel *channel); /* see ice_server_url() */

/* 0, -EAGAIN when the buffer is full, or -EIO. */
int channel_send_text(struct channel *channel, const char *text, size_t size);
int channel_send_binary(struct channel *channel, const void *data, size_t size);

#endif
