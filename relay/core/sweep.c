#include "core/sweep.h"

#include "core/expiry.h"
#include "core/member.h"
#include "core/op.h"
#include "core/session.h"
#include "core/syncshell.h"

static void rest(struct core *core)
{
    timer_set(&core->timers, &core->sweep_timer, time_add_ms(core->now_us, CORE_SWEEP_INTERVAL_MS));
}

static void step(struct core *core)
{
    struct store_op *op = op_new(core, STORE_SWEEP, NULL);
    if (!op) {
        rest(core);
        return;
    }
    op->max_rows = CORE_SWEEP_ROWS_MAX;
    op->unused_days = expiry_days(core);
    op->expires_unix_ms = core_wall_after_ms(core, core->config.tombstone_ttl_ms);
    op_issue(core, op);
}

static void fire(struct core *core, struct timer *t)
{
    (void)t;
    accounts_sweep(&core->accounts);
    step(core);
}

void sweep_init(struct core *core)
{
    core->sweep_timer.fire = fire;
    rest(core);
}

/* Whoever joins with a cursor from below hears that something is missing. */
static void settle_inboxes(struct core *core, const struct store_op *op)
{
    for (size_t i = 0; i < op->n_settled; i++) {
        const struct store_settled *settled = &op->settled[i];
        struct syncshell *s = syncshell_find(core, &settled->syncshell_id);
        struct member *m = s ? syncshell_member(s, settled->peer_id.text) : NULL;
        if (m && m->inbox_acked < settled->inbox_acked)
            m->inbox_acked = settled->inbox_acked;
    }
}

void sweep_done(struct core *core, struct syncshell *unused, struct connection *c,
                struct store_op *op)
{
    (void)unused;
    (void)c;
    for (size_t i = 0; i < op->n_swept; i++) {
        const struct store_session *swept = &op->swept_sessions[i];
        struct syncshell *s = syncshell_find(core, &op->swept_syncshells[i]);
        struct session *session = s ? session_find(s, &swept->summary.recovery_session_id) : NULL;
        if (!session)
            continue;
        session->summary.cause = swept->summary.cause;
        session_closed(session, swept->summary.outcome, swept->expires_unix_ms,
                       WIRE_CODE_SESSION_EXPIRED, NULL);
    }
    settle_inboxes(core, op);
    expiry_swept(core, op);
    if (op->code == WIRE_CODE_NONE && !op->complete)
        step(core);
    else
        rest(core);
}
