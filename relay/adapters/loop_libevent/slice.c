/* Since 6.12 Linux lets a thread that asks for short slices interrupt at once one whose slice is longer, for whose end it would
 * otherwise wait: milliseconds, on a busy core most of the time that a routed message took. Older kernels and sandboxes ignore or
 * refuse it, and nothing is lost. A policy that the operator has chosen stays.
 *
 * A file of its own, because the kernel's header, the only one with this structure, and libc's <sched.h> exclude one another. */
#define _GNU_SOURCE /* syscall */
#include "adapters/loop_libevent/slice.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLICE_NS = 100000 }; /* the least that it takes */

void slice_shorten(void)
{
    struct sched_attr attr = {0};

    if (syscall(SYS_sched_getattr, 0, &attr, SCHED_ATTR_SIZE_VER0, 0) < 0 ||
        attr.sched_policy != SCHED_NORMAL)
        return;
    attr.size = SCHED_ATTR_SIZE_VER0;
    attr.sched_flags = 0;
    attr.sched_runtime = SLICE_NS;
    (void)syscall(SYS_sched_setattr, 0, &attr, 0);
}
