#include "app/doctor/interruption.h"

#include <signal.h>
#include <stddef.h>

#include "program/interrupt.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

/* Those that would end this process. */
static sigset_t all(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!interrupt_is_ignored(numbers[i]))
            sigaddset(&set, numbers[i]);
    return set;
}

void interruption_hold(void)
{
    const sigset_t set = all();
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Asked, not told: a handler would need a variable that everybody sees. */
bool interruption_came(void)
{
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigismember(&pending, numbers[i]) == 1)
            return true;
    return false;
}

void interruption_let(void)
{
    const sigset_t set = all();
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
