#include <string.h>

#include "sim.h"

/* What each connection was told of the others in its syncshells: who is there, and who is away. In the end it is true. */

static void note(const struct ledger *l, struct ledger_joined *j, const char *peer, bool online)
{
    const struct sim *s = l->sim;
    for (unsigned i = 0; i <= s->n_peers; i++) { /* the last is the rogue */
        if (strcmp(s->peers[i].station.config.peer_id.text, peer) != 0)
            continue;
        j->online &= ~(UINT32_C(1) << i);
        j->online |= (uint32_t)online << i;
    }
}

void ledger_meets(const struct ledger *l, struct ledger_joined *j,
                  const struct message_syncshell_joined *m)
{
    j->online = 0;
    for (size_t i = 0; i < m->n_members; i++)
        note(l, j, m->members[i].peer_id.text, m->members[i].presence == PRESENCE_ONLINE);
}

void ledger_hears_presence(const struct ledger *l, struct ledger_wire *lw,
                           const struct message_peer_presence *m)
{
    struct ledger_joined *j = ledger_joined(lw, m->syncshell_id.text);
    note(l, j, m->peer_id.text, m->presence == PRESENCE_ONLINE);
    if (m->presence == PRESENCE_LEFT && strcmp(m->peer_id.text, lw->peer.text) == 0)
        j->in = false;
}

const char *ledger_presence_fault(const struct ledger *l, const struct wire *w)
{
    const struct sim *s = l->sim;
    const struct ledger_wire *lw = w->ledger;
    for (size_t k = 0; k < lw->n_joined; k++) {
        const struct ledger_joined *j = &lw->joined[k];
        for (unsigned i = 0; j->in && i <= s->n_peers; i++) {
            const struct peer *other = &s->peers[i];
            bool there = other->wire && ledger_has_joined(other->wire, j->shell.text);
            if (other == w->peer || there == (j->online >> i & 1))
                continue;
            return there ? "it takes one for away that has joined"
                         : "it takes one for online that has not joined";
        }
    }
    return NULL;
}
