/* The engine's effects, in the order in which they may happen.
 *
 * During one call into the engine, journal operations and outputs (frames, events, dialling) are collected apart. At its
 * end effects_seal() puts the journal operations first, then a COMMIT, then the outputs, which are not handed out before
 * that batch, and so everything before it, is committed. That is the whole of "journal first". */
#ifndef SHARED_CLIENT_EFFECT_H
#define SHARED_CLIENT_EFFECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "client/engine.h"

struct effects {
    struct list queue;                 /* sealed, in order */
    struct list journal;               /* of the current call */
    struct list outputs;               /* of the current call */
    uint64_t batch;                    /* number of the last sealed batch */
    uint64_t committed;                /* number of the last committed batch */
    uint64_t connection;               /* frames made for an earlier connection are dropped */
    struct effect *last;               /* handed out last: its texts stay valid until the next */
    struct syncshell_event *last_word; /* after everything else; needs no memory */
};

void effects_init(struct effects *e);
void effects_deinit(struct effects *e);

/* All 0 or -ENOMEM. Texts and bytes are copied; frames and events are taken, also on failure. */
int effects_put(struct effects *e, const char *kind, const char *key, const void *value,
                size_t size);
int effects_delete(struct effects *e, const char *kind, const char *key);
int effects_send(struct effects *e, struct frame *takes_frame);
int effects_event(struct effects *e, struct syncshell_event *takes_event);
int effects_connect(struct effects *e, const char *url);
int effects_disconnect(struct effects *e);

int effects_seal(
    struct effects *e); /* 0 or -ENOMEM: then the call's journal operations and outputs are lost */
bool effects_next(struct effects *e, struct engine_effect *ret_effect);
void effects_committed(struct effects *e, uint64_t batch);

/* Nothing more than the event: what is queued is dropped, commits are no longer waited for. */
void effects_stop(struct effects *e, struct syncshell_event *takes_event);

#endif
