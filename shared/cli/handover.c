#include "cli/handover.h"

#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "cli/failure.h"
#include "cli/membership.h"
#include "cli/wait.h"

static const char *text_of(const syncshell_event *event, int32_t field)
{
    const char *text = syncshell_event_text(event, field, NULL);

    return text ? text : "";
}

/* The event that answers a command which was taken with `error`. 0, or the exit status after a sentence on stderr. */
static int answer(const struct options *options, struct visit *visit, int32_t error,
                  uint64_t ticket, int32_t type, syncshell_event **ret_event)
{
    struct wait wait;

    wait_init(&wait, visit, options);
    if (error)
        failure_print_error(error);
    return error || wait_for_ticket(&wait, ticket, type, ret_event) ? 1 : 0;
}

static int code_with(const struct options *options, struct visit *visit)
{
    syncshell_event *event = NULL;
    uint64_t ticket = 0, valid_ms = 0;
    int32_t error = syncshell_session_issue_code(visit->client, options->argument, &ticket);
    const char *code;
    int status;

    if (answer(options, visit, error, ticket, SYNCSHELL_EVENT_RECOVERY_CODE, &event))
        return 1;
    code = text_of(event, SYNCSHELL_FIELD_RECOVERY_CODE);
    syncshell_event_integer(event, SYNCSHELL_FIELD_VALID_MS, &valid_ms);
    status = membership_print_result(
        options, code,
        json_pack("{s:s, s:I}", "recoveryCode", code, "validMs", (json_int_t)valid_ms));
    fprintf(stderr,
            "Type it at the other device within %" PRIu64
            " s, to go on there: syncshell redeem CODE. Then it is over here.\n",
            valid_ms / 1000);
    visit_drop(visit, event);
    return status;
}

static int redeem_with(const struct options *options, struct visit *visit)
{
    syncshell_event *event = NULL;
    char id[SYNCSHELL_ID_SIZE];
    uint64_t ticket = 0;
    const char *session;
    int32_t error;
    int status;

    if (membership_find_syncshell(options, visit, id))
        return 1;
    error = syncshell_client_redeem_code(visit->client, id, options->argument,
                                         SYNCSHELL_ZERO_TERMINATED, &ticket);
    if (answer(options, visit, error, ticket, SYNCSHELL_EVENT_CODE_REDEEMED, &event))
        return 1;
    session = text_of(event, SYNCSHELL_FIELD_SESSION_ID);
    status = membership_print_result(
        options, session, json_pack("{s:s, s:s}", "syncshellId", id, "sessionId", session));
    fprintf(stderr, "The session %s goes on here.\n", session);
    visit_drop(visit, event);
    return status;
}

static int run(const struct options *options,
               int (*with)(const struct options *options, struct visit *visit))
{
    struct visit visit;
    int status;

    if (visit_begin(&visit, options))
        return 1;
    status = with(options, &visit);
    visit_end(&visit);
    return status;
}

int handover_code(const struct options *options)
{
    return run(options, code_with);
}

int handover_redeem(const struct options *options)
{
    return run(options, redeem_with);
}
