#include "model/station.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/siphash.h"
#include "base/str.h"

/* --- the disk ------------------------------------------------------------------------------------------------------ */

static struct disk_record *record_of(struct list_node *n)
{
    return container_of(n, struct disk_record, node);
}

static void record_free(struct disk_record *r)
{
    list_unlink(&r->node);
    free(r->kind);
    free(r->key);
    free(r->value);
    free(r);
}

static void records_clear(struct list *l)
{
    list_for_each_safe (n, next, l)
        record_free(record_of(n));
}

static uint64_t name_of(const char *kind, const char *key)
{
    const uint64_t of_key[2] = {0};
    const uint64_t of_both[2] = {siphash(of_key, key, strlen(key))};
    return siphash(of_both, kind, strlen(kind));
}

/* clang-tidy does not see into list_unlink() and takes what was freed for still listed.
 * NOLINTBEGIN(clang-analyzer-unix.Malloc) */
static struct disk_record *record_find(const struct list *l, const char *kind, const char *key)
{
    const uint64_t name = name_of(kind, key);
    for (struct list_node *n = l->head.next; n != &l->head; n = n->next) {
        struct disk_record *r = record_of(n);
        if (r->name == name && strcmp(r->kind, kind) == 0 && strcmp(r->key, key) == 0)
            return r;
    }
    return NULL;
}

static void write_down(struct list *l, const char *kind, const char *key, const char *value,
                       size_t size)
{
    struct disk_record *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->kind = strdup(kind);
    r->key = strdup(key);
    assert_true(r->kind && r->key);
    r->name = name_of(kind, key);
    if (value) {
        r->value = malloc(size + 1);
        assert_non_null(r->value);
        memcpy(r->value, value, size);
        r->value[size] = '\0';
        r->size = size;
    }
    list_append(l, &r->node);
}

static void commit(struct station *s)
{
    list_for_each_safe (n, next, &s->batch) {
        struct disk_record *r = record_of(n);
        struct disk_record *old = record_find(&s->disk, r->kind, r->key);
        if (old)
            record_free(old);
        list_unlink(n);
        if (r->value)
            list_append(&s->disk, n);
        else
            record_free(r);
    }
}

const struct disk_record *station_record(const struct station *s, const char *kind, const char *key)
{
    return record_find(&s->disk, kind, key);
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */

size_t station_records(const struct station *s, const char *kind)
{
    size_t n_records = 0;
    for (struct list_node *n = s->disk.head.next; n != &s->disk.head; n = n->next)
        n_records += strcmp(record_of(n)->kind, kind) == 0;
    return n_records;
}

void station_set_record(struct station *s, const char *kind, const char *key, const char *value)
{
    struct disk_record *old = record_find(&s->disk, kind, key);
    if (old)
        record_free(old);
    write_down(&s->disk, kind, key, value, strlen(value));
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

void station_init(struct station *s, unsigned n, const struct port *port, void *userdata,
                  const uint64_t *now_us)
{
    struct wire_peer_id peer_id;
    *s = (struct station){.port = port, .userdata = userdata, .now_us = now_us};
    list_init(&s->disk);
    list_init(&s->batch);
    list_init(&s->events);
    stub_peer_id(n, &peer_id);
    stub_crypto_init(&s->crypto, &peer_id, 77 + n);
    engine_config_defaults(&s->config);
    s->config.peer_id = peer_id;
}

/* What the application was told and did not take dies with the process. */
static void events_gone(struct station *s)
{
    list_for_each_safe (n, next, &s->events) {
        list_unlink(n);
        event_free(event_from_node(n));
    }
    s->current = event_free(s->current);
}

static void engine_gone(struct station *s)
{
    events_gone(s);
    s->engine = engine_free(s->engine);
    assert_int_equal(s->crypto.n_groups, 0);
    records_clear(&s->batch);
    s->held_batch = 0;
}

void station_deinit(struct station *s)
{
    engine_gone(s);
    records_clear(&s->disk);
}

void station_boot(struct station *s, const char *relay_url)
{
    const struct engine_crypto services = stub_crypto_services(&s->crypto);
    s->killed = false;
    assert_null(s->engine);
    assert_int_equal(engine_new(&s->engine, &s->config, &services), 0);
    for (const char *const *kind = engine_record_kinds; *kind; kind++) {
        for (struct list_node *n = s->disk.head.next; n != &s->disk.head; n = n->next) {
            const struct disk_record *r = record_of(n);
            if (strcmp(r->kind, *kind) == 0)
                assert_int_equal(engine_load_record(s->engine, r->kind, r->key, r->value, r->size),
                                 0);
        }
    }
    if (s->before_start)
        s->before_start(s);
    assert_int_equal(engine_start(s->engine, *s->now_us, relay_url), 0);
}

void station_kill(struct station *s)
{
    engine_gone(s);
    if (s->port->killed)
        s->port->killed(s);
}

void station_enter(struct station *s)
{
    if (s->before_call)
        s->before_call(s);
}

void station_leave(struct station *s)
{
    if (s->after_call)
        s->after_call(s);
}

/* --- effects ------------------------------------------------------------------------------------------------------- */

/* One more step: false when the machine dies before it is done. */
static bool step(struct station *s)
{
    s->n_steps++;
    if (s->kill_at_step == 0 || s->n_steps != s->kill_at_step)
        return true;
    s->killed = true;
    return false;
}

static void effect_discard(const struct engine_effect *e)
{
    frame_unref(e->frame);
    event_free(e->event);
}

static void commit_batch(struct station *s, uint64_t batch)
{
    if (s->disk_held) {
        assert_int_equal(s->held_batch, 0);
        s->held_batch = batch;
        return;
    }
    if (!s->disk_fails)
        commit(s);
    if (step(s)) /* on the disk, and the engine never hears of it */
        STATION_CALL(s, engine_journal_done(s->engine, *s->now_us, batch, !s->disk_fails));
}

void station_commit(struct station *s)
{
    uint64_t batch = s->held_batch;
    bool held = s->disk_held;
    assert_int_not_equal(batch, 0);
    s->held_batch = 0;
    s->disk_held = false;
    commit_batch(s, batch);
    s->disk_held = held;
    if (s->killed) /* at this very step: nothing else may come that would notice */
        station_kill(s);
}

static void carry_out(struct station *s, const struct engine_effect *e)
{
    switch (e->kind) {
    case ENGINE_CONNECT:
        s->port->dial(s, e->url);
        break;
    case ENGINE_DISCONNECT:
        s->port->hang_up(s);
        break;
    case ENGINE_SEND:
        s->port->send(s, e->frame);
        break;
    case ENGINE_JOURNAL_PUT:
    case ENGINE_JOURNAL_DELETE:
        assert_int_equal(e->kind == ENGINE_JOURNAL_PUT, e->record_value != NULL);
        s->n_writes++;
        write_down(&s->batch, e->record_kind, e->record_key, e->record_value, e->record_value_size);
        break;
    case ENGINE_JOURNAL_COMMIT:
        commit_batch(s, e->batch);
        break;
    case ENGINE_EVENT:
        assert_string_not_equal(event_type_name(event_type(e->event)), "unknown");
        list_append(&s->events, event_node(e->event));
        break;
    }
}

bool station_work(struct station *s)
{
    struct engine_effect e = {0};
    bool worked = false;
    while (s->engine && s->held_batch == 0 && engine_next_effect(s->engine, &e)) {
        worked = true;
        if (step(s))
            carry_out(s, &e);
        else
            effect_discard(&e);
        e = (struct engine_effect){0};
        if (s->killed)
            station_kill(s);
    }
    return worked;
}

/* --- commands and events ------------------------------------------------------------------------------------------- */

uint64_t station_ticket(struct station *s)
{
    return ++s->ticket;
}

uint64_t station_report(struct station *s, const char *session, struct body_file_list *takes_files)
{
    uint64_t ticket = station_ticket(s);
    STATION_CALL(s, engine_session_report(s->engine, *s->now_us, ticket, session, takes_files));
    body_file_list_deinit(takes_files);
    return ticket;
}

static void done_with_current(struct station *s)
{
    uint64_t receipt = s->current ? event_receipt(s->current) : 0;
    s->current = event_free(s->current);
    if (receipt != 0)
        STATION_CALL(s, engine_event_taken(s->engine, *s->now_us, receipt));
}

struct syncshell_event *station_next(struct station *s)
{
    done_with_current(s);
    struct list_node *n = list_first(&s->events);
    if (!n)
        return NULL;
    list_unlink(n);
    s->current = event_from_node(n);
    return s->current;
}

struct syncshell_event *station_expect(struct station *s, int32_t type)
{
    struct syncshell_event *e = station_next(s);
    assert_non_null(e);
    assert_string_equal(event_type_name(event_type(e)), event_type_name(type));
    return e;
}

struct syncshell_event *station_skip_to(struct station *s, int32_t type)
{
    struct syncshell_event *e = station_next(s);
    while (e && event_type(e) != type)
        e = station_next(s);
    if (!e)
        fail_msg("no event %s", event_type_name(type));
    return e;
}

struct syncshell_event *station_find(struct station *s, int32_t type)
{
    for (struct list_node *n = s->events.head.next; n != &s->events.head; n = n->next)
        if (event_type(event_from_node(n)) == type)
            return event_from_node(n);
    return NULL;
}

void station_expect_none(struct station *s)
{
    struct syncshell_event *e = station_next(s);
    if (e)
        fail_msg("unexpected event %s", event_type_name(event_type(e)));
}

void station_forget(struct station *s)
{
    while (station_next(s))
        ;
}

const char *event_string(const struct syncshell_event *e, int32_t field)
{
    const char *text = event_text(e, field, NULL);
    return text ? text : "";
}

uint64_t event_number(const struct syncshell_event *e, int32_t field)
{
    uint64_t value = 0;
    if (!event_integer(e, field, &value))
        fail_msg("%s has no %s", event_type_name(event_type(e)), event_field_name(field));
    return value;
}

/* --- files --------------------------------------------------------------------------------------------------------- */

struct body_file file_done(const char *path, const char *hash, uint64_t size_bytes)
{
    struct body_file f = {.path = strdup(path), .size_bytes = size_bytes, .done = true};
    if (hash) {
        f.hash = strdup(hash);
        f.algorithm = strdup("sha256");
    }
    return f;
}

struct body_file file_partial(const char *path, uint64_t size_bytes, uint64_t begin, uint64_t end)
{
    struct body_file f = {.path = strdup(path), .size_bytes = size_bytes};
    f.ranges = calloc(1, sizeof *f.ranges);
    assert_non_null(f.ranges);
    f.ranges[0] = (struct body_range){.begin = begin, .end = end};
    f.n_ranges = 1;
    return f;
}

void files_add(struct body_file_list *l, struct body_file file)
{
    assert_int_equal(body_file_list_append(l, &file), 0);
}

const struct body_file *files_find(const struct body_file_list *l, const char *path)
{
    for (size_t i = 0; l && i < l->n_files; i++)
        if (str_equal(l->files[i].path, path))
            return &l->files[i];
    return NULL;
}
