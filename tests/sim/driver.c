#include "driver.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 64, SEED_CPU_SECONDS = 60, OUTPUT_MAX = 1 << 20 };

/* What the workers and their parent share. */
struct shared {
    _Atomic uint64_t next;
    uint64_t end; /* no seed from here on */
    _Atomic bool time_is_up;
    struct {
        _Atomic uint64_t seed; /* 0: none */
        _Atomic uint64_t passed;
        struct sim_stats stats;
    } workers[JOBS_MAX];
};

struct worker {
    pid_t pid; /* 0: none */
    int output;
};

static struct sim sim;

/* A loop that never ends is ended by SIGPROF. */
static void limit_cpu(void)
{
    const struct itimerval t = {.it_value.tv_sec = SEED_CPU_SECONDS};
    setitimer(ITIMER_PROF, &t, NULL);
}

static void run_seed(uint64_t seed, const struct plan *plan, struct sim_stats *stats, bool trace)
{
    limit_cpu();
    sim.stats = stats;
    sim.tracing = trace;
    sim_run(&sim, plan, seed);
}

static int output_file(void)
{
    int fd = memfd_create("output", 0);
    if (fd < 0) {
        perror("memfd_create");
        exit(1);
    }
    return fd;
}

static char *output_read(int fd)
{
    char *text = calloc(1, OUTPUT_MAX + 1);
    off_t size = lseek(fd, 0, SEEK_END);
    off_t start = size > OUTPUT_MAX ? size - OUTPUT_MAX : 0;
    if (!text || pread(fd, text, OUTPUT_MAX, start) < 0)
        exit(1);
    return text;
}

static void redirect(int fd)
{
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
}

char *driver_try(uint64_t seed, const struct plan *plan, bool trace)
{
    int status;
    int fd = output_file();
    char *text = NULL;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct sim_stats stats = {0};
        redirect(fd);
        run_seed(seed, plan, &stats, trace);
        fflush(stdout);
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        text = output_read(fd);
    close(fd);
    return text;
}

/* --- many seeds ---------------------------------------------------------------------------------------------------- */

static _Noreturn void work(struct shared *shared, unsigned index, int fd)
{
    redirect(fd);
    while (!shared->time_is_up) {
        uint64_t seed = shared->next++;
        struct plan plan;
        if (seed >= shared->end)
            break;
        shared->workers[index].seed = seed;
        plan_make(&plan, seed);
        run_seed(seed, &plan, &shared->workers[index].stats, false);
        shared->workers[index].seed = 0;
        shared->workers[index].passed++;
    }
    exit(0); /* with a look for leaks */
}

static void start(struct shared *shared, struct worker *w, unsigned index)
{
    w->output = output_file();
    fflush(stdout);
    w->pid = fork();
    if (w->pid == 0)
        work(shared, index, w->output);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A worker has ended: whole, or in the middle of a seed. Whether a seed failed. */
static bool ended(struct shared *shared, struct worker *w, unsigned index, int status)
{
    uint64_t seed = shared->workers[index].seed;
    char *text = output_read(w->output);
    close(w->output);
    w->pid = 0;
    shared->workers[index].seed = 0;
    bool failed = status != 0;
    if (failed && seed == 0) {
        printf("FAILED after the last seed (a leak?)\n%s\n", text);
    } else if (failed) {
        struct plan plan;
        plan_make(&plan, seed);
        shrink(seed, &plan, text);
    }
    free(text);
    return failed;
}

static uint64_t run_workers(struct shared *shared, unsigned jobs, double until_s)
{
    struct worker workers[JOBS_MAX] = {{0}};
    uint64_t n_failed = 0;
    unsigned n_running = 0;
    for (unsigned i = 0; i < jobs; i++, n_running++)
        start(shared, &workers[i], i);
    while (n_running > 0) {
        int status;
        pid_t pid = waitpid(-1, &status, until_s > 0 ? WNOHANG : 0);
        if (until_s > 0 && now_s() >= until_s)
            shared->time_is_up = true;
        if (pid <= 0) {
            usleep(20000);
            continue;
        }
        for (unsigned i = 0; i < jobs; i++) {
            if (workers[i].pid != pid)
                continue;
            n_running--;
            if (ended(shared, &workers[i], i, status)) {
                n_failed++;
                start(shared, &workers[i], i);
                n_running++;
            }
        }
    }
    return n_failed;
}

static int run_many(const struct driver_options *o)
{
    double started_s = now_s();
    struct sim_stats sum = {0};
    uint64_t n_passed = 0;
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long n_processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t jobs = o->jobs ? o->jobs : (uint64_t)(n_processors > 0 ? n_processors : 1);
    if (shared == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    if (jobs > JOBS_MAX)
        jobs = JOBS_MAX;
    shared->next = o->first;
    shared->end = o->minutes ? UINT64_MAX : o->first + o->n_seeds;
    uint64_t n_failed =
        run_workers(shared, (unsigned)jobs, o->minutes ? started_s + (double)o->minutes * 60 : 0);
    for (unsigned i = 0; i < jobs; i++) {
        n_passed += shared->workers[i].passed;
        report_add(&sum, &shared->workers[i].stats);
    }
    report_print(&sum, n_passed + n_failed, now_s() - started_s);
    munmap(shared, sizeof *shared);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", n_passed, n_failed);
    return n_failed ? 1 : 0;
}

static int run_one(const struct driver_options *o)
{
    struct plan plan;
    struct sim_stats stats = {0};
    plan_make(&plan, o->seed);
    if (o->without && !plan_leave_out(&plan, o->without)) {
        fprintf(stderr, "--without %s: not a list of numbers\n", o->without);
        return 2;
    }
    if (o->trace) {
        run_seed(o->seed, &plan, &stats, true); /* here: what it prints is seen until the end */
    } else {
        char *output = driver_try(o->seed, &plan, false);
        if (output) {
            shrink(o->seed, &plan, output);
            free(output);
            printf("0 passed, 1 failed\n");
            return 1;
        }
    }
    printf("1 passed, 0 failed\n");
    return 0;
}

int driver_run(const struct driver_options *o)
{
    return o->one_seed ? run_one(o) : run_many(o);
}
