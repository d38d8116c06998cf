#include "cli/visit.h"

#include <stdlib.h>

#include "cli/client.h"

int visit_begin(struct visit *ret_visit, const struct options *options)
{
    *ret_visit = (struct visit){0};
    return client_open(options, &ret_visit->client);
}

void visit_end(struct visit *visit)
{
    syncshell_client_free(visit->client);
    for (size_t i = 0; i < visit->n_kept; i++)
        syncshell_event_free(visit->kept[i]);
    free((void *)visit->kept);
    *visit = (struct visit){0};
}

void visit_drop(struct visit *visit, syncshell_event *event)
{
    int32_t type = syncshell_event_get_type(event);
    syncshell_event **more;

    if (type != SYNCSHELL_EVENT_SESSION_CLOSED && type != SYNCSHELL_EVENT_RECOVERY_REQUEST &&
        type != SYNCSHELL_EVENT_MEMBERSHIP_ENDED) {
        syncshell_event_free(event);
        return;
    }
    more = (syncshell_event **)realloc((void *)visit->kept, (visit->n_kept + 1) * sizeof(*more));
    if (!more)
        return; /* rather never freed than taken: this process ends soon */
    visit->kept = more;
    visit->kept[visit->n_kept++] = event;
}
