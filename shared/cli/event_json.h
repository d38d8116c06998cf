/* Events as JSON objects: {"event": name, "ticket": n, fields by their library names, lists of files}. Whatever field the
 * library gives an event comes out; only how it looks is decided here. */
#ifndef SHARED_CLI_EVENT_JSON_H
#define SHARED_CLI_EVENT_JSON_H

#include <jansson.h>

#include <syncshell/syncshell.h>

/* A new reference, or NULL: out of memory. */
json_t *event_to_json(const syncshell_event *event);

/* A file as "held", "needed" and "mismatched" list it. A new reference, or NULL: out of memory. */
json_t *file_to_json(const syncshell_file *file);

#endif
