/* The public functions about events: taking them, and reading what is in them. */
#include "transport/client.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "client/event.h"
#include "transport/event_queue.h"
#include "wire/body.h"
#include "wire/cause.h"

enum { STRUCT_MAX_BYTES = 4096 }; /* of a later version's structs */

static int32_t take(syncshell_client *client, int32_t timeout_ms, syncshell_event **ret_event,
                    int32_t nothing)
{
    int r = event_queue_take(client->events, timeout_ms, ret_event);

    if (r == 0)
        return SYNCSHELL_OK;
    return r == EVENT_QUEUE_E_STOPPED ? SYNCSHELL_E_STOPPED : nothing;
}

int32_t SYNCSHELL_CALL syncshell_client_next_event(syncshell_client *client,
                                                   syncshell_event **ret_event)
{
    syncshell_event *event = NULL;
    int32_t r;

    if (!client || !ret_event)
        return SYNCSHELL_E_ARGUMENT;
    r = take(client, 0, &event, SYNCSHELL_OK);
    if (r == SYNCSHELL_OK)
        *ret_event = event;
    return r;
}

int32_t SYNCSHELL_CALL syncshell_client_wait_event(syncshell_client *client, int32_t timeout_ms,
                                                   syncshell_event **ret_event)
{
    if (!client || !ret_event)
        return SYNCSHELL_E_ARGUMENT;
    return take(client, timeout_ms, ret_event, SYNCSHELL_E_TIMEOUT);
}

void SYNCSHELL_CALL syncshell_event_free(syncshell_event *event)
{
    (void)event_free(event);
}

const char *SYNCSHELL_CALL syncshell_event_type_name(int32_t type)
{
    return event_type_name(type);
}

const char *SYNCSHELL_CALL syncshell_field_name(int32_t field)
{
    return event_field_name(field);
}

const char *SYNCSHELL_CALL syncshell_cause_sentence(const char *cause)
{
    return cause_sentence(cause ? cause : "");
}

const char *SYNCSHELL_CALL syncshell_cause_advice(const char *cause)
{
    return cause_advice(cause ? cause : "");
}

int32_t SYNCSHELL_CALL syncshell_event_get_type(const syncshell_event *event)
{
    return event ? event_type(event) : 0;
}

uint64_t SYNCSHELL_CALL syncshell_event_ticket(const syncshell_event *event)
{
    return event ? event_ticket(event) : 0;
}

const char *SYNCSHELL_CALL syncshell_event_text(const syncshell_event *event, int32_t field,
                                                size_t *ret_length)
{
    return event ? event_text(event, field, ret_length) : NULL;
}

int32_t SYNCSHELL_CALL syncshell_event_integer(const syncshell_event *event, int32_t field,
                                               uint64_t *ret_value)
{
    if (!event || !ret_value)
        return SYNCSHELL_E_ARGUMENT;
    return event_integer(event, field, ret_value) ? SYNCSHELL_OK : SYNCSHELL_E_UNKNOWN;
}

size_t SYNCSHELL_CALL syncshell_event_file_count(const syncshell_event *event, int32_t list)
{
    const struct body_file_list *files = event ? event_files(event, list) : NULL;

    return files ? files->n_files : 0;
}

/* One memory layout serves both sides, so ranges are handed out without a copy. */
static_assert(sizeof(syncshell_range) == sizeof(struct body_range) &&
                  offsetof(syncshell_range, begin) == offsetof(struct body_range, begin) &&
                  offsetof(syncshell_range, end) == offsetof(struct body_range, end),
              "a public range is laid out like one of the wire");

/* A later program's struct is larger. What it has beyond ours becomes 0; a size that was never set is mostly out of these bounds. */
static bool begin_struct(void *ret_struct, uint32_t size, size_t ours)
{
    if (size < ours || size > STRUCT_MAX_BYTES)
        return false;
    memset((char *)ret_struct + ours, 0, size - ours);
    return true;
}

static uint32_t flags_of(int32_t list, const struct body_file *f)
{
    if (list == SYNCSHELL_FILES_HELD)
        return f->done ? SYNCSHELL_FILE_DONE : 0;
    return list == SYNCSHELL_FILES_MISMATCHED || f->mismatched ? SYNCSHELL_FILE_MISMATCHED : 0;
}

int32_t SYNCSHELL_CALL syncshell_event_file(const syncshell_event *event, int32_t list,
                                            size_t index, syncshell_file *ret_file)
{
    const struct body_file_list *files;
    const struct body_file *f;

    if (!event || !ret_file)
        return SYNCSHELL_E_ARGUMENT;
    files = event_files(event, list);
    if (!files || index >= files->n_files)
        return SYNCSHELL_E_UNKNOWN;
    if (!begin_struct(ret_file, ret_file->size, sizeof *ret_file))
        return SYNCSHELL_E_ARGUMENT;
    f = &files->files[index];
    *ret_file = (syncshell_file){
        .size = ret_file->size,
        .flags = flags_of(list, f),
        .path = f->path,
        .hash = f->hash,
        .algorithm = f->algorithm,
        .size_bytes = f->size_bytes,
        .ranges = (const void *)f->ranges,
        .n_ranges = f->n_ranges,
    };
    return SYNCSHELL_OK;
}

size_t SYNCSHELL_CALL syncshell_event_ice_server_count(const syncshell_event *event)
{
    size_t n = 0;

    if (event)
        (void)event_ice_servers(event, &n);
    return n;
}

static const char *text_or_null(const char *text)
{
    return *text ? text : NULL;
}

int32_t SYNCSHELL_CALL syncshell_event_ice_server(const syncshell_event *event, size_t index,
                                                  syncshell_ice_server *ret_server)
{
    const struct message_ice_server *servers;
    size_t n;

    if (!event || !ret_server)
        return SYNCSHELL_E_ARGUMENT;
    servers = event_ice_servers(event, &n);
    if (index >= n)
        return SYNCSHELL_E_UNKNOWN;
    if (!begin_struct(ret_server, ret_server->size, sizeof *ret_server))
        return SYNCSHELL_E_ARGUMENT;
    *ret_server = (syncshell_ice_server){
        .size = ret_server->size,
        .url = servers[index].url,
        .username = text_or_null(servers[index].username),
        .credential = text_or_null(servers[index].credential),
    };
    return SYNCSHELL_OK;
}
