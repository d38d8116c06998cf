/* A directory that one test has for itself; and a cmocka prelude, since cmocka.h needs these headers before it. */
#ifndef TESTS_UNIT_TRANSPORT_SCRATCH_H
#define TESTS_UNIT_TRANSPORT_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SCRATCH_PATH_MAX = 256 };

struct scratch {
    char path[SCRATCH_PATH_MAX];
    int fd;
};

/* cmocka's setup and teardown: *state is a struct scratch. */
int scratch_setup(void **state);
int scratch_teardown(void **state); /* removes the directory and all in it */

/* `name` in the directory; the caller owns `ret_path` of SCRATCH_PATH_MAX bytes. */
void scratch_path(const struct scratch *s, const char *name, char *ret_path);

void scratch_write(const struct scratch *s, const char *name, const void *data, size_t size);

/* The file's bytes, to be freed; fails the test when there is none. */
uint8_t *scratch_read(const struct scratch *s, const char *name, size_t *ret_size);

#endif
