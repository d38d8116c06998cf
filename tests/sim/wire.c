#include "wire.h"

#include <stdlib.h>

#include "random.h"
#include "sim.h"

struct wire *wire_new(struct sim *s, struct peer *p)
{
    struct wire *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->id = ++s->n_wires;
    w->peer = p;
    w->client_end = true;
    w->relay_learns_us = w->client_learns_us = TIME_NEVER_US;
    list_init(&w->up);
    list_init(&w->down);
    list_append(&s->wires, &w->node);
    return w;
}

static void send(struct list *direction, struct frame *takes_frame)
{
    struct parcel *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->frame = takes_frame;
    list_append(direction, &p->node);
}

struct frame *wire_take(struct list *direction)
{
    struct list_node *n = list_first(direction);
    if (!n)
        return NULL;
    struct parcel *p = container_of(n, struct parcel, node);
    struct frame *frame = p->frame;
    list_unlink(n);
    free(p);
    return frame;
}

/* clang-tidy does not see into list_unlink() and takes what was freed for still listed.
 * NOLINTBEGIN(clang-analyzer-unix.Malloc) */
static void drop_last(struct list *direction)
{
    struct parcel *p = container_of(direction->head.prev, struct parcel, node);
    list_unlink(&p->node);
    frame_unref(p->frame);
    free(p);
}

static void drop_all(struct list *direction)
{
    while (!list_empty(direction))
        drop_last(direction);
}

/* Some of the last frames never arrive; where the cut goes through a frame, half of it does, which is as good as none. */
static void lose(struct sim *s, struct list *direction)
{
    if (random_one_in(&s->random, 3))
        drop_all(direction);
    while (!list_empty(direction) && !random_one_in(&s->random, 3))
        drop_last(direction);
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */

void wire_send_up(struct wire *w, struct frame *takes_frame)
{
    if (w->broken)
        frame_unref(takes_frame);
    else
        send(&w->up, takes_frame);
}

void wire_send_down(struct wire *w, struct frame *takes_frame)
{
    if (w->broken || !w->client_end)
        frame_unref(takes_frame);
    else
        send(&w->down, takes_frame);
}

void wire_break(struct sim *s, struct wire *w, uint64_t relay_delay_us, uint64_t client_delay_us)
{
    if (w->broken)
        return;
    w->broken = true;
    lose(s, &w->up);
    lose(s, &w->down);
    w->relay_learns_us = time_min(w->relay_learns_us, s->now_us + relay_delay_us);
    w->client_learns_us = time_min(w->client_learns_us, s->now_us + client_delay_us);
}

void wire_unref_ends(struct sim *s, struct wire *w)
{
    if (w->relay_end || w->client_end)
        return;
    ledger_wire_gone(&s->ledger, w);
    drop_all(&w->up);
    drop_all(&w->down);
    list_unlink(&w->node);
    free(w);
}

void wire_relay_end_gone(struct sim *s, struct wire *w)
{
    struct connection *c = w->relay_end;
    w->broken = true;
    drop_all(&w->up);
    w->client_learns_us =
        time_min(w->client_learns_us, s->now_us + random_below(&s->random, 50000));
    if (!c)
        return;
    sim_trace(s, "relay: wire %u is gone", w->id);
    ledger_relay_end_gone(&s->ledger, w);
    w->relay_end = NULL;
    core_disconnect(c, s->now_us);
    wire_unref_ends(s, w);
}

void wire_client_end_gone(struct sim *s, struct wire *w)
{
    struct peer *p = w->peer;
    if (!w->client_end)
        return;
    sim_trace(s, "p%u: wire %u is gone (%u)", p->index, w->id, w->close_code);
    w->client_end = false;
    if (!w->broken) {
        w->broken = true;
        w->relay_learns_us =
            time_min(w->relay_learns_us, s->now_us + random_below(&s->random, 50000));
    }
    drop_all(&w->down);
    uint16_t close_code = w->close_code ? w->close_code : 1006;
    if (p->wire == w)
        p->wire = NULL;
    wire_unref_ends(s, w);
    if (p->station.engine)
        STATION_CALL(&p->station, engine_disconnected(p->station.engine, s->now_us, close_code));
}
