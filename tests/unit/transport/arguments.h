/* A client for tests of arguments. Its relay is one that nobody listens at: what is accepted shows by its ticket. */
#ifndef TESTS_UNIT_TRANSPORT_ARGUMENTS_H
#define TESTS_UNIT_TRANSPORT_ARGUMENTS_H

#include "scratch.h"

#include <stddef.h>
#include <stdint.h>

#include <syncshell/syncshell.h>

#define NOWHERE "ws://127.0.0.1:1"

struct fixture {
    struct scratch *scratch;
    syncshell_client *client;
    uint64_t last_ticket;
};

syncshell_options arguments_options(const struct fixture *f);
int arguments_setup(void **state);
int arguments_teardown(void **state);

/* A text of `length` times 'a', until the next call. */
const char *text_of(size_t length);

#define REFUSED(call)                                   \
    do {                                                \
        uint64_t ticket = 77;                           \
        assert_int_equal((call), SYNCSHELL_E_ARGUMENT); \
        assert_int_equal(ticket, 77);                   \
    } while (0)

#define ACCEPTED(f, call)                       \
    do {                                        \
        uint64_t ticket = 0;                    \
        assert_int_equal((call), SYNCSHELL_OK); \
        assert_true(ticket > (f)->last_ticket); \
        (f)->last_ticket = ticket;              \
    } while (0)

#endif
