#include "cli/owner.h"

#include <stdio.h>

#include <jansson.h>

#include "cli/failure.h"
#include "cli/membership.h"
#include "cli/wait.h"

/* One of the four. */
struct deed {
    int32_t (*ask)(syncshell_client *client, const char *id, const char *peer_id,
                   uint64_t *ret_ticket);
    int32_t answer;     /* the event that says that it is done */
    const char *advice; /* what was done, and what to do now */
};

static int print_answer(const struct options *options, const struct deed *deed,
                        const syncshell_event *event, const char *id)
{
    const char *invite = syncshell_event_text(event, SYNCSHELL_FIELD_INVITE, NULL);
    int status = 0;

    if (options->json)
        status = membership_print_result(
            options, NULL, json_pack("{s:s, s:s*}", "syncshellId", id, "invite", invite));
    else if (invite)
        puts(invite);
    fprintf(stderr, "Syncshell %s: %s\n", id, deed->advice);
    return status;
}

static int run_with(const struct options *options, const struct deed *deed, struct visit *visit)
{
    char id[SYNCSHELL_ID_SIZE];
    syncshell_event *event = NULL;
    struct wait wait;
    uint64_t ticket;
    int32_t error;
    int status;

    if (membership_find_syncshell(options, visit, id))
        return 1;
    wait_init(&wait, visit, options);
    error = deed->ask(visit->client, id, options->argument, &ticket);
    if (error == SYNCSHELL_E_ARGUMENT)
        failure_print(
            "An id is not allowed: name another member as ed25519:..., \"syncshell members\" lists them.");
    else if (error)
        failure_print_error(error);
    if (error || wait_for_ticket(&wait, ticket, deed->answer, &event))
        return 1;
    status = print_answer(options, deed, event, id);
    visit_drop(visit, event);
    return status;
}

static int run(const struct options *options, const struct deed *deed)
{
    struct visit visit;
    int status;

    if (visit_begin(&visit, options))
        return 1;
    status = run_with(options, deed, &visit);
    visit_end(&visit);
    return status;
}

int owner_remove_member(const struct options *options)
{
    static const struct deed deed = {
        syncshell_client_remove_member,
        SYNCSHELL_EVENT_MEMBER_REMOVED,
        "the member is removed. It still knows the secret, with which anybody can join: run \"syncshell rotate-key\" and "
        "give the others the new invite.",
    };

    return run(options, &deed);
}

static int32_t ask_rotate(syncshell_client *client, const char *id, const char *peer_id,
                          uint64_t *ret_ticket)
{
    (void)peer_id;
    return syncshell_client_rotate_group_key(client, id, ret_ticket);
}

int owner_rotate_key(const struct options *options)
{
    static const struct deed deed = {
        ask_rotate,
        SYNCSHELL_EVENT_KEY_ROTATED,
        "it has a new key. The line above is its new invite: give it to each member that is to stay, over a channel that "
        "you trust. They run: syncshell join INVITE",
    };

    return run(options, &deed);
}

int owner_hand_over(const struct options *options)
{
    static const struct deed deed = {syncshell_client_hand_over, SYNCSHELL_EVENT_OWNER_CHANGED,
                                     "it is handed over."};

    return run(options, &deed);
}

static int32_t ask_delete(syncshell_client *client, const char *id, const char *peer_id,
                          uint64_t *ret_ticket)
{
    (void)peer_id;
    return syncshell_client_delete_syncshell(client, id, ret_ticket);
}

int owner_delete(const struct options *options)
{
    static const struct deed deed = {ask_delete, SYNCSHELL_EVENT_SYNCSHELL_DELETED,
                                     "it is deleted."};

    return run(options, &deed);
}
