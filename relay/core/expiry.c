#include "core/expiry.h"

#include "core/op.h"
#include "core/syncshell.h"

static int64_t today(struct core *core)
{
    return core_wall_now(core).unix_ms / STORE_DAY_MS;
}

void expiry_note_use(struct syncshell *s)
{
    struct core *core = s->core;
    if (s->noting_use || s->used_unix_day >= today(core))
        return;
    struct store_op *op = op_new(core, STORE_NOTE_USE, s);
    if (!op)
        return; /* the next sweep tries again */
    s->noting_use = true;
    op_issue(core, op);
}

void expiry_use_noted(struct core *core, struct syncshell *s, struct connection *c,
                      struct store_op *op)
{
    (void)core;
    (void)c;
    s->noting_use = false;
    if (op->code == WIRE_CODE_NONE)
        s->used_unix_day = op->now.unix_ms / STORE_DAY_MS;
}

uint32_t expiry_days(struct core *core)
{
    uint32_t days = core->config.syncshell_ttl_days;
    int64_t day = today(core);
    size_t left = CORE_SWEEP_ROWS_MAX;
    for (struct map_node *n = map_next(&core->syncshells, NULL); n;
         n = map_next(&core->syncshells, n)) {
        struct syncshell *s = container_of(n, struct syncshell, node);
        if (s->state != SYNCSHELL_LOADED || list_empty(&s->memberships) || s->used_unix_day >= day)
            continue;
        if (left > 0) {
            expiry_note_use(s);
            left--;
        }
        /* What the store was told may not have reached the disk: this one would end with a member in it. */
        if (s->used_unix_day < day - (int64_t)days)
            days = 0;
    }
    return days;
}

void expiry_swept(struct core *core, const struct store_op *op)
{
    for (size_t i = 0; i < op->n_expired; i++) {
        struct syncshell *s = syncshell_find(core, &op->expired_syncshells[i]);
        /* Somebody may have begun to join it before the store came to the sweep. */
        if (s && s->state == SYNCSHELL_LOADED)
            syncshell_gone(s, WIRE_CODE_SYNCSHELL_EXPIRED, NULL);
        core_emit(core, &(struct core_event){.kind = CORE_EVENT_SYNCSHELL_EXPIRED,
                                             .syncshell_id = op->expired_syncshells[i]});
    }
}
