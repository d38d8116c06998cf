#include "cli/list.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cli/failure.h"
#include "cli/known.h"

static json_t *members_of(const struct known_syncshell *syncshell, const char *own_id)
{
    json_t *members = json_array();

    for (size_t i = 0; members && i < syncshell->n_members; i++) {
        const struct known_member *member = &syncshell->members[i];
        json_t *object = json_pack("{s:s, s:s, s:b, s:b}", "peerId", member->peer_id, "presence",
                                   member->presence, "owner",
                                   strcmp(member->peer_id, syncshell->owner_peer_id) == 0, "you",
                                   strcmp(member->peer_id, own_id) == 0);

        if (json_array_append_new(members, object)) {
            json_decref(members);
            return NULL;
        }
    }
    return members;
}

/* New references, or NULL: out of memory. `own_id` is this client's peer id. */
static json_t *list_members_to_json(const struct known *known, const char *own_id)
{
    json_t *syncshells = json_array();

    for (size_t i = 0; syncshells && i < known->n_syncshells; i++) {
        const struct known_syncshell *syncshell = &known->syncshells[i];
        json_t *object =
            json_pack("{s:s, s:s, s:o}", "syncshellId", syncshell->id, "ownerPeerId",
                      syncshell->owner_peer_id, "members", members_of(syncshell, own_id));

        if (json_array_append_new(syncshells, object)) {
            json_decref(syncshells);
            return NULL;
        }
    }
    return json_pack("{s:o}", "syncshells", syncshells);
}

static int append_sessions(json_t *sessions, const struct known_syncshell *syncshell)
{
    for (size_t i = 0; i < syncshell->n_sessions; i++) {
        const struct known_session *session = &syncshell->sessions[i];
        json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:I}", "syncshellId", syncshell->id,
                                   "sessionId", session->id, "role", session->role, "peerId",
                                   session->peer_id, "generation", (json_int_t)session->generation);

        if (object && *session->label &&
            json_object_set_new(object, "label", json_string(session->label))) {
            json_decref(object);
            return -1;
        }
        if (json_array_append_new(sessions, object))
            return -1;
    }
    return 0;
}

static json_t *list_sessions_to_json(const struct known *known)
{
    json_t *sessions = json_array();

    for (size_t i = 0; sessions && i < known->n_syncshells; i++) {
        if (append_sessions(sessions, &known->syncshells[i])) {
            json_decref(sessions);
            return NULL;
        }
    }
    return json_pack("{s:o}", "sessions", sessions);
}

static const char *marks(const struct known_syncshell *syncshell, const char *peer_id,
                         const char *own_id)
{
    bool owner = strcmp(peer_id, syncshell->owner_peer_id) == 0, own = strcmp(peer_id, own_id) == 0;

    if (owner)
        return own ? "owner, you" : "owner";
    return own ? "you" : "";
}

static void print_members(const struct known *known, const char *own_id)
{
    for (size_t i = 0; i < known->n_syncshells; i++) {
        const struct known_syncshell *syncshell = &known->syncshells[i];

        printf("%ssyncshell %s\n", i ? "\n" : "", syncshell->id);
        printf("%-51s  %-8s  %s\n", "peer", "presence", "");
        for (size_t j = 0; j < syncshell->n_members; j++)
            printf("%-51s  %-8s  %s\n", syncshell->members[j].peer_id,
                   syncshell->members[j].presence,
                   marks(syncshell, syncshell->members[j].peer_id, own_id));
    }
}

static void print_sessions(const struct known *known)
{
    for (size_t i = 0; i < known->n_syncshells; i++) {
        const struct known_syncshell *syncshell = &known->syncshells[i];

        printf("%ssyncshell %s\n", i ? "\n" : "", syncshell->id);
        if (syncshell->n_sessions == 0) {
            printf("no open sessions\n");
            continue;
        }
        printf("%-24s  %-8s  %-51s  %s\n", "session", "role", "other side", "generation");
        for (size_t j = 0; j < syncshell->n_sessions; j++)
            printf("%-24s  %-8s  %-51s  %" PRIu64 "\n", syncshell->sessions[j].id,
                   syncshell->sessions[j].role, syncshell->sessions[j].peer_id,
                   syncshell->sessions[j].generation);
    }
}

/* Prints the object, which it takes; NULL is out of memory. */
static int print_json(json_t *object)
{
    int r = object ? json_dumpf(object, stdout, JSON_COMPACT) : -1;

    json_decref(object);
    if (r) {
        failure_print_error(SYNCSHELL_E_NO_MEMORY);
        return 1;
    }
    putchar('\n');
    return 0;
}

static int list(const struct options *options, bool members)
{
    char own_id[SYNCSHELL_PEER_ID_SIZE] = "";
    struct visit visit;
    struct known known;
    int32_t error;
    int status = 0;

    if (visit_begin(&visit, options))
        return 1;
    error = syncshell_client_peer_id(visit.client, own_id, sizeof(own_id));
    if (error)
        failure_print_error(error);
    if (error || known_init(&known, options, &visit)) {
        visit_end(&visit);
        return 1;
    }
    visit_end(&visit);
    if (options->json)
        status = print_json(members ? list_members_to_json(&known, own_id)
                                    : list_sessions_to_json(&known));
    else if (members)
        print_members(&known, own_id);
    else
        print_sessions(&known);
    known_deinit(&known);
    return status;
}

int list_members(const struct options *options)
{
    return list(options, true);
}

int list_sessions(const struct options *options)
{
    return list(options, false);
}
