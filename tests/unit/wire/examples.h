/* The example files of schema/wire, which the documentation, the schema test and the fuzzers read too. */
#ifndef TESTS_WIRE_EXAMPLES_H
#define TESTS_WIRE_EXAMPLES_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Calls `visit` for each file of schema/wire/<folder> whose name starts with `prefix` and ends with `suffix`, in order of
 * name. Fails the test when the folder cannot be read. Returns the number of files. */
size_t examples_visit(const char *folder, const char *prefix, const char *suffix,
                      void (*visit)(const char *folder, const char *name, void *userdata),
                      void *userdata);

bool example_exists(const char *folder, const char *name);

/* Appends the file; fails the test when it cannot be read. */
void example_read(struct buf *out, const char *folder, const char *name);

/* The frame made of <name>.json, its line feeds taken out, and <name>.body. A type that must have a body and has no such
 * file gets "{}". */
void example_frame(struct buf *out, const char *folder, const char *json_name, bool *ret_binary);

#endif
