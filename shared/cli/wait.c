#include "cli/wait.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/failure.h"

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *text_or(const syncshell_event *event, int32_t field, const char *otherwise)
{
    const char *text = syncshell_event_text(event, field, NULL);

    return text && *text ? text : otherwise;
}

void wait_init(struct wait *wait, struct visit *visit, const struct options *options)
{
    *wait = (struct wait){
        .visit = visit,
        .timeout_ms = options->timeout_ms,
        .deadline_ms = now_ms() + options->timeout_ms,
    };
}

/* Milliseconds that remain, 0 when the time is over. */
static int32_t wait_remaining_ms(const struct wait *wait)
{
    int64_t remaining = wait->deadline_ms - now_ms();

    return remaining > 0 ? (int32_t)remaining : 0;
}

/* What waiting does not mend; NULL for anything else. */
static const char *certificate_fault(const char *code)
{
    if (strcmp(code, "wrong_certificate_pin") == 0)
        return "The relay shows another key than the one that is pinned: somebody may stand in between. If its operator "
               "says that the key was changed, ask for a new invite, or name the new key with --pin.";
    if (strcmp(code, "certificate_refused") == 0)
        return "No authority that is trusted vouches for the relay's certificate and name: check --relay, and --ca if "
               "the relay has its own authority.";
    return NULL;
}

static void keep_reason(struct wait *wait, const syncshell_event *event)
{
    const char *message = syncshell_event_text(event, SYNCSHELL_FIELD_MESSAGE, NULL);

    snprintf(wait->reason, sizeof(wait->reason), "%s%s%s",
             text_or(event, SYNCSHELL_FIELD_CODE, "no reason given"), message ? ": " : "",
             message ? message : "");
}

/* Follows the connection. E_STOPPED, with a sentence printed, when nothing more will come. */
static int32_t follow(struct wait *wait, const syncshell_event *event)
{
    uint64_t retry_ms = 0;
    const char *fault;

    switch (syncshell_event_get_type(event)) {
    case SYNCSHELL_EVENT_RELAY_CONNECTED:
        wait->connected = true;
        return SYNCSHELL_OK;
    case SYNCSHELL_EVENT_RELAY_DISCONNECTED:
        wait->connected = false;
        wait->disconnected = true;
        keep_reason(wait, event);
        fault = certificate_fault(text_or(event, SYNCSHELL_FIELD_CODE, ""));
        if (fault) {
            failure_print("%s (%s)", fault, wait->reason);
            return SYNCSHELL_E_STOPPED;
        }
        if (syncshell_event_integer(event, SYNCSHELL_FIELD_RETRY_MS, &retry_ms) || retry_ms > 0)
            return SYNCSHELL_OK;
        failure_print("The relay ended the connection for good (%s): ask its operator.",
                      wait->reason);
        return SYNCSHELL_E_STOPPED;
    case SYNCSHELL_EVENT_STOPPED:
        failure_print("The client stopped: %s (%s)",
                      text_or(event, SYNCSHELL_FIELD_MESSAGE, "no reason given"),
                      text_or(event, SYNCSHELL_FIELD_CODE, "stopped"));
        return SYNCSHELL_E_STOPPED;
    default:
        return SYNCSHELL_OK;
    }
}

int32_t wait_next(struct wait *wait, int32_t pause_ms, syncshell_event **ret_event)
{
    int32_t remaining_ms = wait_remaining_ms(wait), error;
    syncshell_event *event = NULL;

    if (pause_ms < 0 || pause_ms > remaining_ms)
        pause_ms = remaining_ms;
    error = syncshell_client_wait_event(wait->visit->client, pause_ms, &event);
    if (error == SYNCSHELL_E_TIMEOUT)
        return error;
    if (error) {
        failure_print_error(error);
        return error;
    }
    error = follow(wait, event);
    if (error) {
        visit_drop(wait->visit, event);
        return error;
    }
    *ret_event = event;
    return SYNCSHELL_OK;
}

static const char *advice(const char *code, bool retryable)
{
    if (retryable)
        return "Try again in a moment.";
    if (strcmp(code, "wrong_certificate_pin") == 0)
        return "Join it with another directory, named with --state, if you trust who made it.";
    if (strcmp(code, "wrong_key_epoch") == 0)
        return "Ask the owner for a new invite.";
    if (strcmp(code, "wrong_recovery_code") == 0 || strcmp(code, "recovery_code_expired") == 0 ||
        strcmp(code, "recovery_code_used") == 0)
        return "Make a new one at the other device: syncshell code SESSION.";
    if (strcmp(code, "wrong_role") == 0)
        return "Only the side that receives the files may.";
    if (strcmp(code, "unknown_session") == 0 || strcmp(code, "session_closed") == 0)
        return "\"syncshell sessions\" shows those that are open.";
    if (strcmp(code, "not_owner") == 0)
        return "Only the owner may: \"syncshell members\" shows who that is.";
    if (strcmp(code, "unknown_target") == 0 || strcmp(code, "unknown_syncshell") == 0)
        return "Compare the id with what \"syncshell members\" shows.";
    return "Trying again will not help; ask the relay's operator.";
}

static void print_request_failed(const syncshell_event *event)
{
    const char *code = text_or(event, SYNCSHELL_FIELD_CODE, "failed");
    uint64_t retryable = 0;

    syncshell_event_integer(event, SYNCSHELL_FIELD_RETRYABLE, &retryable);
    failure_print("The request failed: %s (%s) %s",
                  text_or(event, SYNCSHELL_FIELD_MESSAGE, "no reason given"), code,
                  advice(code, retryable != 0));
}

static const char *purpose(int32_t type)
{
    switch (type) {
    case SYNCSHELL_EVENT_SYNCSHELL_CREATED:
        return "The syncshell was not created";
    case SYNCSHELL_EVENT_MEMBER_REMOVED:
        return "The member was not removed";
    case SYNCSHELL_EVENT_KEY_ROTATED:
        return "The key was not rotated";
    case SYNCSHELL_EVENT_OWNER_CHANGED:
        return "The syncshell was not handed over";
    case SYNCSHELL_EVENT_RECOVERY_CODE:
        return "No recovery code was made";
    case SYNCSHELL_EVENT_CODE_REDEEMED:
        return "The recovery code was not redeemed";
    case SYNCSHELL_EVENT_SYNCSHELL_DELETED:
        return "The syncshell was not deleted";
    default:
        return "The syncshell was not joined";
    }
}

int32_t wait_for_ticket(struct wait *wait, uint64_t ticket, int32_t type,
                        syncshell_event **ret_event)
{
    for (;;) {
        syncshell_event *event = NULL;
        int32_t error = wait_next(wait, -1, &event), came;

        if (error == SYNCSHELL_E_TIMEOUT)
            wait_print_timeout(wait, purpose(type));
        if (error)
            return error;
        came = syncshell_event_get_type(event);
        if (syncshell_event_ticket(event) == ticket && came == type) {
            *ret_event = event;
            return SYNCSHELL_OK;
        }
        if (syncshell_event_ticket(event) == ticket && came == SYNCSHELL_EVENT_REQUEST_FAILED) {
            print_request_failed(event);
            visit_drop(wait->visit, event);
            return SYNCSHELL_E_UNKNOWN;
        }
        visit_drop(wait->visit, event);
    }
}

void wait_print_timeout(const struct wait *wait, const char *what)
{
    unsigned int seconds = wait->timeout_ms / 1000;

    if (wait->connected)
        failure_print("%s within %u s, although the relay is connected: allow more with --timeout.",
                      what, seconds);
    else if (wait->disconnected)
        failure_print(
            "%s within %u s: the relay cannot be reached (%s). Check --relay, --ca and the network.",
            what, seconds, wait->reason);
    else
        failure_print(
            "%s within %u s: the relay did not answer. Check --relay, --ca and the network, or allow more with "
            "--timeout.",
            what, seconds);
}
