/* Whole conversations with the relay's core in virtual time (tests/unit/core/world.h): two members with an open session, one peer
 * that has only authenticated, one that has only connected. A step is one byte: whose it is, and what it is; then what it needs. Whatever is
 * said, the relay's frames are well-formed, and in the end it holds nothing. */
#include "fuzz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/core/world.h"

#define SYNCSHELL "9f86d081884c7d65"
#define SESSION   "r-20240607-01"

enum { CLIENTS = 4, STEPS_MAX = 64 };
enum step {
    STEP_TEXT,
    STEP_BINARY,
    STEP_ADVANCE,
    STEP_RECONNECT,
    STEP_DISCONNECT,
    STEP_RESTART,
    STEP_HOLD_STORE,
    STEP_STALL,
    STEP_COUNT
};

struct input {
    const uint8_t *data;
    size_t size;
};

static unsigned take_number(struct input *in, unsigned n_bytes)
{
    unsigned number = 0;

    for (; n_bytes > 0 && in->size > 0; n_bytes--, in->size--)
        number = number << 8 | *in->data++;
    return number;
}

static void hear_all(struct world *w)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        while (hear(client_at(w, i)))
            ;
    }
}

/* As far as this one ever gets; the relay may refuse any of it by now. */
static void arrive(struct world *w, unsigned i)
{
    struct client *c = client_at(w, i);

    if (client_try_connect(c) || !hear(c))
        return;
    if (i < 3 && c->connection)
        say_authenticate(c);
    hear_all(w);
    if (i < 2 && c->connection)
        say_join(c, SYNCSHELL);
}

static void speak(struct client *c, bool binary, struct input *in)
{
    size_t size = take_number(in, 2);

    if (size > in->size)
        size = in->size;
    if (c->connection)
        say_raw(c, binary, in->data, size);
    in->data += size;
    in->size -= size;
}

static void take_step(struct world *w, struct input *in)
{
    unsigned byte = take_number(in, 1);
    struct client *c = client_at(w, byte % CLIENTS);

    switch ((enum step)(byte / CLIENTS % STEP_COUNT)) {
    case STEP_TEXT:
    case STEP_BINARY:
        speak(c, byte / CLIENTS % STEP_COUNT == STEP_BINARY, in);
        break;
    case STEP_ADVANCE:
        world_advance_ms(w, UINT64_C(1) << take_number(in, 1) % 20);
        break;
    case STEP_RECONNECT:
        if (!c->connection)
            arrive(w, byte % CLIENTS);
        break;
    case STEP_DISCONNECT:
        if (c->connection)
            client_disconnect(c);
        break;
    case STEP_RESTART:
        w->store_held = false;
        world_store_run(w);
        world_restart(w);
        break;
    case STEP_HOLD_STORE:
        w->store_held = !w->store_held;
        if (!w->store_held)
            world_store_run(w);
        break;
    case STEP_STALL:
        c->stalled = !c->stalled;
        if (!c->stalled && c->connection)
            world_settle(w);
        break;
    case STEP_COUNT:
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct input in = {data, size};

    world_init(&w);
    world_start(&w);
    (void)client_online(&w, 0);
    say_create(client_at(&w, 0), SYNCSHELL);
    say_join(client_at(&w, 0), SYNCSHELL);
    (void)client_online(&w, 1);
    say_join(client_at(&w, 1), SYNCSHELL);
    hear_all(&w);
    say_open(client_at(&w, 0), client_at(&w, 1), SESSION);
    (void)client_online(&w, 2);
    client_connect(client_at(&w, 3));
    hear_all(&w);
    for (int i = 0; i < STEPS_MAX && in.size > 0; i++) {
        take_step(&w, &in);
        hear_all(&w);
    }
    w.store_held = false;
    world_store_run(&w);
    for (unsigned i = 0; i < CLIENTS; i++)
        client_at(&w, i)->stalled = false;
    hear_all(&w);
    world_end(&w);
    hear_all(&w);
    return 0;
}
