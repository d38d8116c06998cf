/* What the engine tells the application: one heap object per event, the same that the public accessors read.
 *
 * Fields are added while the event is built and are read-only afterwards. Pure; an event belongs to one thread at a
 * time. Types, fields and lists are the public header's enums. */
#ifndef SHARED_CLIENT_EVENT_H
#define SHARED_CLIENT_EVENT_H

#include "base/list.h"
#include "wire/body.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct syncshell_event;

int event_new(struct syncshell_event **ret_event, int32_t type, uint64_t ticket); /* 0 or -ENOMEM */
struct syncshell_event *event_free(struct syncshell_event *e);                    /* always NULL */

/* A field that could not be added marks the event as broken (event_broken()): the builder checks once at the end. An empty
 * or NULL text adds nothing. */
void event_add_text(struct syncshell_event *e, int32_t field, const char *text);
/* For a text that means something when it is empty, too: it is added as it is. */
void event_add_line(struct syncshell_event *e, int32_t field, const char *text);
void event_add_integer(struct syncshell_event *e, int32_t field, uint64_t value);
void event_take_files(struct syncshell_event *e, int32_t list, struct body_file_list *takes_files);
void event_add_ice_servers(struct syncshell_event *e, const struct message_ice_server *servers,
                           size_t n_servers); /* at most once */
bool event_broken(const struct syncshell_event *e);

/* An event that the engine must know to be taken has a number; 0: it need not. See engine_event_taken(). */
void event_set_receipt(struct syncshell_event *e, uint64_t receipt);
uint64_t event_receipt(const struct syncshell_event *e);

/* `freed(userdata)` is called by whoever frees the event, once. */
void event_on_free(struct syncshell_event *e, void (*freed)(void *userdata), void *userdata);

int32_t event_type(const struct syncshell_event *e);
uint64_t event_ticket(const struct syncshell_event *e);
const char *event_text(const struct syncshell_event *e, int32_t field, size_t *ret_length);
bool event_integer(const struct syncshell_event *e, int32_t field, uint64_t *ret_value);
const struct body_file_list *event_files(const struct syncshell_event *e,
                                         int32_t list); /* NULL when absent */
const struct message_ice_server *event_ice_servers(const struct syncshell_event *e,
                                                   size_t *ret_n_servers);

struct list_node *
event_node(struct syncshell_event *e); /* to queue it; event_from_node() is the way back */
struct syncshell_event *event_from_node(struct list_node *n);

const char *event_type_name(int32_t type);
const char *event_field_name(int32_t field);

#endif
