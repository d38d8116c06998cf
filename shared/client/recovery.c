#include "client/recovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/delta.h"
#include "client/envelope.h"
#include "client/ice.h"
#include "client/notify.h"
#include "client/progress.h"
#include "client/record.h"
#include "client/request.h"
#include "client/session.h"
#include "wire/seal.h"

enum {
    ID_BYTES = 12,
    PART_BYTES_MAX = WIRE_BODY_MAX - SEAL_OVERHEAD_BYTES - WIRE_REQUEST_HEADER_MAX,
    PART_FRAME_BYTES = 256, /* keys and braces around the files */
    PARTS_MAX = 256,
};

static void outgoing_free(struct outgoing *o)
{
    list_unlink(&o->node);
    frame_unref(o->frame);
    free(o);
}

void recovery_init(struct session *s)
{
    list_init(&s->outgoing);
}

static void outgoing_clear(struct session *s)
{
    list_for_each_safe (n, next, &s->outgoing)
        outgoing_free(container_of(n, struct outgoing, node));
}

void recovery_deinit(struct session *s)
{
    outgoing_clear(s);
    body_file_list_deinit(&s->manifest);
    body_file_list_deinit(&s->request_files);
}

void recovery_reset(struct session *s)
{
    outgoing_clear(s);
}

void recovery_disconnected(struct session *s)
{
    list_for_each_safe (n, next, &s->outgoing)
        container_of(n, struct outgoing, node)->in_flight = false;
}

/* Seals `plain` and queues it for the other side's inbox. */
static void queue(struct session *s, enum message_type type, const struct buf *plain)
{
    struct engine *e = s->syncshell->engine;
    struct outgoing *o = calloc(1, sizeof *o);
    struct buf sealed = BUF_INIT(WIRE_BODY_MAX);
    uint64_t generation = s->generation ? s->generation : 1;
    if (!o || engine_random_id(e, ID_BYTES, &o->message_id) != 0) {
        engine_check(e, o ? 0 : -ENOMEM);
        free(o);
        return;
    }
    list_append(&s->outgoing, &o->node);
    struct message m = {.type = type};
    m.routed.message_id = o->message_id;
    m.routed.syncshell_id = s->syncshell->id;
    m.routed.source_peer_id = e->config.peer_id;
    m.routed.target_peer_id = s->other;
    m.routed.recovery_session_id = s->id;
    m.routed.generation = generation;
    m.routed.body_format = BODY_FORMAT_SEALED;
    if (envelope_seal_routed(s, type, generation, plain, &sealed))
        o->frame = envelope_frame(e, &m, &sealed);
    buf_deinit(&sealed);
    if (!o->frame)
        outgoing_free(o);
}

/* The command that the relay's answer is about, once. It is none that has asked again since, nor is the next request, which nobody
 * has ordered, about it. */
static uint64_t take_ticket(struct session *s, const struct request *r)
{
    uint64_t ticket = r->ticket == s->request_ticket ? r->ticket : 0;
    s->request_ticket = ticket ? 0 : s->request_ticket;
    return ticket;
}

void recovery_stored(struct session *s, const struct request *r)
{
    struct engine *e = s->syncshell->engine;
    bool ours = false; /* not of a request that was superseded meanwhile */
    list_for_each_safe (n, next, &s->outgoing) {
        struct outgoing *o = container_of(n, struct outgoing, node);
        if (!str_equal(o->message_id.text, r->message_id.text))
            continue;
        outgoing_free(o);
        ours = true;
    }
    if (!ours || !list_empty(&s->outgoing))
        return;
    if (s->joiner) {
        struct syncshell_event *event =
            notify_session(s, SYNCSHELL_EVENT_RECOVERY_REQUESTED, take_ticket(s, r));
        notify_text(event, SYNCSHELL_FIELD_REQUEST_ID, s->request_id.text);
        notify_send(e, event);
    } else {
        s->request_answered = true;
    }
}

void recovery_refused(struct session *s, const struct request *r, const struct message_error *error)
{
    struct engine *e = s->syncshell->engine;
    if (error->retryable) {
        recovery_disconnected(s);
        session_pause(s, error);
        return;
    }
    notify_failed(e, take_ticket(s, r), wire_code_name(error->code), error->text, false,
                  s->syncshell->id.text, s->id.text);
    if (!session_is_over(s, error->code))
        outgoing_clear(s);
}

/* ---- the joiner's request ---- */

/* Which of the files go into the part that begins at `*at`; moves `*at` behind them. Borrowed. */
static struct body_file_list cut(const struct body_file_list *all, size_t *at)
{
    struct body_file_list part = {.files = all->files ? all->files + *at : NULL};
    size_t bytes = PART_FRAME_BYTES;
    while (*at < all->n_files) {
        bytes += body_file_encoded_bytes_max(&all->files[*at]);
        if (bytes > PART_BYTES_MAX && part.n_files > 0)
            break;
        part.n_files++;
        (*at)++;
    }
    return part;
}

static uint32_t count_parts(const struct body_file_list *all)
{
    uint32_t parts = 0;
    size_t at = 0;
    do {
        cut(all, &at);
        parts++;
    } while (at < all->n_files);
    return parts;
}

static void append_shallow(struct body_file_list *l, struct list *files)
{
    list_for_each_safe (n, next, files)
        l->files[l->n_files++] = container_of(n, struct held_file, list)->file;
}

static void queue_part(struct session *s, uint32_t part, uint32_t parts,
                       const struct body_file_list *files)
{
    const struct body_recovery_request request = {
        .request_id = s->request_id, .part = part, .parts = parts, .files = *files};
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    int r = body_recovery_request_encode(&plain, &request);
    engine_check(s->syncshell->engine, r == 0 ? 0 : -ENOMEM);
    if (r == 0)
        queue(s, MESSAGE_RECOVERY_REQUEST, &plain);
    buf_deinit(&plain);
}

static void compose(struct session *s)
{
    struct engine *e = s->syncshell->engine;
    struct body_file_list all = {0};
    outgoing_clear(s);
    s->request_needed = false;
    all.files = calloc(s->files.n_entries + 1, sizeof *all.files);
    if (!all.files || engine_random_id(e, ID_BYTES, &s->request_id) != 0) {
        engine_check(e, all.files ? 0 : -ENOMEM);
        free(all.files);
        return;
    }
    append_shallow(&all, &s->stored);
    append_shallow(&all, &s->fresh);
    s->request_spent = false;
    s->request_seq = s->next_seq - 1;
    uint32_t parts = count_parts(&all);
    size_t at = 0;
    for (uint32_t part = 1; part <= parts && !e->stopped; part++) {
        const struct body_file_list files = cut(&all, &at);
        queue_part(s, part, parts, &files);
    }
    free(all.files);
}

void recovery_ask(struct session *s, uint64_t ticket)
{
    if (s->request_ticket != 0)
        notify_failed(s->syncshell->engine, s->request_ticket, wire_code_name(WIRE_CODE_SUPERSEDED),
                      "a later command asks again", false, s->syncshell->id.text, s->id.text);
    s->request_needed = true;
    s->request_ticket = ticket;
}

void recovery_pump(struct session *s)
{
    if (s->joiner && s->request_needed)
        compose(s);
    struct list_node *first = list_first(&s->outgoing);
    struct outgoing *o = first ? container_of(first, struct outgoing, node) : NULL;
    if (!o || o->in_flight)
        return;
    /* One at a time: a part that is refused for the moment must not be overtaken. */
    const struct request r = {.kind = REQUEST_DURABLE,
                              .type =
                                  s->joiner ? MESSAGE_RECOVERY_REQUEST : MESSAGE_RECOVERY_RESPONSE,
                              .message_id = o->message_id,
                              .syncshell_id = s->syncshell->id,
                              .session_id = s->id,
                              .ticket = s->request_ticket};
    o->in_flight = request_send_frame(s->syncshell->engine, o->frame, &r);
}

/* ---- the provider ---- */

int session_gather_request(struct session *s, struct body_recovery_request *request)
{
    if (s->joiner || request->part == 0 || request->part > request->parts ||
        request->parts > PARTS_MAX)
        return ENGINE_E_RECORD;
    if (!str_equal(s->request_id.text, request->request_id.text)) {
        body_file_list_deinit(&s->request_files);
        s->request_id = request->request_id;
        s->request_parts = request->parts;
        s->request_gathered = 0;
    }
    for (size_t i = 0; i < request->files.n_files; i++) {
        int r = body_file_list_append(&s->request_files, &request->files.files[i]);
        if (r != 0)
            return r < 0 ? r : ENGINE_E_RECORD;
    }
    s->request_gathered++;
    s->request_ready = s->request_gathered == s->request_parts;
    return 0;
}

static void forget_request(struct session *s)
{
    record_delete_requests(s);
    body_file_list_deinit(&s->request_files);
    s->request_id = (struct wire_id){""};
    s->request_gathered = 0;
    s->request_ready = false;
    s->request_receipt = 0;
    s->request_told = s->request_answered = false;
}

void recovery_joiner_changed(struct session *s)
{
    outgoing_clear(s);
    forget_request(s);
}

bool recovery_request_taken(struct session *s, uint64_t receipt)
{
    if (receipt == 0 || s->request_receipt != receipt)
        return false;
    s->request_receipt = 0;
    return true;
}

/* A restart need not tell it again. The id stays, for repetitions of it. */
static void forget_if_served(struct session *s)
{
    bool taken = s->request_told && s->request_receipt == 0;
    if (s->request_gathered == 0 || !taken || !s->request_answered ||
        s->attempt.stage != ATTEMPT_UP)
        return;
    record_delete_requests(s);
    s->request_gathered = 0;
}

void recovery_other_returned(struct session *s)
{
    if (s->joiner && s->episode && s->request_spent)
        s->request_needed = true;
}

/* Can it be gathered? What the journal takes, a later start must be able to load. */
static bool gatherable(const struct session *s, const struct body_recovery_request *request)
{
    bool first = request->part == 1;
    size_t n_files = (first ? 0 : s->request_files.n_files) + request->files.n_files;
    return request->parts <= PARTS_MAX && n_files <= BODY_FILES_MAX &&
           (first || request->parts == s->request_parts);
}

static const char *gather(struct session *s, struct body_recovery_request *request)
{
    bool next = str_equal(s->request_id.text, request->request_id.text)
                    ? request->part == s->request_gathered + 1
                    : request->part == 1;
    if (!next)
        return NULL; /* a part of a request that was superseded, or a repetition */
    outgoing_clear(s);
    if (request->part == 1)
        forget_request(s);
    if (!gatherable(s, request)) {
        forget_request(s);
        return CODE_BAD_BODY;
    }
    record_put_request(s, request);
    if (request->part == 1)
        ice_announced(s);
    engine_check(s->syncshell->engine, session_gather_request(s, request));
    return NULL;
}

static const char *take_request(struct session *s, const struct buf *plain)
{
    struct body_recovery_request request;
    int r = body_recovery_request_decode(&request, plain->data, plain->size);
    engine_check(s->syncshell->engine, r < 0 ? r : 0);
    if (r != 0)
        return CODE_BAD_BODY;
    const char *code = gather(s, &request);
    body_recovery_request_deinit(&request);
    return code;
}

static void respond(struct session *s, const struct delta *delta)
{
    struct engine *e = s->syncshell->engine;
    struct body_recovery_response response = {.request_id = s->request_id,
                                              .files_to_send = delta->needed.n_files,
                                              .bytes_to_send = delta->bytes,
                                              .n_mismatched_paths = delta->mismatched.n_files};
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    response.mismatched_paths = (char **)calloc(delta->mismatched.n_files + 1, sizeof(char *));
    int r = response.mismatched_paths ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < delta->mismatched.n_files; i++)
        response.mismatched_paths[i] = delta->mismatched.files[i].path;
    if (r == 0)
        r = body_recovery_response_encode(&plain, &response);
    if (r == BODY_E_FULL) { /* so many mismatches: the joiner learns them by receiving the files */
        response.n_mismatched_paths = 0;
        r = body_recovery_response_encode(&plain, &response);
    }
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    if (r == 0)
        queue(s, MESSAGE_RECOVERY_RESPONSE, &plain);
    free((void *)response.mismatched_paths);
    buf_deinit(&plain);
}

void recovery_compute(struct session *s)
{
    struct engine *e = s->syncshell->engine;
    struct delta delta;
    forget_if_served(s);
    if (!s->request_ready || !s->has_manifest || s->phase == SESSION_CLOSING)
        return;
    int r = delta_compute(&delta, &s->manifest, &s->request_files);
    engine_check(e, r);
    if (r != 0)
        return;
    s->request_ready = false;
    respond(s, &delta);
    struct syncshell_event *event = notify_session(s, SYNCSHELL_EVENT_RECOVERY_REQUEST, 0);
    notify_text(event, SYNCSHELL_FIELD_REQUEST_ID, s->request_id.text);
    notify_integer(event, SYNCSHELL_FIELD_BYTES, delta.bytes);
    if (event) {
        event_take_files(event, SYNCSHELL_FILES_HELD, &s->request_files);
        event_take_files(event, SYNCSHELL_FILES_NEEDED, &delta.needed);
        event_take_files(event, SYNCSHELL_FILES_MISMATCHED, &delta.mismatched);
        event_set_receipt(event, ++e->last_receipt);
    }
    s->request_told = true;
    s->request_receipt = e->last_receipt;
    notify_send(e, event);
    delta_deinit(&delta);
}

void recovery_set_manifest(struct session *s, uint64_t ticket, struct body_file_list *takes_files)
{
    struct engine *e = s->syncshell->engine;
    const char *fault = s->joiner ? CODE_WRONG_ROLE : NULL;
    for (size_t i = 0; !fault && i < takes_files->n_files; i++)
        if (!body_file_valid(&takes_files->files[i]))
            fault = CODE_BAD_ARGUMENT;
    if (fault) {
        body_file_list_deinit(takes_files);
        notify_failed(e, ticket, fault, "the manifest was refused", false, s->syncshell->id.text,
                      s->id.text);
        return;
    }
    body_file_list_deinit(&s->manifest);
    s->manifest = *takes_files;
    *takes_files = (struct body_file_list){0};
    s->has_manifest = true;
    record_put_manifest(s);
    notify_send(e, notify_session(s, SYNCSHELL_EVENT_MANIFEST_SAVED, ticket));
}

/* ---- the joiner hears ---- */

static void start_over(struct session *s, const char *path)
{
    struct map_node *known = map_find(&s->files, path);
    if (known && container_of(known, struct held_file, node)->seq <= s->request_seq)
        progress_drop(s, path);
}

static int mismatched_files(const struct body_recovery_response *response,
                            struct body_file_list *ret_files)
{
    struct body_file_list l = {0};
    for (size_t i = 0; i < response->n_mismatched_paths; i++) {
        struct body_file f = {.path = strdup(response->mismatched_paths[i])};
        int r = f.path ? body_file_list_append(&l, &f) : -ENOMEM;
        body_file_deinit(&f);
        if (r != 0) {
            body_file_list_deinit(&l);
            return -ENOMEM;
        }
    }
    *ret_files = l;
    return 0;
}

static const char *take_response(struct session *s, const struct buf *plain)
{
    struct engine *e = s->syncshell->engine;
    struct body_recovery_response response;
    struct body_file_list mismatched = {0};
    int r = body_recovery_response_decode(&response, plain->data, plain->size);
    engine_check(e, r < 0 ? r : 0);
    if (r != 0)
        return CODE_BAD_BODY;
    if (!str_equal(s->request_id.text, response.request_id.text)) {
        /* It is no longer what will come: the newer request has an answer of its own. */
        body_recovery_response_deinit(&response);
        return NULL;
    }
    engine_check(e, mismatched_files(&response, &mismatched));
    for (size_t i = 0; i < response.n_mismatched_paths; i++)
        start_over(s, response.mismatched_paths[i]);
    if (s->checkpoint_needed)
        record_put_session(s);
    struct syncshell_event *event = notify_session(s, SYNCSHELL_EVENT_RECOVERY_RESPONSE, 0);
    notify_text(event, SYNCSHELL_FIELD_REQUEST_ID, response.request_id.text);
    notify_integer(event, SYNCSHELL_FIELD_FILES_TO_SEND, response.files_to_send);
    notify_integer(event, SYNCSHELL_FIELD_BYTES, response.bytes_to_send);
    if (event)
        event_take_files(event, SYNCSHELL_FILES_MISMATCHED, &mismatched);
    notify_send(e, event);
    body_file_list_deinit(&mismatched);
    body_recovery_response_deinit(&response);
    return NULL;
}

const char *recovery_received(struct session *s, enum message_type type, const struct buf *plain)
{
    if (type == MESSAGE_RECOVERY_REQUEST)
        return s->joiner ? CODE_WRONG_ROLE : take_request(s, plain);
    return s->joiner ? take_response(s, plain) : CODE_WRONG_ROLE;
}
