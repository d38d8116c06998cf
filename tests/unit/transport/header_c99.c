/* The public header in plain C99, with every warning an error: compiling it is the test. */
#include <syncshell/syncshell.h>

int32_t header_c99(void);

int32_t header_c99(void)
{
    syncshell_options options;

    syncshell_options_init(&options, sizeof options);
    return (int32_t)options.events_max;
}
