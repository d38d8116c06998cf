#include "client/reconcile.h"

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/attempt.h"
#include "client/handover.h"
#include "client/notify.h"
#include "client/progress.h"
#include "client/record.h"
#include "client/recovery.h"
#include "client/report.h"
#include "client/session.h"

struct reconciling {
    const struct message_syncshell_joined *joined;
    bool same_store;
    bool all_listed;
    bool open_listed; /* all that are open: a tombstone stands behind them */
};

static const struct message_session_summary *listed(const struct message_syncshell_joined *m,
                                                    const char *id)
{
    for (size_t i = 0; i < m->n_sessions; i++)
        if (str_equal(m->sessions[i].recovery_session_id.text, id))
            return &m->sessions[i];
    return NULL;
}

static void resume(struct session *s, const struct message_session_summary *summary)
{
    struct engine *e = s->syncshell->engine;
    attempt_generation_told(s, summary->generation);
    if (s->phase == SESSION_OPENING) {
        s->phase = SESSION_OPENED; /* it was stored, and the answer lost */
        s->checkpoint_needed = s->joiner && summary->version != 1;
    } else if (s->joiner && s->phase == SESSION_OPENED && summary->version != s->version) {
        if (summary->version < s->version)
            notify_failed(e, 0, CODE_RELAY_ROLLED_BACK,
                          "the relay lost what it had stored; it is sent again", true,
                          s->syncshell->id.text, s->id.text);
        bool repeats = s->progress.frame && summary->version == s->progress.base_version + 1;
        if (!repeats) /* otherwise the answer was lost, and the repetition will be a duplicate */
            progress_checkpoint(s, summary->version);
    }
    if (s->version == 0 || !s->joiner)
        s->version = summary->version;
    record_put_session(s);
    recovery_other_returned(s); /* perhaps; we were not there to see */
    if (s->phase == SESSION_OPENED) {
        session_tell_open(s);
        report_judged(s, &summary->cause);
    }
}

/* The relay knows it, or has known it, and the list has no room for it. */
static void visit_unlisted(struct session *s, const struct reconciling *r)
{
    if (r->all_listed) {
        session_closed(s, s->ticket, s->outcome, cause_name(CAUSE_UNKNOWN_SESSION));
        return;
    }
    if (s->phase == SESSION_CLOSING)
        return; /* the answer to that says it all */
    if (r->open_listed) {
        session_closed(s, s->ticket, s->outcome, cause_name(CAUSE_SESSION_CLOSED));
        return;
    }
    /* Likely one of many open ones. If it is not, the relay says so when it is asked for something; and if it has another joiner,
     * that one says so: receive.c. */
    s->unlisted = true;
    recovery_other_returned(s);
    if (s->phase == SESSION_OPENED)
        session_tell_open(s);
}

static void visit_known(struct session *s, void *argument)
{
    const struct reconciling *r = argument;
    const struct message_session_summary *summary = listed(r->joined, s->id.text);
    s->unlisted = false;
    if (summary && handover_reconcile(s, summary))
        return;
    if (summary && summary->state == SESSION_STATE_CLOSED)
        session_closed(s, s->ticket, summary->outcome, summary->cause.text);
    else if (summary && r->same_store)
        resume(s, summary);
    else if (!summary && r->same_store && s->version != 0)
        visit_unlisted(s, r);
    else if (!r->same_store && s->phase == SESSION_OPENED)
        session_reopen(s);
}

/* The relay knows a session in which we take part, and we do not: opened by the other side, or our journal is lost. */
static void adopt(struct syncshell *y, const struct message_session_summary *summary, int32_t event)
{
    struct engine *e = y->engine;
    struct session *s;
    bool joiner = str_equal(summary->joiner_peer_id.text, e->config.peer_id.text);
    if (!joiner && !str_equal(summary->provider_peer_id.text, e->config.peer_id.text))
        return; /* between others: no business of ours */
    const struct wire_peer_id *other =
        joiner ? &summary->provider_peer_id : &summary->joiner_peer_id;
    int r = session_new(y, &summary->recovery_session_id, other, joiner, NULL, &s);
    if (r != 0) {
        engine_check(e, r < 0 ? r : 0);
        if (r > 0)
            notify_failed(e, 0, CODE_LIBRARY_FULL, "a session of the other side was not taken",
                          true, y->id.text, summary->recovery_session_id.text);
        return;
    }
    s->generation = summary->generation;
    s->version = summary->version;
    bool restore = joiner && summary->version > 1;
    s->phase = restore ? SESSION_RESTORING : SESSION_OPENED;
    s->announced = true;
    session_begin_episode(s);
    record_put_session(s);
    if (!restore)
        notify_send(e, notify_session(s, event, 0));
}

static void visit_joined(struct session *s, void *argument)
{
    (void)argument;
    attempt_joined(s);
}

void reconcile_joined(struct syncshell *y, const struct message_syncshell_joined *m,
                      bool same_store)
{
    struct reconciling r = {
        .joined = m, .same_store = same_store, .all_listed = m->n_sessions < WIRE_SESSIONS_MAX};
    r.open_listed = r.all_listed || m->sessions[m->n_sessions - 1].state == SESSION_STATE_CLOSED;
    session_each(y, visit_known, &r);
    for (size_t i = 0; i < m->n_sessions; i++) {
        const struct message_session_summary *summary = &m->sessions[i];
        if (summary->state == SESSION_STATE_OPEN &&
            !engine_find_session(y->engine, summary->recovery_session_id.text))
            adopt(y, summary, SYNCSHELL_EVENT_SESSION_OPENED);
    }
    session_each(y, visit_joined, NULL);
}

void reconcile_changed(struct syncshell *y, const struct message_session_changed *m)
{
    const struct message_session_summary *summary = &m->session;
    struct session *s = engine_find_session(y->engine, summary->recovery_session_id.text);
    if (s && s->syncshell != y)
        return;
    if (s)
        s->unlisted = false;
    if (s && handover_reconcile(s, summary))
        return;
    if (summary->state == SESSION_STATE_CLOSED) {
        if (s)
            session_closed(s, s->ticket, summary->outcome, summary->cause.text);
    } else if (!s) {
        adopt(y, summary, SYNCSHELL_EVENT_SESSION_OPENED);
    } else if (s->phase == SESSION_OPENED) {
        report_judged(s, &summary->cause);
        if (m->has_failed_generation)
            attempt_failed_there(s, m->failed_generation, summary->cause.text);
    }
}
