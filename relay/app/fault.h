/* What is wrong with a configuration, collected: everything is looked at before anything is said, so that a file with five
 * mistakes is corrected once. Each fault is one line with the place where it stands. */
#ifndef RELAY_APP_FAULT_H
#define RELAY_APP_FAULT_H

#include <stdbool.h>

#include "base/buf.h"

struct faults {
    struct buf *out; /* borrowed; what does not fit is left out, the rest is still a fault */
    bool any;
    int error; /* negative: memory ran out while reading, and nothing is known about the rest */
};

/* `place` is a file and line, a variable's name, an option, or "" for what no single place is to blame for. */
__attribute__((format(printf, 3, 4))) void fault_add(struct faults *f, const char *place,
                                                     const char *format, ...);

/* Takes the result of something that can fail only for want of memory. */
void fault_note(struct faults *f, int result);

#endif
