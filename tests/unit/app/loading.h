/* Loads a configuration from texts, in a folder of its own, and keeps what was said about it. */
#ifndef TESTS_UNIT_APP_LOADING_H
#define TESTS_UNIT_APP_LOADING_H

#include "app/config.h"

struct loading {
    int result;
    struct settings settings; /* when result is 0 */
    char faults[8192];
};

/* Group setup and teardown: a folder to be in, so that the file is called "relay.toml". */
int loading_enter_folder(void **state);
int loading_leave_folder(void **state);

/* `file` is the text of relay.toml, NULL: no file; the lists are NULL-terminated, NULL: empty. */
void loading_run(struct loading *l, const char *file, const char *const *environment,
                 const char *const *assignments);
void loading_end(struct loading *l);

/* A file in that folder which nobody else can read. Whoever wrote it unlinks it. */
void loading_write_secret(const char *name, const char *text);

/* Loads, and asserts that exactly these lines were said. */
void loading_expect_faults(const char *file, const char *const *environment,
                           const char *const *assignments, const char *faults);

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
