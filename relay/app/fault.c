#include "app/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { FAULT_BYTES_MAX = 1024 };

void fault_add(struct faults *f, const char *place, const char *format, ...)
{
    char text[FAULT_BYTES_MAX];
    char line[2 * FAULT_BYTES_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    f->any = true;
    snprintf(line, sizeof line, "%s%s%s\n", place, *place ? ": " : "", text);
    fault_note(f, buf_append_str(f->out, line));
}

void fault_note(struct faults *f, int result)
{
    if (result < 0)
        f->error = result;
}
