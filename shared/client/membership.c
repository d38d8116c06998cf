#include "client/membership.h"

#include <syncshell/syncshell.h>

#include "client/ending.h"
#include "client/handover.h"
#include "client/notify.h"
#include "client/owner.h"
#include "client/record.h"
#include "client/session.h"
#include "client/syncshell.h"
#include "wire/cause.h"

bool membership_code_is_final(enum wire_code code)
{
    return code == WIRE_CODE_MEMBER_REMOVED || code == WIRE_CODE_SYNCSHELL_DELETED ||
           code == WIRE_CODE_SYNCSHELL_EXPIRED;
}

/* What is not the end: at each start the relay says it again. */
static void tell_pause(struct syncshell *y, enum wire_code code)
{
    struct syncshell_event *event = notify_new(y->engine, SYNCSHELL_EVENT_MEMBERSHIP_ENDED, 0);
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, y->id.text);
    notify_text(event, SYNCSHELL_FIELD_CODE, wire_code_name(code));
    notify_send(y->engine, event);
}

/* What the relay closed without a word to us. */
static void close_session(struct session *s, enum wire_code code)
{
    session_closed(s, s->ticket, SESSION_OUTCOME_CANCELLED, cause_name(cause_of_code(code)));
}

static void each_session(struct syncshell *y, enum wire_code code,
                         void (*visit)(struct session *s, enum wire_code code))
{
    struct map *all = &y->engine->sessions;
    struct map_node *n = map_next(all, NULL);
    while (n) {
        struct map_node *next = map_next(all, n);
        struct session *s = container_of(n, struct session, node);
        if (s->syncshell == y)
            visit(s, code);
        n = next;
    }
}

static void interrupt_session(struct session *s, enum wire_code code)
{
    (void)code;
    session_disconnected(s);
}

void membership_ended(struct syncshell *y, enum wire_code code)
{
    if (!membership_code_is_final(code)) {
        each_session(y, code, interrupt_session);
        syncshell_disconnected(y);
        if (!y->next_key_invited)
            y->pause_us = TIME_NEVER_US;
        tell_pause(y, code);
        return;
    }
    if (y->state == SYNCSHELL_LEAVING) {
        syncshell_left(y); /* as it was wanted */
        return;
    }
    each_session(y, code, close_session);
    if (y->ticket != 0)
        notify_failed(y->engine, y->ticket, wire_code_name(code), "the membership has ended", false,
                      y->id.text, NULL);
    handover_syncshell_ended(y, code);
    bool deleted; /* by us */
    owner_end_all(y, code, &deleted);
    if (!deleted)
        ending_tell(y->engine, 0,
                    &(struct record_ended){.syncshell_id = y->id, .code = wire_code_name(code)});
    syncshell_forget(y);
}

void membership_owner_changed(struct syncshell *y, const struct message_owner_changed *m)
{
    struct engine *e = y->engine;
    if (owner_awaits(y, m))
        return; /* told when it is answered */
    struct syncshell_event *event = notify_new(e, SYNCSHELL_EVENT_OWNER_CHANGED, 0);
    y->owner = m->owner_peer_id;
    y->owner_sequence = m->owner_sequence;
    record_put_syncshell(y);
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, y->id.text);
    notify_text(event, SYNCSHELL_FIELD_OWNER_PEER_ID, m->owner_peer_id.text);
    notify_send(e, event);
}
