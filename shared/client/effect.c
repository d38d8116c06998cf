#include "client/effect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct effect {
    struct list_node node;
    struct engine_effect public;
    uint64_t after_batch; /* not before this batch is committed */
    uint64_t connection;  /* SEND */
    char *key;            /* owned; also the URL */
    char *value;          /* owned */
};

static struct effect *effect_free(struct effect *f)
{
    if (!f)
        return NULL;
    list_unlink(&f->node);
    frame_unref(f->public.frame);
    event_free(f->public.event);
    free(f->key);
    free(f->value);
    free(f);
    return NULL;
}

static void clear(struct list *l)
{
    list_for_each_safe (n, next, l)
        effect_free(container_of(n, struct effect, node));
}

static struct effect *add(struct list *l, enum engine_effect_kind kind)
{
    struct effect *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->public.kind = kind;
    list_append(l, &f->node);
    return f;
}

void effects_init(struct effects *e)
{
    *e = (struct effects){0};
    list_init(&e->queue);
    list_init(&e->journal);
    list_init(&e->outputs);
}

void effects_deinit(struct effects *e)
{
    clear(&e->queue);
    clear(&e->journal);
    clear(&e->outputs);
    e->last = effect_free(e->last);
    e->last_word = event_free(e->last_word);
}

static int add_record(struct effects *e, enum engine_effect_kind op, const char *kind,
                      const char *key, const void *value, size_t size)
{
    struct effect *f = add(&e->journal, op);
    if (!f)
        return -ENOMEM;
    f->key = strdup(key);
    if (value)
        f->value = malloc(size + 1);
    if (!f->key || (value && !f->value)) {
        effect_free(f);
        return -ENOMEM;
    }
    if (value) {
        memcpy(f->value, value, size);
        f->value[size] = '\0';
    }
    f->public.record_kind = kind;
    f->public.record_key = f->key;
    f->public.record_value = f->value;
    f->public.record_value_size = size;
    return 0;
}

int effects_put(struct effects *e, const char *kind, const char *key, const void *value,
                size_t size)
{
    return add_record(e, ENGINE_JOURNAL_PUT, kind, key, value, size);
}

int effects_delete(struct effects *e, const char *kind, const char *key)
{
    return add_record(e, ENGINE_JOURNAL_DELETE, kind, key, NULL, 0);
}

int effects_send(struct effects *e, struct frame *takes_frame)
{
    struct effect *f = add(&e->outputs, ENGINE_SEND);
    if (!f) {
        frame_unref(takes_frame);
        return -ENOMEM;
    }
    f->public.frame = takes_frame;
    f->connection = e->connection;
    return 0;
}

int effects_event(struct effects *e, struct syncshell_event *takes_event)
{
    struct effect *f = add(&e->outputs, ENGINE_EVENT);
    if (!f) {
        event_free(takes_event);
        return -ENOMEM;
    }
    f->public.event = takes_event;
    return 0;
}

int effects_connect(struct effects *e, const char *url)
{
    struct effect *f = add(&e->outputs, ENGINE_CONNECT);
    if (!f)
        return -ENOMEM;
    f->key = strdup(url);
    f->public.url = f->key;
    if (!f->key) {
        effect_free(f);
        return -ENOMEM;
    }
    return 0;
}

int effects_disconnect(struct effects *e)
{
    return add(&e->outputs, ENGINE_DISCONNECT) ? 0 : -ENOMEM;
}

static void move_all(struct list *to, struct list *from, uint64_t after_batch)
{
    list_for_each_safe (n, next, from) {
        struct effect *f = container_of(n, struct effect, node);
        list_unlink(n);
        f->after_batch = after_batch;
        list_append(to, n);
    }
}

int effects_seal(struct effects *e)
{
    if (!list_empty(&e->journal)) {
        struct effect *commit = add(&e->journal, ENGINE_JOURNAL_COMMIT);
        if (!commit) {
            clear(&e->journal);
            clear(&e->outputs);
            return -ENOMEM;
        }
        commit->public.batch = ++e->batch;
        move_all(&e->queue, &e->journal, 0);
    }
    move_all(&e->queue, &e->outputs, e->batch);
    return 0;
}

static bool next_last_word(struct effects *e, struct engine_effect *ret_effect)
{
    if (!e->last_word)
        return false;
    *ret_effect = (struct engine_effect){.kind = ENGINE_EVENT, .event = e->last_word};
    e->last_word = NULL;
    return true;
}

bool effects_next(struct effects *e, struct engine_effect *ret_effect)
{
    e->last = effect_free(e->last);
    for (;;) {
        struct list_node *n = list_first(&e->queue);
        if (!n)
            return next_last_word(e, ret_effect);
        struct effect *f = container_of(n, struct effect, node);
        if (f->after_batch > e->committed)
            return false;
        if (f->public.kind == ENGINE_SEND && f->connection != e->connection) {
            effect_free(f);
            continue;
        }
        list_unlink(n);
        *ret_effect = f->public;
        f->public.frame = NULL;
        f->public.event = NULL;
        e->last = f;
        return true;
    }
}

void effects_committed(struct effects *e, uint64_t batch)
{
    if (batch > e->committed)
        e->committed = batch;
}

void effects_stop(struct effects *e, struct syncshell_event *takes_event)
{
    clear(&e->queue);
    clear(&e->journal);
    clear(&e->outputs);
    e->committed = e->batch;
    event_free(e->last_word);
    e->last_word = takes_event;
}
