#include "client/notify.h"

#include <syncshell/syncshell.h>

#include "client/engine_state.h"

struct syncshell_event *notify_new(struct engine *e, int32_t type, uint64_t ticket)
{
    struct syncshell_event *event = NULL;
    engine_check(e, event_new(&event, type, ticket));
    if (e->refused &&
        (type == SYNCSHELL_EVENT_REQUEST_FAILED || type == SYNCSHELL_EVENT_SIGNAL_REFUSED))
        notify_text(event, SYNCSHELL_FIELD_REQUEST_ID, e->refused);
    return event;
}

struct syncshell_event *notify_about(struct engine *e, int32_t type, uint64_t ticket,
                                     const struct notify_fields *f)
{
    struct syncshell_event *event = notify_new(e, type, ticket);
    const char *self = e->config.peer_id.text;
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, f->syncshell_id);
    notify_text(event, SYNCSHELL_FIELD_SESSION_ID, f->session_id);
    notify_text(event, SYNCSHELL_FIELD_JOINER_PEER_ID, f->joiner ? self : f->other);
    notify_text(event, SYNCSHELL_FIELD_PROVIDER_PEER_ID, f->joiner ? f->other : self);
    notify_text(event, SYNCSHELL_FIELD_PEER_ID, f->other);
    notify_text(event, SYNCSHELL_FIELD_ROLE, f->joiner ? "joiner" : "provider");
    notify_text(event, SYNCSHELL_FIELD_LABEL, f->label);
    notify_integer(event, SYNCSHELL_FIELD_GENERATION, f->generation);
    return event;
}

struct syncshell_event *notify_signal(struct session *s, int32_t type, uint64_t ticket,
                                      uint64_t generation)
{
    const struct notify_fields fields = {.syncshell_id = s->syncshell->id.text,
                                         .session_id = s->id.text,
                                         .other = s->other.text,
                                         .joiner = s->joiner,
                                         .label = s->label,
                                         .generation = generation};
    return notify_about(s->syncshell->engine, type, ticket, &fields);
}

struct syncshell_event *notify_session(struct session *s, int32_t type, uint64_t ticket)
{
    return notify_signal(s, type, ticket,
                         s->attempt.stage != ATTEMPT_NONE ? s->attempt.generation : s->generation);
}

void notify_text(struct syncshell_event *event, int32_t field, const char *text)
{
    if (event)
        event_add_text(event, field, text);
}

void notify_integer(struct syncshell_event *event, int32_t field, uint64_t value)
{
    if (event)
        event_add_integer(event, field, value);
}

void notify_send(struct engine *e, struct syncshell_event *takes_event)
{
    if (!takes_event)
        return;
    if (event_broken(takes_event)) {
        event_free(takes_event);
        engine_fail(e, CODE_NO_MEMORY, "no memory for an event");
        return;
    }
    engine_check(e, effects_event(&e->effects, takes_event));
}

void notify_failed(struct engine *e, uint64_t ticket, const char *code, const char *text,
                   bool retryable, const char *syncshell_id, const char *session_id)
{
    struct syncshell_event *event = notify_new(e, SYNCSHELL_EVENT_REQUEST_FAILED, ticket);
    notify_text(event, SYNCSHELL_FIELD_CODE, code);
    notify_text(event, SYNCSHELL_FIELD_MESSAGE, text);
    notify_integer(event, SYNCSHELL_FIELD_RETRYABLE, retryable);
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, syncshell_id);
    notify_text(event, SYNCSHELL_FIELD_SESSION_ID, session_id);
    notify_send(e, event);
}
