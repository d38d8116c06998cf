/* The client's one thread: it owns the socket, the journal's writes and the engine's clock, and carries what goes between
 * them, the engine and the application.
 *
 *     commands ──►┐                      ┌──► socket (CONNECT, SEND, DISCONNECT)
 *     socket   ──►├─► engine ─► effects ─┼──► journal (PUT, DELETE, COMMIT), back as engine_journal_done()
 *     time     ──►┘                      └──► event queue
 *
 * - The engine is used under a lock, so that other threads may ask it things (io_thread_lock_engine()); it is held for one
 *   call at a time, never while waiting, writing to disk, or calling the application.
 * - While the event queue is full the thread waits for room and does nothing else: no command is taken, nothing is read
 *   from the relay, no answer is made. So everything behind is bounded too. A client that stays so for longer than the
 *   relay's patience counts as away, which it is.
 * - Commands wait in a queue with a limit by number and by bytes.
 * - Receipts of events that were freed are taken before anything else, and at the end once more: an application that is
 *   done with an event and frees the client in order is not told it again.
 * - All signals are blocked in it. */
#ifndef SHARED_TRANSPORT_IO_THREAD_H
#define SHARED_TRANSPORT_IO_THREAD_H

#include "transport/command.h"
#include "transport/event_queue.h"
#include "transport/journal.h"
#include "transport/socket.h"

#include <stdint.h>

struct io_thread;

struct io_thread_parts {
    struct engine *engine;   /* loaded, not started */
    struct journal *journal; /* open, its records loaded into the engine */
    struct event_queue *events;
    const char *ca_file;   /* NULL: the system's authorities */
    const char *relay_url; /* NULL: the journaled one */
};

enum {
    IO_THREAD_E_RECORD = 1, /* the journal's records contradict each other */
    IO_THREAD_E_FULL = 2,   /* too many commands wait */
    IO_THREAD_E_STOPPED = 3,
    IO_THREAD_E_BUSY = 4, /* it did not end in time */
};

/* Starts engine and thread. On success the journal is taken, the other parts are borrowed until io_thread_free(). 0,
 * IO_THREAD_E_RECORD, -EINVAL (the CA file or the URL), or another negative errno. */
int io_thread_new(struct io_thread **ret_io, const struct io_thread_parts *parts);

/* Takes the command and gives it the next ticket. 0, IO_THREAD_E_FULL or IO_THREAD_E_STOPPED. Any thread. */
int io_thread_command(struct io_thread *io, struct command *takes_command, uint64_t *ret_ticket);

/* For what the engine only answers. Any thread. */
struct engine *io_thread_lock_engine(struct io_thread *io);
void io_thread_unlock_engine(struct io_thread *io);

/* Asks the thread to end and waits for it. 0, or IO_THREAD_E_BUSY after `timeout_ms`: the thread will then call
 * `abandoned(userdata)` as the last thing that it does, and nobody else may touch it or its parts any more. */
int io_thread_stop(struct io_thread *io, uint32_t timeout_ms, void (*abandoned)(void *userdata),
                   void *userdata);

struct io_thread *io_thread_free(struct io_thread *io); /* one that has ended, or never started */

#endif
