#include "app/doctor/member.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/doctor/interruption.h"

enum { MS_PER_S = 1000, NS_PER_MS = 1000000, SLICE_MS = 100 };

int64_t member_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

int32_t member_start(struct member *m, const struct member_options *options)
{
    syncshell_options o;
    syncshell_options_init(&o, sizeof o);
    o.state_dir = m->state_dir;
    o.relay_url = options->url;
    o.ca_file = options->ca_file;
    o.access_key = options->access_key;
    return syncshell_client_new(&o, &m->client);
}

void member_stop(struct member *m)
{
    syncshell_client_free(m->client);
    m->client = NULL;
    for (size_t i = 0; i < m->n_kept; i++)
        syncshell_event_free(m->kept[i]);
    m->n_kept = 0;
}

static void take_reason(struct member *m, const syncshell_event *event)
{
    const char *code = syncshell_event_text(event, SYNCSHELL_FIELD_CODE, NULL);
    const char *message = syncshell_event_text(event, SYNCSHELL_FIELD_MESSAGE, NULL);
    (void)snprintf(m->code, sizeof m->code, "%s", code ? code : "");
    (void)snprintf(m->message, sizeof m->message, "%s", message ? message : "");
}

/* True when nothing more is to be waited for. */
static bool follow(struct member *m, const syncshell_event *event)
{
    switch (syncshell_event_get_type(event)) {
    case SYNCSHELL_EVENT_RELAY_CONNECTED:
        m->connected = true;
        m->code[0] = m->message[0] = '\0';
        return false;
    case SYNCSHELL_EVENT_RELAY_DISCONNECTED:
    case SYNCSHELL_EVENT_REQUEST_FAILED:
    case SYNCSHELL_EVENT_STOPPED:
        take_reason(m, event);
        return true;
    default:
        return false;
    }
}

static void keep(struct member *m, syncshell_event *event)
{
    if (m->n_kept < MEMBER_EVENTS_MAX)
        m->kept[m->n_kept++] = event;
    else
        syncshell_event_free(event); /* a script of a few steps has no use for so many */
}

static syncshell_event *take_kept(struct member *m, int32_t type)
{
    for (size_t i = 0; i < m->n_kept; i++) {
        syncshell_event *event = m->kept[i];
        if (syncshell_event_get_type(event) != type)
            continue;
        m->n_kept--;
        memmove(&m->kept[i], &m->kept[i + 1], (m->n_kept - i) * sizeof(m->kept[0]));
        return event;
    }
    return NULL;
}

/* One event of any type, or NULL; looks for interruptions meanwhile. */
static syncshell_event *next_event(const struct member *m, int64_t deadline_ms)
{
    syncshell_event *event = NULL;
    int32_t r = SYNCSHELL_E_TIMEOUT;
    while (r == SYNCSHELL_E_TIMEOUT) {
        int64_t left_ms = deadline_ms - member_now_ms();
        if (left_ms <= 0 || (!m->tidies && interruption_came()))
            return NULL;
        r = syncshell_client_wait_event(m->client, left_ms < SLICE_MS ? (int32_t)left_ms : SLICE_MS,
                                        &event);
    }
    return r == 0 ? event : NULL;
}

syncshell_event *member_wait(struct member *m, int32_t type, int64_t deadline_ms)
{
    syncshell_event *event = take_kept(m, type);
    while (!event) {
        event = next_event(m, deadline_ms);
        if (!event)
            return NULL;
        bool over = follow(m, event);
        if (syncshell_event_get_type(event) == type)
            return event;
        keep(m, event);
        event = NULL;
        if (over)
            return NULL;
    }
    return event;
}
