/* Preloaded into a client that will be killed: ends it, as SIGKILL does, at one step of its work. The steps are where the library meets
 * the system, so nothing in it has to know of them:
 *
 *   received      it has read from its relay, and done nothing with it yet
 *   applied       the engine has decided, the journal's batch is written, no sync has made it last
 *   journaled     it lasts, and nobody has been told
 *   acknowledged  it has written to its relay
 *   told          the application has an event, and the library does not know yet that it was taken
 *
 * Which step, and the how-manieth time, stands in the file that KILLPOINT_FILE names, shared with whoever plans the kill: the plan is made
 * while the client runs. */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define PRELOADED __attribute__((visibility("default")))

/* As clients.py numbers them. */
enum step { STEP_NONE, STEP_RECEIVED, STEP_APPLIED, STEP_JOURNALED, STEP_ACKNOWLEDGED, STEP_TOLD };

struct plan {
    _Atomic uint32_t step;
    _Atomic int32_t left; /* at 1 it is this time */
};

static struct plan *plan;
static int (*next_fsync)(int fd);
static int (*next_fdatasync)(int fd);

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("KILLPOINT_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    *(void **)&next_fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&next_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    if (fd < 0)
        return;
    plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (plan == MAP_FAILED)
        abort();
    (void)close(fd);
}

static void pass(enum step step)
{
    if (!plan || atomic_load(&plan->step) != step || atomic_fetch_sub(&plan->left, 1) != 1)
        return;
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

PRELOADED ssize_t recv(int fd, void *data, size_t size, int flags)
{
    ssize_t n = syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);

    if (n > 0)
        pass(STEP_RECEIVED);
    return n;
}

PRELOADED ssize_t send(int fd, const void *data, size_t size, int flags)
{
    ssize_t n = syscall(SYS_sendto, fd, data, size, flags, NULL, 0);

    if (n > 0)
        pass(STEP_ACKNOWLEDGED);
    return n;
}

PRELOADED ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t n = syscall(SYS_write, fd, data, size);

    if (n > 0 && fd == STDOUT_FILENO)
        pass(STEP_TOLD);
    return n;
}

PRELOADED int fsync(int fd)
{
    int r;

    pass(STEP_APPLIED);
    r = next_fsync(fd);
    pass(STEP_JOURNALED);
    return r;
}

PRELOADED int fdatasync(int fd)
{
    int r;

    pass(STEP_APPLIED);
    r = next_fdatasync(fd);
    pass(STEP_JOURNALED);
    return r;
}
