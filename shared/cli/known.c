#include "cli/known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/wait.h"

enum { QUIET_MS = 1000 };

/* Copies the field's text, cut to the size; "" when there is none. */
static void copy_text(char *ret_text, size_t size, const syncshell_event *event, int32_t field)
{
    const char *text = syncshell_event_text(event, field, NULL);

    snprintf(ret_text, size, "%s", text ? text : "");
}

/* One more element at the end of `*elements`, zeroed; NULL: out of memory. */
static void *append(void *elements_pointer, size_t *n_elements, size_t element_size)
{
    void *elements, *element;

    memcpy(&elements, elements_pointer, sizeof(elements));
    elements = reallocarray(elements, *n_elements + 1, element_size);
    if (!elements)
        return NULL;
    memcpy(elements_pointer, &elements, sizeof(elements));
    element = (char *)elements + *n_elements * element_size;
    memset(element, 0, element_size);
    (*n_elements)++;
    return element;
}

static struct known_syncshell *find_syncshell(const struct known *known, const char *id)
{
    for (size_t i = 0; i < known->n_syncshells; i++)
        if (strcmp(known->syncshells[i].id, id) == 0)
            return &known->syncshells[i];
    return NULL;
}

static int note_member(struct known_syncshell *syncshell, const syncshell_event *event)
{
    const char *id = syncshell_event_text(event, SYNCSHELL_FIELD_PEER_ID, NULL);
    const char *presence = syncshell_event_text(event, SYNCSHELL_FIELD_PRESENCE, NULL);
    struct known_member *member = NULL;
    size_t i = 0;

    if (!id || !presence)
        return 0;
    while (i < syncshell->n_members && strcmp(syncshell->members[i].peer_id, id) != 0)
        i++;
    if (strcmp(presence, "left") == 0) {
        if (i < syncshell->n_members)
            syncshell->members[i] = syncshell->members[--syncshell->n_members];
        return 0;
    }
    member = i < syncshell->n_members
                 ? &syncshell->members[i]
                 : append(&syncshell->members, &syncshell->n_members, sizeof(*member));
    if (!member)
        return -ENOMEM;
    copy_text(member->peer_id, sizeof(member->peer_id), event, SYNCSHELL_FIELD_PEER_ID);
    copy_text(member->presence, sizeof(member->presence), event, SYNCSHELL_FIELD_PRESENCE);
    return 0;
}

static int note_session(struct known_syncshell *syncshell, const syncshell_event *event)
{
    const char *id = syncshell_event_text(event, SYNCSHELL_FIELD_SESSION_ID, NULL);
    struct known_session *session;
    uint64_t generation = 0;
    size_t i = 0;

    if (!id)
        return 0;
    while (i < syncshell->n_sessions && strcmp(syncshell->sessions[i].id, id) != 0)
        i++;
    if (syncshell_event_get_type(event) == SYNCSHELL_EVENT_SESSION_CLOSED) {
        if (i < syncshell->n_sessions)
            syncshell->sessions[i] = syncshell->sessions[--syncshell->n_sessions];
        return 0;
    }
    session = i < syncshell->n_sessions
                  ? &syncshell->sessions[i]
                  : append(&syncshell->sessions, &syncshell->n_sessions, sizeof(*session));
    if (!session)
        return -ENOMEM;
    copy_text(session->id, sizeof(session->id), event, SYNCSHELL_FIELD_SESSION_ID);
    copy_text(session->role, sizeof(session->role), event, SYNCSHELL_FIELD_ROLE);
    copy_text(session->peer_id, sizeof(session->peer_id), event, SYNCSHELL_FIELD_PEER_ID);
    copy_text(session->label, sizeof(session->label), event, SYNCSHELL_FIELD_LABEL);
    if (syncshell_event_integer(event, SYNCSHELL_FIELD_GENERATION, &generation) == SYNCSHELL_OK)
        session->generation = generation;
    return 0;
}

/* Takes in one event. 0 or -ENOMEM. */
static int known_note(struct known *known, const syncshell_event *event)
{
    const char *id = syncshell_event_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, NULL);
    struct known_syncshell *syncshell;

    if (!id)
        return 0;
    syncshell = find_syncshell(known, id);
    if (!syncshell) {
        syncshell = append(&known->syncshells, &known->n_syncshells, sizeof(*syncshell));
        if (!syncshell)
            return -ENOMEM;
        copy_text(syncshell->id, sizeof(syncshell->id), event, SYNCSHELL_FIELD_SYNCSHELL_ID);
    }
    switch (syncshell_event_get_type(event)) {
    case SYNCSHELL_EVENT_SYNCSHELL_JOINED:
        copy_text(syncshell->owner_peer_id, sizeof(syncshell->owner_peer_id), event,
                  SYNCSHELL_FIELD_OWNER_PEER_ID);
        return 0;
    case SYNCSHELL_EVENT_SYNCSHELL_READY:
        syncshell->ready = true;
        return 0;
    case SYNCSHELL_EVENT_PEER_PRESENCE:
        return note_member(syncshell, event);
    case SYNCSHELL_EVENT_SESSION_OPENED:
    case SYNCSHELL_EVENT_SESSION_RESUMED:
    case SYNCSHELL_EVENT_SESSION_CLOSED:
        return note_session(syncshell, event);
    default:
        return 0;
    }
}

static bool all_ready(const struct known *known)
{
    for (size_t i = 0; i < known->n_syncshells; i++)
        if (!known->syncshells[i].ready)
            return false;
    return known->n_syncshells > 0;
}

static bool is_ready(const struct known *known, const char *id)
{
    const struct known_syncshell *syncshell = find_syncshell(known, id);

    return syncshell && syncshell->ready;
}

/* Drops those that did not get ready in time, and says so. */
static void drop_unready(struct known *known, const struct wait *wait)
{
    size_t kept = 0;

    for (size_t i = 0; i < known->n_syncshells; i++) {
        struct known_syncshell *syncshell = &known->syncshells[i];

        if (syncshell->ready) {
            known->syncshells[kept++] = *syncshell;
            continue;
        }
        failure_print(
            "The syncshell %s did not get ready within %u s and is left out: allow more with --timeout.",
            syncshell->id, wait->timeout_ms / 1000);
        free(syncshell->members);
        free(syncshell->sessions);
    }
    known->n_syncshells = kept;
}

static void print_none(const struct wait *wait)
{
    if (wait->connected || wait->disconnected)
        wait_print_timeout(wait, "No syncshell got ready");
    else
        failure_print(
            "No syncshell got ready within %u s: this state directory knows none, or its relay does not answer. "
            "Create one with \"syncshell create\", or join one with \"syncshell join INVITE\".",
            wait->timeout_ms / 1000);
}

static int collect(struct known *known, struct wait *wait, const char *only)
{
    for (;;) {
        bool settled = all_ready(known);
        syncshell_event *event = NULL;
        int32_t error;
        int r;

        if (only && is_ready(known, only))
            return 0;
        error = wait_next(wait, !only && settled ? QUIET_MS : -1, &event);
        if (error == SYNCSHELL_E_TIMEOUT)
            return 0;
        if (error)
            return -1;
        r = known_note(known, event);
        visit_drop(wait->visit, event);
        if (r) {
            failure_print_error(SYNCSHELL_E_NO_MEMORY);
            return -1;
        }
    }
}

/* Leaves only the syncshell `only`. */
static int keep_one(struct known *known, const char *only)
{
    struct known_syncshell *wanted = find_syncshell(known, only), swapped;

    if (!wanted) {
        failure_print(
            "The syncshell %s did not get ready: compare the id with what \"syncshell members\" shows without "
            "--syncshell.",
            only);
        return -1;
    }
    swapped = *wanted;
    *wanted = known->syncshells[0];
    known->syncshells[0] = swapped;
    while (known->n_syncshells > 1) {
        struct known_syncshell *dropped = &known->syncshells[--known->n_syncshells];

        free(dropped->members);
        free(dropped->sessions);
    }
    return 0;
}

int known_init(struct known *ret_known, const struct options *options, struct visit *visit)
{
    struct known known = {0};
    struct wait wait;
    int r;

    wait_init(&wait, visit, options);
    r = collect(&known, &wait, options->syncshell_id);
    if (!r && options->syncshell_id && known.n_syncshells > 0)
        r = keep_one(&known, options->syncshell_id);
    if (!r)
        drop_unready(&known, &wait);
    if (!r && known.n_syncshells == 0) {
        print_none(&wait);
        r = -1;
    }
    if (r) {
        known_deinit(&known);
        return -1;
    }
    *ret_known = known;
    return 0;
}

void known_deinit(struct known *known)
{
    for (size_t i = 0; i < known->n_syncshells; i++) {
        free(known->syncshells[i].members);
        free(known->syncshells[i].sessions);
    }
    free(known->syncshells);
    *known = (struct known){0};
}
