/* A connection between a client and the relay: two queues of frames that are on their way, and two ends that learn of its
 * break at their own times. */
#ifndef TESTS_SIM_WIRE_H
#define TESTS_SIM_WIRE_H

#include "base/frame.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct connection;
struct peer;
struct sim;

struct parcel {
    struct list_node node;
    struct frame *frame;
};

struct wire {
    struct list_node node;
    unsigned id;
    struct peer *peer;
    struct connection *relay_end; /* NULL: the relay knows that it is gone */
    bool client_end;              /* the client takes it for alive */
    bool broken;                  /* nothing gets in any more */
    bool closing;                 /* the core wants it gone */
    bool pulls;                   /* the core has frames for it */
    struct list up;               /* to the relay */
    struct list down;             /* to the client */
    uint64_t up_stalled_us;       /* until then nothing arrives */
    uint64_t down_stalled_us;
    uint64_t relay_learns_us; /* of the break; TIME_NEVER_US: not by itself */
    uint64_t client_learns_us;
    /* Frames that the core gives now were queued at this time or later: 0: now. */
    uint64_t stalled_us;
    unsigned stalled_turn;
    uint16_t close_code;
    void *ledger; /* what the ledger knows of it */
};

struct wire *wire_new(struct sim *s, struct peer *p);
void wire_unref_ends(struct sim *s, struct wire *w); /* frees it when both ends know */

void wire_send_up(struct wire *w, struct frame *takes_frame);
void wire_send_down(struct wire *w, struct frame *takes_frame);
struct frame *wire_take(struct list *direction); /* NULL: nothing is on its way */

/* It breaks. Of what is on its way, some still arrives; each end learns after its own delay. */
void wire_break(struct sim *s, struct wire *w, uint64_t relay_delay_us, uint64_t client_delay_us);

/* The ends learn. */
void wire_relay_end_gone(struct sim *s, struct wire *w);
void wire_client_end_gone(struct sim *s, struct wire *w);

#endif
