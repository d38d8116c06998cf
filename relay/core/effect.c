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
    struct event_item *item = core->n_events < CORE_EVENTS_MAX ? calloc(1, sizeof *item) : NULL;
    if (!item) {
        core->stats.events_dropped++;
        return;
    }
    item->event = *event;
    list_append(&core->events, &item->node);
    core->n_events++;
}

static bool next_event(struct core *core, struct core_effect *ret_effect)
{
    struct list_node *n = list_first(&core->events);
    if (!n)
        return false;
    struct event_item *item = container_of(n, struct event_item, node);
    *ret_effect = (struct core_effect){.kind = EFFECT_EVENT, .event = item->event};
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
    *ret_effect =
        (struct core_effect){.kind = EFFECT_STORE, .op = container_of(n, struct store_op, node)};
    return true;
}

static bool next_send(struct core *core, struct core_effect *ret_effect)
{
    struct list_node *n = list_first(&core->sends);
    if (!n)
        return false;
    list_unlink(n);
    *ret_effect = (struct core_effect){.kind = EFFECT_SEND,
                                       .connection = container_of(n, struct connection, send_node)};
    return true;
}

static bool next_close(struct core *core, struct core_effect *ret_effect)
{
    struct list_node *n = list_first(&core->closes);
    if (!n)
        return false;
    list_unlink(n);
    struct connection *c = container_of(n, struct connection, close_node);
    *ret_effect = (struct core_effect){.kind = EFFECT_CLOSE,
                                       .connection = c,
                                       .close_code = c->close_code,
                                       .close_reason = c->close_reason};
    return true;
}

bool core_next_effect(struct core *core, struct core_effect *ret_effect)
{
    return next_event(core, ret_effect) || next_op(core, ret_effect) ||
           next_send(core, ret_effect) || next_close(core, ret_effect);
}
