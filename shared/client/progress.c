#include "client/progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "client/envelope.h"
#include "client/notify.h"
#include "client/record.h"
#include "client/request.h"
#include "client/session.h"
#include "wire/seal.h"

enum {
    ENTRY_BYTES_MAX = WIRE_BODY_MAX - SEAL_OVERHEAD_BYTES,
    ENTRY_FRAME_BYTES = 64, /* braces and the like around the files */
    FULL_AGAIN_PAUSE_MS = 30000,
};

static struct held_file *from_list(struct list_node *n)
{
    return container_of(n, struct held_file, list);
}

static void held_free(struct session *s, struct held_file *f)
{
    map_remove(&s->files, &f->node);
    list_unlink(&f->list);
    body_file_deinit(&f->file);
    free(f);
}

void progress_init(struct session *s)
{
    static const uint64_t seed[2] = {0x53796e6373686c6c,
                                     0x70726f6772657373}; /* paths are our own application's */
    map_init(&s->files, s->syncshell->engine->config.files_per_session_max, seed);
    list_init(&s->stored);
    list_init(&s->fresh);
    list_init(&s->tickets);
    s->next_seq = 1;
}

static void forget_in_flight(struct session *s)
{
    s->progress.frame = frame_unref(s->progress.frame);
    s->progress = (struct progress){0};
}

void progress_deinit(struct session *s)
{
    list_for_each_safe (n, next, &s->stored)
        held_free(s, from_list(n));
    list_for_each_safe (n, next, &s->fresh)
        held_free(s, from_list(n));
    list_for_each_safe (n, next, &s->tickets) {
        list_unlink(n);
        free(container_of(n, struct ticket_mark, node));
    }
    forget_in_flight(s);
    map_deinit(&s->files);
}

static int held_new(struct session *s, struct body_file *takes_file, struct held_file **ret_held)
{
    struct held_file *f = calloc(1, sizeof *f);
    if (!f)
        return -ENOMEM;
    f->file = *takes_file;
    int r = map_insert(&s->files, &f->node, f->file.path);
    if (r != 0) {
        free(f);
        return r < 0 ? r : ENGINE_E_FULL;
    }
    *takes_file = (struct body_file){0};
    *ret_held = f;
    return 0;
}

int progress_hold(struct session *s, struct body_file *takes_file, struct held_file **ret_held)
{
    struct map_node *known = map_find(&s->files, takes_file->path);
    struct held_file *f;
    if (known) {
        f = container_of(known, struct held_file, node);
        if (f->seq <= s->stored_seq && f->file.done)
            s->stored_done--;
        char *path = f->file.path; /* the map's key stays where it is */
        f->file.path = NULL;
        body_file_deinit(&f->file);
        free(takes_file->path);
        takes_file->path = NULL;
        f->file = *takes_file;
        f->file.path = path;
        *takes_file = (struct body_file){0};
        list_unlink(&f->list);
    } else {
        int r = held_new(s, takes_file, &f);
        if (r != 0)
            return r;
    }
    f->seq = s->next_seq++;
    f->restored = false;
    list_append(&s->fresh, &f->list);
    *ret_held = f;
    return 0;
}

void progress_drop(struct session *s, const char *path)
{
    struct map_node *known = map_find(&s->files, path);
    if (!known)
        return;
    struct held_file *f = container_of(known, struct held_file, node);
    if (f->seq <= s->stored_seq && f->file.done)
        s->stored_done--;
    record_delete_file(s, path);
    held_free(s, f);
    s->checkpoint_needed = true;
    s->progress.outdated = true;
}

static int by_seq(const void *a, const void *b)
{
    const struct held_file *x = *(struct held_file *const *)a;
    const struct held_file *y = *(struct held_file *const *)b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Loaded files stand in `fresh` in any order. */
void progress_loaded(struct session *s)
{
    size_t n = 0;
    struct held_file **all = (struct held_file **)calloc(s->files.n_entries + 1, sizeof *all);
    if (!all) {
        engine_check(s->syncshell->engine, -ENOMEM);
        return;
    }
    list_for_each_safe (node, next, &s->fresh) {
        list_unlink(node);
        all[n++] = from_list(node);
    }
    qsort((void *)all, n, sizeof *all, by_seq);
    for (size_t i = 0; i < n; i++) {
        bool stored = all[i]->seq <= s->stored_seq;
        list_append(stored ? &s->stored : &s->fresh, &all[i]->list);
        if (stored && all[i]->file.done)
            s->stored_done++;
        if (all[i]->seq >= s->next_seq)
            s->next_seq = all[i]->seq + 1;
    }
    free((void *)all);
}

/* ---- reports ---- */

static uint64_t settle_tickets(struct session *s)
{
    uint64_t ticket = 0;
    list_for_each_safe (n, next, &s->tickets) {
        struct ticket_mark *mark = container_of(n, struct ticket_mark, node);
        if (mark->seq > s->stored_seq)
            break;
        ticket = mark->ticket;
        list_unlink(n);
        free(mark);
    }
    return ticket;
}

static void tell_stored(struct session *s)
{
    uint64_t ticket = settle_tickets(s);
    struct syncshell_event *event = notify_session(s, SYNCSHELL_EVENT_PROGRESS_STORED, 0);
    notify_integer(event, SYNCSHELL_FIELD_TICKET_UP_TO, ticket);
    notify_integer(event, SYNCSHELL_FIELD_FILES_DONE, s->stored_done);
    notify_send(s->syncshell->engine, event);
}

static bool remember_ticket(struct session *s, uint64_t ticket)
{
    struct ticket_mark *mark = calloc(1, sizeof *mark);
    if (!mark) {
        engine_check(s->syncshell->engine, -ENOMEM);
        return false;
    }
    mark->seq = s->next_seq - 1;
    mark->ticket = ticket;
    list_append(&s->tickets, &mark->node);
    return true;
}

static const char *report_fault(const struct session *s, const struct body_file_list *files)
{
    if (!s->joiner)
        return CODE_WRONG_ROLE;
    if (s->phase == SESSION_CLOSING)
        return wire_code_name(WIRE_CODE_SESSION_CLOSED);
    for (size_t i = 0; i < files->n_files; i++)
        if (!body_file_valid(&files->files[i]))
            return CODE_BAD_ARGUMENT;
    return NULL;
}

void progress_report(struct session *s, uint64_t ticket, struct body_file_list *takes_files)
{
    struct engine *e = s->syncshell->engine;
    const char *fault = report_fault(s, takes_files);
    for (size_t i = 0; !fault && i < takes_files->n_files; i++) {
        struct held_file *held;
        int r = progress_hold(s, &takes_files->files[i], &held);
        engine_check(e, r < 0 ? r : 0);
        if (r == ENGINE_E_FULL)
            fault = CODE_LIBRARY_FULL;
        else if (r == 0)
            record_put_file(s, held);
    }
    body_file_list_deinit(takes_files);
    if (fault)
        notify_failed(e, ticket, fault, "the report was refused", false, s->syncshell->id.text,
                      s->id.text);
    else if (!e->stopped && remember_ticket(s, ticket)) {
        notify_send(e, notify_session(s, SYNCSHELL_EVENT_PROGRESS_SAVED, ticket));
        if (s->next_seq - 1 <= s->stored_seq)
            tell_stored(s); /* there was nothing in it */
    }
}

/* ---- towards the relay ---- */

static void all_fresh_again(struct session *s)
{
    struct list_node *n;
    while ((n = s->stored.head.prev) != &s->stored.head) { /* from the last, so that order stays */
        list_unlink(n);
        list_prepend(&s->fresh, n);
    }
    s->stored_seq = 0;
    s->stored_done = 0;
}

/* As many fresh files as a body holds, shallowly: the copies borrow their texts. Returns the last one's seq, 0 for none. */
static uint64_t gather(struct session *s, struct body_file_list *ret_files)
{
    size_t bytes = ENTRY_FRAME_BYTES;
    uint64_t seq_to = 0;
    struct body_file_list l = {0};
    l.files = calloc(s->files.n_entries + 1, sizeof *l.files);
    if (!l.files) {
        engine_check(s->syncshell->engine, -ENOMEM);
        return 0;
    }
    list_for_each_safe (n, next, &s->fresh) {
        struct held_file *f = from_list(n);
        size_t more = body_file_encoded_bytes_max(&f->file);
        if (bytes + more > ENTRY_BYTES_MAX)
            break;
        bytes += more;
        l.files[l.n_files++] = f->file;
        seq_to = f->seq;
    }
    *ret_files = l;
    return seq_to;
}

static struct frame *entry_frame(struct session *s, const struct body_file_list *files,
                                 struct message *m)
{
    struct engine *e = s->syncshell->engine;
    const struct body_session_entry entry = {.files = *files};
    struct buf plain = BUF_INIT(ENTRY_BYTES_MAX);
    struct buf sealed = BUF_INIT(WIRE_BODY_MAX);
    struct frame *frame = NULL;
    int r = body_session_entry_encode(&plain, &entry);
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    if (r == 0 &&
        envelope_seal_entry(s, m->type, m->session_entry.base_version + 1, &plain, &sealed))
        frame = envelope_frame(e, m, &sealed);
    buf_deinit(&plain);
    buf_deinit(&sealed);
    return frame;
}

/* Makes the next entry, or the checkpoint, and keeps exactly it until it is answered. */
static bool compose(struct session *s)
{
    struct body_file_list files = {0};
    struct request r;
    bool checkpoint = s->checkpoint_needed;
    if (checkpoint)
        all_fresh_again(s);
    uint64_t seq_to = gather(s, &files);
    bool wanted = seq_to != 0 || checkpoint;
    if (wanted &&
        session_request(s, REQUEST_PROGRESS,
                        checkpoint ? MESSAGE_SESSION_CHECKPOINT : MESSAGE_SESSION_PROGRESS, &r)) {
        struct message m = {.type = r.type};
        m.session_entry.message_id = r.message_id;
        m.session_entry.syncshell_id = s->syncshell->id;
        m.session_entry.recovery_session_id = s->id;
        m.session_entry.base_version = s->version;
        m.session_entry.body_format = BODY_FORMAT_SEALED;
        s->progress = (struct progress){.message_id = r.message_id,
                                        .checkpoint = checkpoint,
                                        .base_version = s->version,
                                        .seq_to = seq_to,
                                        .frame = entry_frame(s, &files, &m)};
    }
    free(files.files);
    return s->progress.frame != NULL;
}

static bool compacting_pays(const struct session *s)
{
    return s->entries >= s->syncshell->engine->config.checkpoint_entries && list_empty(&s->fresh);
}

void progress_pump(struct session *s)
{
    if (!s->joiner || s->phase != SESSION_OPENED || s->version == 0 ||
        session_in_flight(s, REQUEST_PROGRESS))
        return;
    if (compacting_pays(s))
        s->checkpoint_needed = true;
    if (!s->progress.frame && (list_empty(&s->fresh) && !s->checkpoint_needed))
        return;
    if (!s->progress.frame && !compose(s))
        return;
    const struct request r = {.kind = REQUEST_PROGRESS,
                              .type = s->progress.checkpoint ? MESSAGE_SESSION_CHECKPOINT
                                                             : MESSAGE_SESSION_PROGRESS,
                              .message_id = s->progress.message_id,
                              .syncshell_id = s->syncshell->id,
                              .session_id = s->id};
    request_send_frame(s->syncshell->engine, s->progress.frame, &r);
}

/* ---- answers ---- */

void progress_stored(struct session *s, const struct message_stored *m)
{
    if (!s->progress.frame)
        return;
    s->version = m->has_version ? m->version
                 : s->progress.base_version < WIRE_INTEGER_MAX
                     ? s->progress.base_version + 1
                     : WIRE_INTEGER_MAX; /* of a relay that made the version before up */
    s->conflicted = false;
    s->entries = s->progress.checkpoint ? 1 : s->entries + 1;
    if (s->progress.checkpoint && !s->progress.outdated)
        s->checkpoint_needed = false;
    if (s->progress.seq_to > s->stored_seq)
        s->stored_seq = s->progress.seq_to;
    list_for_each_safe (n, next, &s->fresh) {
        struct held_file *f = from_list(n);
        if (f->seq > s->stored_seq)
            break;
        list_unlink(n);
        list_append(&s->stored, n);
        s->stored_done += f->file.done;
    }
    if (list_empty(&s->fresh))
        s->stored_seq = s->next_seq - 1; /* also what was dropped meanwhile */
    forget_in_flight(s);
    record_put_session(s);
    tell_stored(s);
}

void progress_checkpoint(struct session *s, uint64_t version)
{
    s->version = version;
    s->checkpoint_needed = true;
    forget_in_flight(s);
    record_put_session(s);
}

/* A checkpoint makes room, unless the state itself is too large: then the application learns it, and it is tried rarely. */
static void log_full(struct session *s, const struct message_error *error)
{
    struct engine *e = s->syncshell->engine;
    bool again = s->full_seq == s->next_seq; /* nothing was reported since the last time */
    s->full_seq = s->next_seq;
    progress_checkpoint(s, s->version);
    s->pause_us = time_add_ms(
        e->now_us, engine_jitter_ms(e, again ? FULL_AGAIN_PAUSE_MS : ENGINE_RETRY_PAUSE_MS));
    if (again)
        notify_failed(e, 0, wire_code_name(error->code), error->text, true, s->syncshell->id.text,
                      s->id.text);
}

bool progress_is_full(enum wire_code code)
{
    return code == WIRE_CODE_SESSION_FULL || code == WIRE_CODE_LOG_SHARE ||
           code == WIRE_CODE_SYNCSHELL_QUOTA;
}

void progress_refused(struct session *s, const struct message_error *error)
{
    if (error->code == WIRE_CODE_VERSION_CONFLICT && error->has_version) {
        if (s->conflicted)
            session_pause(s, error); /* somebody else writes too: not as fast as the wire */
        s->conflicted = true;
        progress_checkpoint(s, error->version);
    } else if (progress_is_full(error->code)) {
        log_full(s, error);
    } else {
        struct engine *e = s->syncshell->engine;
        notify_failed(e, 0, wire_code_name(error->code), error->text, error->retryable,
                      s->syncshell->id.text, s->id.text);
        session_pause(s, error);
    }
}

static uint64_t list_held_bytes(struct list *files)
{
    uint64_t bytes = 0;
    list_for_each_safe (n, next, files) {
        const struct body_file *f = &from_list(n)->file;
        bytes += f->done ? f->size_bytes : 0;
        for (size_t i = 0; !f->done && i < f->n_ranges; i++)
            bytes += f->ranges[i].end - f->ranges[i].begin;
    }
    return bytes;
}

uint64_t progress_held_bytes(struct session *s)
{
    return list_held_bytes(&s->stored) + list_held_bytes(&s->fresh);
}
