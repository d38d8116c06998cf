#define _DEFAULT_SOURCE /* explicit_bzero */

#include "cli/membership.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cli/client.h"
#include "cli/failure.h"
#include "cli/known.h"
#include "cli/wait.h"

int membership_print_result(const struct options *options, const char *text, json_t *takes_object)
{
    int r = 0;

    if (!takes_object) {
        failure_print_error(SYNCSHELL_E_NO_MEMORY);
        return 1;
    }
    if (options->json)
        r = json_dumpf(takes_object, stdout, JSON_COMPACT);
    else
        fputs(text, stdout);
    json_decref(takes_object);
    putchar('\n');
    return r ? 1 : 0;
}

static const char *text_of(const syncshell_event *event, int32_t field)
{
    const char *text = syncshell_event_text(event, field, NULL);

    return text ? text : "";
}

int membership_id(const struct options *options)
{
    struct visit visit;
    char id[SYNCSHELL_PEER_ID_SIZE];
    int32_t error;

    if (visit_begin(&visit, options))
        return 1;
    error = syncshell_client_peer_id(visit.client, id, sizeof(id));
    visit_end(&visit);
    if (error) {
        failure_print_error(error);
        return 1;
    }
    return membership_print_result(options, id, json_pack("{s:s}", "peerId", id));
}

static void forget(char secret[static CLIENT_SECRET_SIZE])
{
    explicit_bzero(secret, CLIENT_SECRET_SIZE);
}

/* Asks the library for the new syncshell, with the passphrase if one is given. 0, or -1 after a sentence. */
static int ask_to_create(const struct options *options, syncshell_client *client,
                         uint64_t *ret_ticket)
{
    char passphrase[CLIENT_SECRET_SIZE];
    int32_t error;

    if (options->passphrase_file) {
        if (client_read_passphrase(options, passphrase))
            return -1;
        fputs(
            "syncshell: Warning: a syncshell is as safe as its passphrase. The relay's operator, or who steals its "
            "database, can test guesses; a phrase that a person thought of is likely to fall. Without "
            "--passphrase-file the secret is random.\n",
            stderr);
        error = syncshell_client_create_with_passphrase(client, passphrase,
                                                        SYNCSHELL_ZERO_TERMINATED, ret_ticket);
        forget(passphrase);
    } else {
        error = syncshell_client_create_syncshell(client, ret_ticket);
    }
    if (error == SYNCSHELL_E_ARGUMENT)
        failure_print("No relay is known: name it with --relay wss://HOST:PORT.");
    else if (error)
        failure_print_error(error);
    return error ? -1 : 0;
}

static int create_with(const struct options *options, struct visit *visit)
{
    syncshell_event *event = NULL;
    struct wait wait;
    uint64_t ticket;
    const char *invite, *id;
    int status;

    if (ask_to_create(options, visit->client, &ticket))
        return 1;
    wait_init(&wait, visit,
              options); /* now: the time is the relay's, and no passphrase takes of it */
    if (wait_for_ticket(&wait, ticket, SYNCSHELL_EVENT_SYNCSHELL_CREATED, &event))
        return 1;
    invite = text_of(event, SYNCSHELL_FIELD_INVITE);
    id = text_of(event, SYNCSHELL_FIELD_SYNCSHELL_ID);
    status = membership_print_result(options, invite,
                                     json_pack("{s:s, s:s}", "syncshellId", id, "invite", invite));
    fprintf(
        stderr,
        "Created the syncshell %s. The line above is its invite: give it to each member over a channel that you trust, "
        "for whoever has it can join. They run: syncshell join INVITE\n",
        id);
    visit_drop(visit, event);
    return status;
}

int membership_create(const struct options *options)
{
    struct visit visit;
    int status;

    if (visit_begin(&visit, options))
        return 1;
    status = create_with(options, &visit);
    visit_end(&visit);
    return status;
}

/* By the invite or the passphrase. 0, or -1 after a sentence. */
static int ask_to_join(const struct options *options, syncshell_client *client,
                       uint64_t *ret_ticket)
{
    char passphrase[CLIENT_SECRET_SIZE];
    int32_t error;

    if (options->passphrase_file) {
        if (client_read_passphrase(options, passphrase))
            return -1;
        error = syncshell_client_join_with_passphrase(client, options->syncshell_id, passphrase,
                                                      SYNCSHELL_ZERO_TERMINATED, ret_ticket);
        forget(passphrase);
        if (error == SYNCSHELL_E_ARGUMENT)
            failure_print(
                "No relay is known, or the id is not one: join with a passphrase takes --relay "
                "wss://HOST:PORT and --syncshell ID.");
    } else {
        error =
            syncshell_client_join(client, options->argument, SYNCSHELL_ZERO_TERMINATED, ret_ticket);
        if (error == SYNCSHELL_E_ARGUMENT)
            error = SYNCSHELL_E_INVITE;
    }
    if (error && error != SYNCSHELL_E_ARGUMENT)
        failure_print_error(error);
    return error ? -1 : 0;
}

static int join_with(const struct options *options, struct visit *visit)
{
    syncshell_event *event = NULL;
    struct wait wait;
    uint64_t ticket;
    const char *id, *owner;
    int status;

    if (ask_to_join(options, visit->client, &ticket))
        return 1;
    wait_init(&wait, visit, options);
    if (wait_for_ticket(&wait, ticket, SYNCSHELL_EVENT_SYNCSHELL_JOINED, &event))
        return 1;
    id = text_of(event, SYNCSHELL_FIELD_SYNCSHELL_ID);
    owner = text_of(event, SYNCSHELL_FIELD_OWNER_PEER_ID);
    status = membership_print_result(
        options, id, json_pack("{s:s, s:s}", "syncshellId", id, "ownerPeerId", owner));
    fprintf(stderr, "Joined the syncshell %s. Its members: syncshell members\n", id);
    visit_drop(visit, event);
    return status;
}

int membership_join(const struct options *options)
{
    struct visit visit;
    int status;

    if (visit_begin(&visit, options))
        return 1;
    status = join_with(options, &visit);
    visit_end(&visit);
    return status;
}

int membership_find_syncshell(const struct options *options, struct visit *visit,
                              char ret_id[SYNCSHELL_ID_SIZE])
{
    struct known known;
    int r;

    if (options->syncshell_id) {
        if (snprintf(ret_id, SYNCSHELL_ID_SIZE, "%s", options->syncshell_id) < SYNCSHELL_ID_SIZE)
            return 0;
        failure_print("The id given with --syncshell is too long.");
        return -1;
    }
    if (known_init(&known, options, visit))
        return -1;
    r = known.n_syncshells == 1 ? 0 : -1;
    if (r)
        failure_print(
            "This state directory knows %zu syncshells: name one with --syncshell (\"syncshell members\" lists "
            "them).",
            known.n_syncshells);
    else
        snprintf(ret_id, SYNCSHELL_ID_SIZE, "%s", known.syncshells[0].id);
    known_deinit(&known);
    return r;
}

static int invite_with(const struct options *options, struct visit *visit)
{
    char id[SYNCSHELL_ID_SIZE], invite[SYNCSHELL_INVITE_SIZE];
    int32_t error;

    if (membership_find_syncshell(options, visit, id))
        return 1;
    error = syncshell_client_invite(visit->client, id, invite, sizeof(invite), NULL);
    if (error) {
        failure_print_error(error);
        return 1;
    }
    return membership_print_result(options, invite,
                                   json_pack("{s:s, s:s}", "syncshellId", id, "invite", invite));
}

int membership_invite(const struct options *options)
{
    struct visit visit;
    int status;

    if (visit_begin(&visit, options))
        return 1;
    status = invite_with(options, &visit);
    visit_end(&visit);
    return status;
}
