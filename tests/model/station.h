/* One client's machine in virtual time: an engine, the disk that survives it, and the application that takes its events.
 *
 * A station carries the engine's effects out one at a time and counts them. Between any two it may be killed: the engine
 * is gone, the batch that was not committed is gone, so are the events that nobody took, and station_boot() makes a new
 * engine from the records on the disk.
 * What the other end of the connection does is up to the port. */
#ifndef TESTS_MODEL_STATION_H
#define TESTS_MODEL_STATION_H

#include <syncshell/syncshell.h>

#include "base/list.h"
#include "client/engine.h"
#include "model/stub_crypto.h"

struct station;

/* The other end. Called while effects are carried out: must not call into the engine. */
struct port {
    void (*dial)(struct station *s, const char *url);
    void (*hang_up)(struct station *s);
    void (*send)(struct station *s, struct frame *takes_frame);
    void (*killed)(struct station *s); /* NULL: nobody cares */
};

struct disk_record {
    struct list_node node;
    uint64_t
        name; /* a hash of kind and key: a disk with thousands of records is looked through for each write */
    char *kind;
    char *key;
    char *value; /* NULL in a batch: to be deleted */
    size_t size;
};

struct station {
    struct engine *engine; /* NULL: not running */
    struct engine_config config;
    struct stub_crypto crypto;
    const struct port *port;
    void *userdata;
    const uint64_t *now_us;
    struct list disk;  /* committed */
    struct list batch; /* not yet */
    struct list events;
    uint64_t n_steps;      /* effects and commits so far */
    uint64_t kill_at_step; /* 0: never */
    uint64_t n_writes;     /* records put or deleted so far */
    bool killed;           /* by kill_at_step; cleared by station_boot() */
    bool disk_held;        /* commits wait for station_commit() */
    bool disk_fails;
    uint64_t held_batch;
    void (*before_start)(struct station *s); /* NULL, or what is set before the engine starts */
    void (*before_call)(
        struct station *s); /* NULL, or what happens around every call into the engine */
    void (*after_call)(struct station *s);
    struct syncshell_event *current; /* what station_expect() returned last */
    uint64_t ticket;
};

void station_init(struct station *s, unsigned n, const struct port *port, void *userdata,
                  const uint64_t *now_us);
void station_deinit(struct station *s); /* checks that nothing leaked */

/* Starts the engine from the disk. */
void station_boot(struct station *s, const char *relay_url);
void station_kill(struct station *s);

/* Around every call into the engine: STATION_CALL(s, engine_tick(s->engine, now)). */
void station_enter(struct station *s);
void station_leave(struct station *s);
#define STATION_CALL(s, call) \
    do {                      \
        if ((s)->engine) {    \
            station_enter(s); \
            call;             \
            station_leave(s); \
        }                     \
    } while (0)

/* Carries out effects until there is none. True when there was at least one. */
bool station_work(struct station *s);
void station_commit(struct station *s); /* the batch that disk_held holds back */

/* Commands: the next ticket. */
uint64_t station_ticket(struct station *s);
uint64_t station_report(struct station *s, const char *session, struct body_file_list *takes_files);

/* Events, oldest first; one that was returned lives, and is not taken, until the next call. */
struct syncshell_event *station_next(struct station *s); /* NULL: none */
struct syncshell_event *station_expect(struct station *s, int32_t type);
struct syncshell_event *station_skip_to(struct station *s,
                                        int32_t type); /* drops those before it */
struct syncshell_event *station_find(struct station *s,
                                     int32_t type); /* NULL: not among the waiting */
void station_expect_none(struct station *s);
void station_forget(struct station *s);
const char *event_string(const struct syncshell_event *e, int32_t field); /* "" when absent */
uint64_t event_number(const struct syncshell_event *e,
                      int32_t field); /* asserts that it is there */

/* The disk. */
const struct disk_record *station_record(const struct station *s, const char *kind,
                                         const char *key);
size_t station_records(const struct station *s, const char *kind);
void station_set_record(struct station *s, const char *kind, const char *key, const char *value);

/* Files. */
struct body_file file_done(const char *path, const char *hash, uint64_t size_bytes);
struct body_file file_partial(const char *path, uint64_t size_bytes, uint64_t begin, uint64_t end);
void files_add(struct body_file_list *l, struct body_file file);
const struct body_file *files_find(const struct body_file_list *l, const char *path);

#endif
