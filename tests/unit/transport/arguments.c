#include "arguments.h"

#include <stdlib.h>
#include <string.h>

syncshell_options arguments_options(const struct fixture *f)
{
    syncshell_options o;

    syncshell_options_init(&o, sizeof o);
    o.state_dir = f->scratch->path;
    o.relay_url = NOWHERE;
    return o;
}

int arguments_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    syncshell_options o;
    void *scratch;

    assert_non_null(f);
    assert_int_equal(scratch_setup(&scratch), 0);
    f->scratch = scratch;
    o = arguments_options(f);
    assert_int_equal(syncshell_client_new(&o, &f->client), SYNCSHELL_OK);
    *state = f;
    return 0;
}

int arguments_teardown(void **state)
{
    struct fixture *f = *state;
    void *scratch = f->scratch;

    syncshell_client_free(f->client);
    free(f);
    return scratch_teardown(&scratch);
}

const char *text_of(size_t length)
{
    static char text[1 << 17];

    assert_true(length < sizeof text);
    memset(text, 'a', length);
    text[length] = '\0';
    return text;
}
