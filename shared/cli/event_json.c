#include "cli/event_json.h"

#include <stdbool.h>

static bool is_boolean(int32_t field)
{
    return field == SYNCSHELL_FIELD_RECOVERED || field == SYNCSHELL_FIELD_RETRYABLE;
}

/* Sets `name` to `value`, which it takes; NULL is out of memory. */
static int put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value);
}

static json_t *ranges_to_json(const syncshell_file *file)
{
    json_t *ranges = json_array();

    for (size_t i = 0; ranges && i < file->n_ranges; i++) {
        json_t *range =
            json_pack("[I, I]", (json_int_t)file->ranges[i].begin, (json_int_t)file->ranges[i].end);

        if (json_array_append_new(ranges, range)) {
            json_decref(ranges);
            return NULL;
        }
    }
    return ranges;
}

json_t *file_to_json(const syncshell_file *file)
{
    json_t *object =
        json_pack("{s:s, s:I}", "path", file->path, "size", (json_int_t)file->size_bytes);
    int r = object ? 0 : -1;

    if (!r && file->hash)
        r = put(object, "hash", json_string(file->hash));
    if (!r && file->algorithm)
        r = put(object, "algorithm", json_string(file->algorithm));
    if (!r && (file->flags & SYNCSHELL_FILE_DONE))
        r = put(object, "done", json_true());
    if (!r && (file->flags & SYNCSHELL_FILE_MISMATCHED))
        r = put(object, "mismatched", json_true());
    if (!r && file->n_ranges > 0)
        r = put(object, "ranges", ranges_to_json(file));
    if (r) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *files_to_json(const syncshell_event *event, int32_t list)
{
    json_t *files = json_array();
    size_t count = syncshell_event_file_count(event, list);

    for (size_t i = 0; files && i < count; i++) {
        syncshell_file file = {.size = sizeof(file)};
        json_t *object = NULL;

        if (syncshell_event_file(event, list, i, &file) == SYNCSHELL_OK)
            object = file_to_json(&file);
        if (json_array_append_new(files, object)) {
            json_decref(files);
            return NULL;
        }
    }
    return files;
}

/* The list is there when the event's type promises it, even empty. */
static int put_files(json_t *object, const syncshell_event *event, int32_t list, const char *name,
                     int32_t type)
{
    if (syncshell_event_get_type(event) != type)
        return 0;
    return put(object, name, files_to_json(event, list));
}

static json_t *ice_server_to_json(const syncshell_event *event, size_t index)
{
    syncshell_ice_server server = {.size = sizeof(server)};

    if (syncshell_event_ice_server(event, index, &server) != SYNCSHELL_OK)
        return NULL;
    return json_pack("{s:s, s:s*, s:s*}", "url", server.url, "username", server.username,
                     "credential", server.credential);
}

static int put_ice_servers(json_t *object, const syncshell_event *event)
{
    json_t *servers;
    size_t count = syncshell_event_ice_server_count(event);

    if (count == 0)
        return 0;
    servers = json_array();
    for (size_t i = 0; servers && i < count; i++) {
        if (json_array_append_new(servers, ice_server_to_json(event, i))) {
            json_decref(servers);
            return -1;
        }
    }
    return put(object, "iceServers", servers);
}

static int put_texts(json_t *object, const syncshell_event *event)
{
    int r = 0;

    for (int32_t field = SYNCSHELL_FIELD_SYNCSHELL_ID; !r && field <= SYNCSHELL_FIELD_RECOVERY_CODE;
         field++) {
        size_t length = 0;
        const char *text = syncshell_event_text(event, field, &length);

        if (text)
            r = put(object, syncshell_field_name(field), json_stringn(text, length));
    }
    return r;
}

static int put_integers(json_t *object, const syncshell_event *event)
{
    int r = 0;

    for (int32_t field = SYNCSHELL_FIELD_GENERATION; !r && field <= SYNCSHELL_FIELD_VALID_MS;
         field++) {
        uint64_t value;

        if (syncshell_event_integer(event, field, &value) != SYNCSHELL_OK)
            continue;
        r = put(object, syncshell_field_name(field),
                is_boolean(field) ? json_boolean(value != 0) : json_integer((json_int_t)value));
    }
    return r;
}

json_t *event_to_json(const syncshell_event *event)
{
    json_t *object = json_object();
    uint64_t ticket = syncshell_event_ticket(event);
    int r;

    r = put(object, "event",
            json_string(syncshell_event_type_name(syncshell_event_get_type(event))));
    if (!r && ticket)
        r = put(object, "ticket", json_integer((json_int_t)ticket));
    if (!r)
        r = put_texts(object, event);
    if (!r)
        r = put_integers(object, event);
    if (!r)
        r = put_ice_servers(object, event);
    if (!r)
        r = put_files(object, event, SYNCSHELL_FILES_HELD, "held",
                      SYNCSHELL_EVENT_RECOVERY_REQUEST);
    if (!r)
        r = put_files(object, event, SYNCSHELL_FILES_NEEDED, "needed",
                      SYNCSHELL_EVENT_RECOVERY_REQUEST);
    if (!r)
        r = put_files(object, event, SYNCSHELL_FILES_MISMATCHED, "mismatched",
                      SYNCSHELL_EVENT_RECOVERY_RESPONSE);
    if (r) {
        json_decref(object);
        return NULL;
    }
    return object;
}
