#include "core/inspect.h"

#include "core/attempt.h"
#include "core/member.h"
#include "core/session.h"
#include "core/syncshell.h"

static bool is_online(const struct syncshell *s, const struct wire_peer_id *peer_id)
{
    const struct member *m = syncshell_member(s, peer_id->text);
    return m && m->membership;
}

static const char *step_of(const struct session *session)
{
    if (!session->attempt)
        return "waiting";
    return session->attempt->answered ? "answered" : "offered";
}

static void show_recovery(const struct session *session, uint64_t now_us,
                          const struct core_inspector *i)
{
    const struct syncshell *s = session->syncshell;
    i->recovery(
        i->userdata,
        &(struct core_recovery_view){
            .syncshell_id = &s->id,
            .session = &session->summary,
            .joiner_online = is_online(s, &session->summary.joiner_peer_id),
            .provider_online = is_online(s, &session->summary.provider_peer_id),
            .step = step_of(session),
            .since_us = now_us > session->recovering_us ? now_us - session->recovering_us : 0,
        });
}

static void show_syncshell(const struct syncshell *s, uint64_t now_us,
                           const struct core_inspector *i)
{
    struct core_syncshell_view view = {.id = &s->id};
    for (struct list_node *n = s->member_list.head.next; n != &s->member_list.head; n = n->next) {
        view.n_members++;
        view.n_online += container_of(n, struct member, list_node)->membership != NULL;
    }
    for (struct list_node *n = s->open_sessions.head.next; n != &s->open_sessions.head; n = n->next)
        view.n_open_sessions++;
    i->syncshell(i->userdata, &view);
    for (struct list_node *n = s->member_list.head.next; n != &s->member_list.head; n = n->next) {
        const struct member *m = container_of(n, struct member, list_node);
        i->member(i->userdata, &m->peer_id, m->membership != NULL);
    }
    for (struct list_node *n = s->open_sessions.head.next; n != &s->open_sessions.head;
         n = n->next) {
        const struct session *session = container_of(n, struct session, list_node);
        if (session->recovering_us != 0)
            show_recovery(session, now_us, i);
    }
}

void core_inspect(const struct core *core, uint64_t now_us, size_t syncshells_max,
                  const struct core_inspector *inspector)
{
    for (struct map_node *n = map_next(&core->syncshells, NULL); n && syncshells_max > 0;
         n = map_next(&core->syncshells, n)) {
        const struct syncshell *s = container_of(n, struct syncshell, node);
        if (s->state != SYNCSHELL_LOADED)
            continue;
        show_syncshell(s, now_us, inspector);
        syncshells_max--;
    }
}
