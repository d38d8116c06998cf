#include "client/ending.h"

#include <errno.h>

#include <syncshell/syncshell.h>

#include "client/notify.h"

static struct syncshell_event *of_membership(struct engine *e, const struct record_ended *ended)
{
    struct syncshell_event *event = notify_new(e, SYNCSHELL_EVENT_MEMBERSHIP_ENDED, 0);
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, ended->syncshell_id.text);
    notify_text(event, SYNCSHELL_FIELD_CODE, ended->code);
    return event;
}

static struct syncshell_event *of_session(struct engine *e, uint64_t ticket,
                                          const struct record_ended *ended)
{
    const struct notify_fields fields = {.syncshell_id = ended->syncshell_id.text,
                                         .session_id = ended->session_id.text,
                                         .other = ended->other.text,
                                         .joiner = ended->joiner,
                                         .label = ended->label,
                                         .generation = ended->generation};
    struct syncshell_event *event =
        notify_about(e, SYNCSHELL_EVENT_SESSION_CLOSED, ticket, &fields);
    notify_text(event, SYNCSHELL_FIELD_OUTCOME, session_outcome_name(ended->outcome));
    notify_text(event, SYNCSHELL_FIELD_CAUSE, ended->cause);
    return event;
}

static struct syncshell_event *make_event(struct engine *e, uint64_t ticket, uint64_t number,
                                          const struct record_ended *ended)
{
    struct syncshell_event *event =
        ended->code ? of_membership(e, ended) : of_session(e, ticket, ended);
    if (event)
        event_set_receipt(event, number);
    return event;
}

void ending_tell(struct engine *e, uint64_t ticket, const struct record_ended *ended)
{
    uint64_t number = ++e->last_receipt;
    record_put_ended(e, number, ended);
    notify_send(e, make_event(e, ticket, number, ended));
}

int ending_load(struct engine *e, uint64_t number, const struct record_ended *ended)
{
    struct syncshell_event *event = make_event(e, 0, number, ended);
    if (!event || event_broken(event)) {
        event_free(event);
        return -ENOMEM;
    }
    list_append(&e->untold, event_node(event));
    if (number > e->last_receipt)
        e->last_receipt = number;
    return 0;
}

void ending_tell_loaded(struct engine *e)
{
    list_for_each_safe (n, next, &e->untold) {
        list_unlink(n);
        notify_send(e, event_from_node(n));
    }
}
