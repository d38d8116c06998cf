#define _GNU_SOURCE /* pthread_setname_np */

#include "transport/io_thread.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>
#include <syncshell/syncshell.h>

#include "base/timeutil.h"
#include "client/code.h"
#include "client/engine.h"
#include "client/event.h"
#include "transport/deadline.h"
#include "transport/invite_text.h"
#include "transport/receipt.h"

enum {
    COMMANDS_MAX = 1024,
    COMMANDS_BYTES_MAX = 16 * 1024 * 1024, /* a single larger one is let in when none waits */
    COMMANDS_PER_TURN = 64,
    SEND_PAUSE_BYTES = 4 * 1024 * 1024, /* commands wait while so much is unsent */
    SEND_MAX_BYTES = 64 * 1024 * 1024,  /* the connection is given up: the relay does not read */
};

struct io_thread {
    struct event_queue *events;
    struct journal *journal; /* owned from the start of the thread on */
    struct socket *socket;
    struct receipts *receipts;
    uint64_t open_batch; /* journal records that are not committed yet; 0: none */

    pthread_mutex_t engine_lock;
    struct engine *engine;

    pthread_mutex_t lock; /* for what follows */
    struct list commands;
    size_t n_commands;
    size_t commands_bytes;
    uint64_t last_ticket;
    bool stopping;            /* was asked to */
    bool ended;               /* STOPPED was told: no more commands */
    bool finished;            /* about to return */
    pthread_cond_t finishing; /* by the monotonic clock */
    void (*abandoned)(void *userdata);
    void *abandoned_userdata;

    bool started;
    pthread_t thread;
};

struct engine *io_thread_lock_engine(struct io_thread *io)
{
    (void)pthread_mutex_lock(&io->engine_lock);
    return io->engine;
}

void io_thread_unlock_engine(struct io_thread *io)
{
    (void)pthread_mutex_unlock(&io->engine_lock);
}

/* ---- commands ---- */

static void clear_commands(struct io_thread *io)
{
    list_for_each_safe (node, safe, &io->commands) {
        list_unlink(node);
        (void)command_free(container_of(node, struct command, node));
    }
    io->n_commands = 0;
    io->commands_bytes = 0;
}

static int add_command(struct io_thread *io, struct command *takes_command, uint64_t *ret_ticket)
{
    if (io->ended || io->stopping)
        return IO_THREAD_E_STOPPED;
    if (io->n_commands >= COMMANDS_MAX ||
        (io->n_commands > 0 && io->commands_bytes + takes_command->bytes > COMMANDS_BYTES_MAX))
        return IO_THREAD_E_FULL;
    takes_command->ticket = ++io->last_ticket;
    *ret_ticket = takes_command->ticket;
    list_append(&io->commands, &takes_command->node);
    io->commands_bytes += takes_command->bytes;
    if (io->n_commands++ == 0)
        socket_wake(io->socket);
    return 0;
}

int io_thread_command(struct io_thread *io, struct command *takes_command, uint64_t *ret_ticket)
{
    int r;

    (void)pthread_mutex_lock(&io->lock);
    r = add_command(io, takes_command, ret_ticket);
    (void)pthread_mutex_unlock(&io->lock);
    if (r)
        (void)command_free(takes_command);
    return r;
}

static struct command *next_command(struct io_thread *io)
{
    struct list_node *node;
    struct command *c = NULL;

    (void)pthread_mutex_lock(&io->lock);
    node = list_first(&io->commands);
    if (node) {
        c = container_of(node, struct command, node);
        list_unlink(node);
        io->n_commands--;
        io->commands_bytes -= c->bytes;
    }
    (void)pthread_mutex_unlock(&io->lock);
    return c;
}

static bool commands_wait(struct io_thread *io)
{
    bool wait;

    (void)pthread_mutex_lock(&io->lock);
    wait = io->n_commands > 0;
    (void)pthread_mutex_unlock(&io->lock);
    return wait && socket_queued_bytes(io->socket) < SEND_PAUSE_BYTES;
}

static bool is_stopping(struct io_thread *io)
{
    bool stopping;

    (void)pthread_mutex_lock(&io->lock);
    stopping = io->stopping;
    (void)pthread_mutex_unlock(&io->lock);
    return stopping;
}

static bool has_ended(struct io_thread *io)
{
    bool ended;

    (void)pthread_mutex_lock(&io->lock);
    ended = io->ended;
    (void)pthread_mutex_unlock(&io->lock);
    return ended;
}

/* ---- effects ---- */

/* The engine knows what is in an invite, but not how it is spelled. */
static void add_invite(struct io_thread *io, struct syncshell_event *event)
{
    char text[SYNCSHELL_INVITE_SIZE];
    struct invite invite;
    size_t size;
    int r = engine_invite(io_thread_lock_engine(io),
                          event_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, NULL), &invite);

    io_thread_unlock_engine(io);
    if (r == 0 && invite_text_encode(text, sizeof text, &size, &invite) == 0)
        event_add_text(event, SYNCSHELL_FIELD_INVITE, text);
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(&invite, sizeof invite);
}

/* After STOPPED nothing is done but to wait for the end. */
static void end(struct io_thread *io)
{
    (void)pthread_mutex_lock(&io->lock);
    io->ended = true;
    clear_commands(io);
    (void)pthread_mutex_unlock(&io->lock);
    socket_disconnect(io->socket);
}

static void tell(struct io_thread *io, struct syncshell_event *takes_event)
{
    if (event_type(takes_event) == SYNCSHELL_EVENT_SYNCSHELL_CREATED ||
        event_type(takes_event) == SYNCSHELL_EVENT_KEY_ROTATED)
        add_invite(io, takes_event);
    /* Before it is told: who has taken STOPPED must not get a ticket any more. */
    if (event_type(takes_event) == SYNCSHELL_EVENT_STOPPED)
        end(io);
    event_queue_put(io->events, takes_event);
}

/* What the engine cannot know: the thread itself cannot go on. */
static void fail(struct io_thread *io, const char *code, const char *message)
{
    struct syncshell_event *event;

    if (has_ended(io) || event_new(&event, SYNCSHELL_EVENT_STOPPED, 0) < 0)
        return;
    event_add_text(event, SYNCSHELL_FIELD_CODE, code);
    event_add_text(event, SYNCSHELL_FIELD_MESSAGE, message);
    tell(io, event);
}

/* One that stays in the journal until it was taken. */
static void tell_until_taken(struct io_thread *io, struct syncshell_event *takes_event)
{
    if (receipts_attach(io->receipts, takes_event) == 0) {
        tell(io, takes_event);
    } else {
        (void)event_free(takes_event);
        fail(io, CODE_NO_MEMORY, "memory ran out");
    }
}

static void commit(struct io_thread *io)
{
    bool committed = journal_commit(io->journal) == 0;
    struct engine *e = io_thread_lock_engine(io);

    engine_journal_done(e, socket_now_us(), io->open_batch, committed);
    io_thread_unlock_engine(io);
    io->open_batch = 0;
}

static void dial(struct io_thread *io, const char *text)
{
    const struct wire_key pin = engine_certificate_pin(io_thread_lock_engine(io));
    struct relay_url url;

    io_thread_unlock_engine(io);
    /* One from an older journal may be of a kind that is not dialled any more. */
    if (relay_url_parse(&url, text) < 0)
        fail(io, CODE_BAD_ARGUMENT, "the relay's URL cannot be dialled");
    else
        socket_connect(io->socket, &url, &pin);
}

static void send_frame(struct io_thread *io, struct frame *takes_frame)
{
    if (socket_send(io->socket, takes_frame) < 0)
        fail(io, CODE_NO_MEMORY, "memory ran out");
    else if (socket_queued_bytes(io->socket) > SEND_MAX_BYTES)
        socket_disconnect(io->socket);
}

static void apply(struct io_thread *io, const struct engine_effect *effect)
{
    switch (effect->kind) {
    case ENGINE_CONNECT:
        dial(io, effect->url);
        return;
    case ENGINE_DISCONNECT:
        socket_disconnect(io->socket);
        return;
    case ENGINE_SEND:
        send_frame(io, effect->frame);
        return;
    case ENGINE_JOURNAL_PUT:
        journal_put(io->journal, effect->record_kind, effect->record_key, effect->record_value,
                    effect->record_value_size);
        return;
    case ENGINE_JOURNAL_DELETE:
        journal_delete(io->journal, effect->record_kind, effect->record_key);
        return;
    case ENGINE_JOURNAL_COMMIT:
        /* Carried out when the engine has nothing else to say, so that batches that wait together become one. */
        io->open_batch = effect->batch;
        return;
    case ENGINE_EVENT:
        if (event_receipt(effect->event))
            tell_until_taken(io, effect->event);
        else
            tell(io, effect->event);
        return;
    }
}

static bool next_effect(struct io_thread *io, struct engine_effect *ret_effect)
{
    struct engine *e = io_thread_lock_engine(io);
    /* Its texts stay valid: only this thread asks for the next. */
    bool got = engine_next_effect(e, ret_effect);

    io_thread_unlock_engine(io);
    return got;
}

static void pump(struct io_thread *io)
{
    struct engine_effect effect;

    while (!has_ended(io) && !event_queue_full(io->events)) {
        if (next_effect(io, &effect))
            apply(io, &effect);
        else if (io->open_batch)
            commit(io);
        else
            return;
    }
    if (io->open_batch)
        commit(io);
}

/* ---- inputs ---- */

static void on_connected(void *userdata, const struct wire_key *key)
{
    struct io_thread *io = userdata;

    engine_connected_to(io_thread_lock_engine(io), socket_now_us(), key);
    io_thread_unlock_engine(io);
}

static_assert((int)SOCKET_TEXT_MAX <= (int)ENGINE_FAULT_TEXT_MAX,
              "the engine takes a whole sentence");

static const char *code_of(enum socket_fault fault)
{
    switch (fault) {
    case SOCKET_FAULT_PIN:
        return CODE_WRONG_CERTIFICATE_PIN;
    case SOCKET_FAULT_CERTIFICATE:
        return CODE_CERTIFICATE_REFUSED;
    case SOCKET_FAULT_NONE:
        break;
    }
    return NULL;
}

static void on_disconnected(void *userdata, const struct socket_end *end)
{
    struct io_thread *io = userdata;
    struct engine *e = io_thread_lock_engine(io);

    engine_connection_fault(e, &(struct engine_fault){.code = code_of(end->fault),
                                                      .text = end->text,
                                                      .retry_after_ms = end->retry_after_ms});
    engine_disconnected(e, socket_now_us(), end->close_code);
    io_thread_unlock_engine(io);
}

static void on_received(void *userdata, bool binary, const uint8_t *data, size_t size)
{
    struct io_thread *io = userdata;

    engine_receive(io_thread_lock_engine(io), socket_now_us(), binary, data, size);
    io_thread_unlock_engine(io);
}

static void take_receipts(struct io_thread *io)
{
    uint64_t number;

    while (receipts_take(io->receipts, &number)) {
        engine_event_taken(io_thread_lock_engine(io), socket_now_us(), number);
        io_thread_unlock_engine(io);
    }
}

static void run_commands(struct io_thread *io)
{
    for (int i = 0; i < COMMANDS_PER_TURN && commands_wait(io) && !event_queue_full(io->events);
         i++) {
        struct command *c = next_command(io);

        /* A negative result is a want of memory that the engine has told of: its event STOPPED follows. */
        (void)command_run(c, io_thread_lock_engine(io), socket_now_us());
        io_thread_unlock_engine(io);
        (void)command_free(c);
    }
}

static void tick_if_due(struct io_thread *io)
{
    struct engine *e = io_thread_lock_engine(io);
    uint64_t now_us = socket_now_us();

    if (engine_deadline_us(e) <= now_us)
        engine_tick(e, now_us);
    io_thread_unlock_engine(io);
}

static uint64_t deadline_us(struct io_thread *io)
{
    uint64_t due_us;

    if (has_ended(io))
        return TIME_NEVER_US;
    if (commands_wait(io))
        return socket_now_us();
    due_us = engine_deadline_us(io_thread_lock_engine(io));
    io_thread_unlock_engine(io);
    return due_us;
}

static void turn(struct io_thread *io)
{
    take_receipts(io);
    run_commands(io);
    tick_if_due(io);
    pump(io);
    if (event_queue_full(io->events)) {
        event_queue_wait_for_room(io->events);
        return;
    }
    if (socket_service(io->socket, deadline_us(io)) < 0) {
        fail(io, CODE_NO_MEMORY, "the network loop failed");
        event_queue_wait_for_end(io->events); /* there is no loop any more to wait in */
    }
}

/* What the journal is to have still goes there, however many events wait: nobody takes one any more. */
static void write_down(struct io_thread *io)
{
    struct engine_effect effect;

    while (!has_ended(io)) {
        if (!next_effect(io, &effect)) {
            if (!io->open_batch)
                return;
            commit(io);
        } else if (effect.kind == ENGINE_EVENT) {
            (void)event_free(effect.event);
        } else if (effect.kind != ENGINE_CONNECT) {
            apply(io, &effect);
        }
    }
}

static void finish(struct io_thread *io)
{
    void (*abandoned)(void *);
    void *userdata;

    receipts_close(io->receipts);
    take_receipts(io);
    write_down(io);
    io->socket = socket_free(io->socket);
    io->journal = journal_free(io->journal);
    (void)pthread_mutex_lock(&io->lock);
    io->finished = true;
    (void)pthread_cond_signal(&io->finishing);
    abandoned = io->abandoned;
    userdata = io->abandoned_userdata;
    (void)pthread_mutex_unlock(&io->lock);
    if (abandoned)
        abandoned(userdata);
}

static void *run(void *userdata)
{
    struct io_thread *io = userdata;

    while (!is_stopping(io))
        turn(io);
    finish(io);
    return NULL;
}

/* ---- life ---- */

static int start_thread(struct io_thread *io)
{
    sigset_t all, before;
    int r;

    /* The thread inherits the mask, so there is no moment in which the host's handlers could run on it. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&io->thread, NULL, run, io);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0)
        return -r;
    (void)pthread_setname_np(io->thread, "syncshell"); /* for people who look */
    io->started = true;
    return 0;
}

static int start_engine(struct io_thread *io, const char *relay_url)
{
    int r = engine_start(io->engine, socket_now_us(), relay_url);

    if (r == ENGINE_E_RECORD)
        return IO_THREAD_E_RECORD;
    return r > 0 ? -EINVAL : r;
}

static void on_receipt(void *userdata)
{
    const struct io_thread *io = userdata;

    socket_wake(io->socket);
}

int io_thread_new(struct io_thread **ret_io, const struct io_thread_parts *parts)
{
    struct io_thread *io = calloc(1, sizeof *io);
    struct socket_handler handler = {
        .userdata = io,
        .connected = on_connected,
        .disconnected = on_disconnected,
        .received = on_received,
    };
    int r;

    if (!io)
        return -ENOMEM;
    list_init(&io->commands);
    (void)pthread_mutex_init(&io->lock, NULL);
    (void)pthread_mutex_init(&io->engine_lock, NULL);
    deadline_cond_init(&io->finishing);
    io->engine = parts->engine;
    io->journal = parts->journal;
    io->events = parts->events;
    if ((r = receipts_new(&io->receipts, on_receipt, io)) ||
        (r = socket_new(&io->socket, parts->ca_file, &handler)) ||
        (r = start_engine(io, parts->relay_url)) || (r = start_thread(io))) {
        io->journal = NULL; /* stays the caller's */
        (void)io_thread_free(io);
        return r;
    }
    *ret_io = io;
    return 0;
}

int io_thread_stop(struct io_thread *io, uint32_t timeout_ms, void (*abandoned)(void *userdata),
                   void *userdata)
{
    const struct timespec until = deadline_after_ms(timeout_ms);
    pthread_t thread = io->thread;
    bool finished;
    int r = 0;

    event_queue_release(io->events);
    (void)pthread_mutex_lock(&io->lock);
    io->stopping = true;
    socket_wake(io->socket); /* the thread frees the socket only once it has seen `stopping` */
    while (!io->finished && r == 0)
        r = pthread_cond_timedwait(&io->finishing, &io->lock, &until);
    finished = io->finished;
    if (!finished) {
        io->abandoned = abandoned;
        io->abandoned_userdata = userdata;
    }
    (void)pthread_mutex_unlock(&io->lock);
    if (!finished) {
        (void)pthread_detach(thread);
        return IO_THREAD_E_BUSY;
    }
    (void)pthread_join(thread, NULL); /* it has nothing left to do but to return */
    return 0;
}

struct io_thread *io_thread_free(struct io_thread *io)
{
    if (!io)
        return NULL;
    clear_commands(io);
    receipts_unref(io->receipts);
    io->socket = socket_free(io->socket);
    (void)journal_free(io->journal);
    (void)pthread_cond_destroy(&io->finishing);
    (void)pthread_mutex_destroy(&io->lock);
    (void)pthread_mutex_destroy(&io->engine_lock);
    free(io);
    return NULL;
}
