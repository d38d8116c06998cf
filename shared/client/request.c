#include "client/request.h"

#include <stdlib.h>

#include "base/str.h"

static struct request *from_node(struct map_node *n)
{
    return n ? container_of(n, struct request, node) : NULL;
}

static void mark(struct engine *e, const struct request *r, bool in_flight)
{
    struct session *s = engine_find_session(e, r->session_id.text);
    struct syncshell *y = engine_find_syncshell(e, r->syncshell_id.text);
    uint32_t *bits = *r->session_id.text ? (s ? &s->in_flight : NULL) : (y ? &y->in_flight : NULL);
    if (!bits || r->kind == REQUEST_SIGNAL || r->kind == REQUEST_DURABLE)
        return;
    if (in_flight)
        *bits |= UINT32_C(1) << r->kind;
    else
        *bits &= ~(UINT32_C(1) << r->kind);
}

static bool remember(struct engine *e, const struct request *r)
{
    if (r->kind == REQUEST_SIGNAL && e->requests.n_entries >= ENGINE_SIGNALS_MAX)
        return false;
    struct request *copy = calloc(1, sizeof *copy);
    if (!copy) {
        engine_fail(e, CODE_NO_MEMORY, "no memory for a request");
        return false;
    }
    *copy = *r;
    if (copy->deadline_us == 0)
        copy->deadline_us = copy->kind == REQUEST_SIGNAL
                                ? TIME_NEVER_US
                                : time_add_ms(e->now_us, e->config.request_timeout_ms);
    int result = map_insert(&e->requests, &copy->node, copy->message_id.text);
    if (result != 0) {
        free(copy);
        engine_check(e, result < 0 ? result : 0);
        return false;
    }
    /* The map owns the copy. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    mark(e, r, true);
    return true;
}

bool request_send_frame(struct engine *e, struct frame *frame, const struct request *r)
{
    if (e->stopped || (r && !remember(e, r)))
        return false;
    e->frames_sent++;
    engine_check(e, effects_send(&e->effects, frame_ref(frame)));
    return !e->stopped;
}

bool request_send(struct engine *e, const struct message *m, const struct request *r)
{
    struct buf text = BUF_INIT(ENGINE_FRAME_BYTES_MAX);
    struct frame *frame = NULL;
    int result = message_encode(m, &text);
    if (result == 0)
        result = frame_new(&frame, message_has_body(m), text.data, text.size);
    buf_deinit(&text);
    if (result != 0) {
        engine_fail(e, CODE_NO_MEMORY, "no memory for a frame");
        return false;
    }
    bool sent = request_send_frame(e, frame, r);
    frame_unref(frame);
    return sent;
}

struct request *request_take(struct engine *e, const char *message_id)
{
    struct request *r = from_node(map_find(&e->requests, message_id));
    if (!r)
        return NULL;
    map_remove(&e->requests, &r->node);
    mark(e, r, false);
    return r;
}

static void forget(struct engine *e, struct request *r)
{
    map_remove(&e->requests, &r->node);
    mark(e, r, false);
    free(r);
}

void request_forget_all(struct engine *e)
{
    struct map_node *n = map_next(&e->requests, NULL);
    while (n) {
        struct map_node *next = map_next(&e->requests, n);
        forget(e, from_node(n));
        n = next;
    }
}

void request_forget_signals(struct engine *e, const char *session_id, uint64_t below_generation)
{
    struct map_node *n = map_next(&e->requests, NULL);
    while (n) {
        struct map_node *next = map_next(&e->requests, n);
        struct request *r = from_node(n);
        if (r->kind == REQUEST_SIGNAL && r->number < below_generation &&
            str_equal(r->session_id.text, session_id))
            forget(e, r);
        n = next;
    }
}

uint64_t request_deadline_us(const struct engine *e)
{
    uint64_t due_us = TIME_NEVER_US;
    for (struct map_node *n = map_next(&e->requests, NULL); n; n = map_next(&e->requests, n))
        due_us = time_min(due_us, from_node(n)->deadline_us);
    return due_us;
}

bool request_overdue(const struct engine *e)
{
    return request_deadline_us(e) <= e->now_us;
}
