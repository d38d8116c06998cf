#include "app/doctor/examination.h"

#include <stdarg.h>
#include <stdio.h>

static void end_line(void)
{
    putchar('\n');
    fflush(stdout); /* what comes next may take seconds */
}

void examination_well(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("ok     ", stdout);
    vprintf(format, arguments);
    end_line();
    va_end(arguments);
}

void examination_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("note   ", stdout);
    vprintf(format, arguments);
    end_line();
    va_end(arguments);
}

void examination_fault(struct examination *x, const char *advice, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("FAULT  ", stdout);
    vprintf(format, arguments);
    printf("\n       %s", advice);
    end_line();
    va_end(arguments);
    x->faults++;
}
