/* Looking at the core's state, for the operator's view. Changes nothing; what it shows is borrowed for the call. */
#ifndef RELAY_CORE_INSPECT_H
#define RELAY_CORE_INSPECT_H

#include "core/core.h"

struct core_syncshell_view {
    const struct wire_id *id;
    size_t n_members;
    size_t n_online;
    size_t n_open_sessions;
};

/* A session that lost its link, or never had one, and for which something was offered since. */
struct core_recovery_view {
    const struct wire_id *syncshell_id;
    const struct message_session_summary *session;
    bool joiner_online;
    bool provider_online;
    const char *step;  /* "offered", "answered", or "waiting" when no attempt is live */
    uint64_t since_us; /* how long ago the first attempt was offered */
};

struct core_inspector {
    void *userdata;
    void (*syncshell)(void *userdata, const struct core_syncshell_view *syncshell);
    void (*member)(void *userdata, const struct wire_peer_id *peer_id,
                   bool online); /* of that syncshell */
    void (*recovery)(void *userdata, const struct core_recovery_view *recovery); /* likewise */
};

/* Shows the syncshells that are in memory, in no order, `syncshells_max` at most. */
void core_inspect(const struct core *core, uint64_t now_us, size_t syncshells_max,
                  const struct core_inspector *inspector);

#endif
