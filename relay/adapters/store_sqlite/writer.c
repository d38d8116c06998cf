#define _GNU_SOURCE /* nice, SCHED_BATCH */
#include "adapters/store_sqlite/writer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "adapters/store_sqlite/batch.h"
#include "adapters/store_sqlite/db.h"

enum {
    WRITER_NICE = 10,
    STOP_STEP_MS = 100,
};

static const uint64_t commit_bounds_us[] = {100,   250,   500,    1000,   2500,    5000,   10000,
                                            25000, 50000, 100000, 250000, 1000000, 5000000};

struct writer {
    /* the loop's */
    struct list staged;
    bool running;
    pthread_t thread;

    /* set before the thread starts */
    struct db *db;
    size_t batch_max;
    void (*wake)(void *userdata);
    void *userdata;

    /* under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t queued;
    struct list queue;
    struct list done;
    bool stopping;
    bool ended;
    struct store_stats stats;

    pthread_cond_t end; /* of the thread */
};

static uint64_t monotonic_us(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* fails only for a clock that does not exist */
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void list_move(struct list *from, struct list *to, size_t max)
{
    struct list_node *node;

    for (; max > 0 && (node = list_first(from)); max--) {
        list_unlink(node);
        list_append(to, node);
    }
}

/* Waits for work. False when there is none and there will be none. */
static bool writer_take(struct writer *w, struct list *batch, bool *ret_probe)
{
    (void)pthread_mutex_lock(&w->mutex);
    while (list_empty(&w->queue) && !w->stopping)
        (void)pthread_cond_wait(&w->queued, &w->mutex);
    list_move(&w->queue, batch, w->batch_max);
    *ret_probe = !w->stats.healthy;
    w->stats.working_since_us = list_empty(batch) ? 0 : monotonic_us();
    (void)pthread_mutex_unlock(&w->mutex);
    return !list_empty(batch);
}

static void stats_count(struct store_stats *stats, const struct batch_outcome *outcome,
                        uint64_t took_us, const char *error)
{
    stats->operations += outcome->n_operations;
    if (outcome->failed || outcome->read_failed)
        (void)snprintf(stats->last_error, sizeof stats->last_error, "%s", error);
    if (outcome->read_failed)
        stats->read_failed_us = monotonic_us();
    if (!outcome->writes)
        return;
    stats->healthy = !outcome->failed;
    if (!outcome->committed) {
        stats->failed_commits++;
        return;
    }
    stats->commits++;
    histogram_add(&stats->commit_us, took_us);
}

static void *writer_main(void *userdata)
{
    struct writer *w = userdata;
    struct list batch;
    bool probe = false;

    list_init(&batch);
    /* Linux takes both for the thread alone. Where it shares a core with the loop, whoever waits for a commit waits for the disk
     * anyway, but a routed message would wait until this thread has used up its time; and as a batch it never interrupts the loop
     * when the disk has answered. Refused or not, it makes no other difference. */
    (void)!nice(WRITER_NICE);
    if (sched_getscheduler(0) == SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    while (writer_take(w, &batch, &probe)) {
        struct batch_outcome outcome;
        uint64_t began_us = monotonic_us();

        batch_execute(w->db, &batch, probe, &outcome);
        (void)pthread_mutex_lock(&w->mutex);
        stats_count(&w->stats, &outcome, monotonic_us() - began_us, w->db->error);
        w->stats.working_since_us = 0;
        list_move(&batch, &w->done, SIZE_MAX);
        (void)pthread_mutex_unlock(&w->mutex);
        w->wake(w->userdata);
        /* After the answers, which need not wait for it. What fails here fails again at the next turn; the log keeps
         * everything meanwhile, and a commit that finds no room for it says so. */
        (void)db_checkpoint_if_due(w->db);
    }
    db_close(w->db); /* which writes, too */
    (void)pthread_mutex_lock(&w->mutex);
    w->ended = true;
    (void)pthread_cond_signal(&w->end);
    (void)pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* Signals are for the loop's thread. */
static int writer_start(struct writer *w)
{
    sigset_t all, before;
    int r;

    (void)sigfillset(&all);
    r = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (r != 0)
        return -r;
    r = pthread_create(&w->thread, NULL, writer_main, w);
    w->running = r == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* what it was a moment ago is valid */
    return -r;
}

/* None of these can fail with the attributes that they have here. */
static void init_locks(struct writer *w)
{
    pthread_condattr_t monotonic;

    (void)pthread_mutex_init(&w->mutex, NULL);
    (void)pthread_cond_init(&w->queued, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->end, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

int writer_new(struct writer **ret_writer, struct db *db, const struct store_options *options)
{
    struct writer *w = calloc(1, sizeof *w);
    int r;

    if (!w)
        return -ENOMEM;
    init_locks(w);
    list_init(&w->staged);
    list_init(&w->queue);
    list_init(&w->done);
    w->db = db;
    w->batch_max = options->batch_max ? options->batch_max : 1;
    w->wake = options->wake;
    w->userdata = options->userdata;
    w->stats.healthy = true;
    w->stats.commit_us = HISTOGRAM_INIT(commit_bounds_us);
    r = writer_start(w);
    if (r < 0) {
        (void)writer_free(w);
        return r;
    }
    *ret_writer = w;
    return 0;
}

static struct timespec after_ms(uint32_t ms)
{
    uint64_t end_us = monotonic_us() + (uint64_t)ms * 1000;

    return (struct timespec){.tv_sec = (time_t)(end_us / 1000000),
                             .tv_nsec = (long)(end_us % 1000000 * 1000)};
}

/* In steps, of which each counts for its length, however long it took: while the machine stood still the thread could do nothing
 * either, and a disk that answers is not given up for it. */
static bool wait_for_the_end(struct writer *w, uint32_t within_ms)
{
    bool ended;

    (void)pthread_mutex_lock(&w->mutex);
    while (!w->ended && within_ms > 0) {
        uint32_t step_ms = within_ms < STOP_STEP_MS ? within_ms : STOP_STEP_MS;
        struct timespec end = after_ms(step_ms);

        if (within_ms == WRITER_STOP_FOREVER)
            (void)pthread_cond_wait(&w->end, &w->mutex);
        else if (pthread_cond_timedwait(&w->end, &w->mutex, &end) != 0)
            within_ms -= step_ms;
    }
    ended = w->ended;
    (void)pthread_mutex_unlock(&w->mutex);
    return ended;
}

bool writer_stop(struct writer *w, uint32_t within_ms)
{
    if (!w->running)
        return true;
    writer_flush(w);
    (void)pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    (void)pthread_cond_signal(&w->queued);
    (void)pthread_mutex_unlock(&w->mutex);
    if (!wait_for_the_end(w, within_ms))
        return false;
    (void)pthread_join(w->thread, NULL);
    w->running = false;
    return true;
}

static void list_free_ops(struct list *l)
{
    struct list_node *node;

    while ((node = list_first(l)))
        (void)store_op_free(container_of(node, struct store_op, node)); /* unlinks it */
}

struct writer *writer_free(struct writer *w)
{
    if (!w)
        return NULL;
    (void)writer_stop(w, WRITER_STOP_FOREVER);
    list_free_ops(&w->staged);
    list_free_ops(&w->queue);
    list_free_ops(&w->done);
    (void)pthread_cond_destroy(&w->end);
    (void)pthread_cond_destroy(&w->queued);
    (void)pthread_mutex_destroy(&w->mutex);
    free(w);
    return NULL;
}

void writer_submit(struct writer *w, struct store_op *op)
{
    assert(w->running);
    list_append(&w->staged, &op->node);
}

void writer_flush(struct writer *w)
{
    if (list_empty(&w->staged))
        return;
    (void)pthread_mutex_lock(&w->mutex);
    list_move(&w->staged, &w->queue, SIZE_MAX);
    (void)pthread_mutex_unlock(&w->mutex);
    (void)pthread_cond_signal(&w->queued); /* now, or it would wake up only to wait for the mutex */
}

struct store_op *writer_collect(struct writer *w)
{
    struct list_node *node;

    (void)pthread_mutex_lock(&w->mutex);
    node = list_first(&w->done);
    if (node)
        list_unlink(node);
    (void)pthread_mutex_unlock(&w->mutex);
    return node ? container_of(node, struct store_op, node) : NULL;
}

void writer_stats(struct writer *w, struct store_stats *ret_stats)
{
    (void)pthread_mutex_lock(&w->mutex);
    *ret_stats = w->stats;
    (void)pthread_mutex_unlock(&w->mutex);
}
