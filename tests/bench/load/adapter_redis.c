/* Redis over TCP (RESP 2): a durable write appends to a list; the reply is the list's length. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/die.h"
#include "bench/load/load.h"
#include "bench/load/text.h"

struct redis {
    size_t *lanes; /* of the writes that are on their way: replies keep the order */
    size_t head;
    size_t count;
    size_t capacity;
};

static void opened(struct endpoint *e)
{
    struct redis *s = e->state;
    s->capacity = e->load->n_lanes;
    s->lanes = calloc(s->capacity, sizeof *s->lanes);
    if (!s->lanes)
        die("no memory");
    endpoint_ready(e);
}

static void received(struct endpoint *e, enum ws_opcode opcode, const char *data, size_t size)
{
    struct redis *s = e->state;
    if (memchr(data, '-', size))
        text_unexpected(data, size);
    for (const char *end; (end = memchr(data, '\n', size)); data = end + 1) {
        size -= (size_t)(end + 1 - data);
        if (s->count == 0)
            die("a reply to nothing");
        size_t lane = s->lanes[s->head];
        s->head = (s->head + 1) % s->capacity;
        s->count--;
        endpoint_stored(e, lane);
    }
}

static void store(struct endpoint *e, size_t lane)
{
    struct redis *s = e->state;
    char key[64];
    char head[160];
    size_t size = e->load->options.size;
    int key_size = snprintf(key, sizeof key, "session:%zu:%zu", e->index, lane);
    int n = snprintf(head, sizeof head, "*3\r\n$5\r\nRPUSH\r\n$%d\r\n%s\r\n$%zu\r\n", key_size, key,
                     size);
    link_write(&e->link, head, (size_t)n);
    link_write(&e->link, e->load->payload, size);
    link_write(&e->link, "\r\n", 2);
    s->lanes[(s->head + s->count++) % s->capacity] = lane;
}

const struct adapter adapter_redis = {.name = "redis",
                                      .raw = true,
                                      .state_size = sizeof(struct redis),
                                      .opened = opened,
                                      .received = received,
                                      .store = store};
