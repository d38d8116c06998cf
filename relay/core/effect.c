#include <assert.h>
#include <stdlib.h>

#include "core/connection.h"
#include "core/core_state.h"

struct event_item {
    struct list_node node;
    struct core_event event;
};

void core_emit(struct core *core, const struct core_event *event)
{
    /* An event is news, not state: without room or memory it is counted and lost. */
    struct event_item *item = core->n_events < CORE_EVENTS_MAX ? malloc(sizeof *item) : NULL;
    if (!item) {
        core->stats.events_dropped++;
        return;
    }
    item->node = (struct list_node){0};
    item->event = *event;
    list_append(&core->events, &item->node);
    core->n_events++;
}

/* An effect is most of a kilobyte, for the sake of events: of the others only what they mean is written. */

static bool next_event(struct core *core, struct core_effect *ret_effect)
{
    struct list_node *n = list_first(&core->events);
    if (!n)
        return false;
    struct event_item *item = container_of(n, struct event_item, node);
    ret_effect->kind = EFFECT_EVENT;
    ret_effect->event = item->event;
    list_unlink(n);
    core->n_events--;
    free(item);
    return true;
}

static bool next_op(struct core *core, struct core_effect *ret_effect)
{
    struct list_node *n = list_first(&core->ops);
    if (!n)
        return false;
    list_unlink(n);
    ret_effect->kind = EFFECT_STORE;
    ret_effect->op = container_of(n, struct store_op, node);
    return true;
}

static bool next_send(struct core *core, struct core_effect *ret_effect)
{
    struct list_node *n = list_first(&core->sends);
    if (!n)
        return false;
    list_unlink(n);
    ret_effect->kind = EFFECT_SEND;
    ret_effect->connection = container_of(n, struct connection, send_node);
    return true;
}

static bool next_close(struct core *core, struct core_effect *ret_effect)
{
    struct list_node *n = list_first(&core->closes);
    if (!n)
        return false;
    list_unlink(n);
    struct connection *c = container_of(n, struct connection, close_node);
    ret_effect->kind = EFFECT_CLOSE;
    ret_effect->connection = c;
    ret_effect->close_code = c->close_code;
    ret_effect->close_reason = c->close_reason;
    return true;
}

bool core_next_effect(struct core *core, struct core_effect *ret_effect)
{
    return next_event(core, ret_effect) || next_op(core, ret_effect) ||
           next_send(core, ret_effect) || next_close(core, ret_effect);
}
