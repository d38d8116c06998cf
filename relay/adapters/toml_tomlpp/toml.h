/* TOML parsing by toml++ behind a C interface: a document becomes a flat list of dotted keys with typed values and the
 * line each stands on. Arrays of strings are supported, and arrays of tables, [[name]], whose tables are counted from 1: each
 * begins with a TOML_TABLE of its own. Other nested values are reported with type TOML_OTHER, and a table without any key as
 * TOML_EMPTY_TABLE, because a section that was left empty may be a misspelt one. No key and no text has a
 * NUL inside, and no key more than TOML_DEPTH_MAX parts: a document with one is refused. */
#ifndef RELAY_ADAPTERS_TOML_TOMLPP_TOML_H
#define RELAY_ADAPTERS_TOML_TOMLPP_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum toml_type {
    TOML_STRING = 1,
    TOML_INTEGER,
    TOML_BOOLEAN,
    TOML_STRINGS, /* array of strings */
    TOML_OTHER,
    TOML_EMPTY_TABLE,
    TOML_TABLE, /* here begins a table of an array of tables */
};

struct toml_value {
    char *key; /* dotted: "listen.port" */
    enum toml_type type;
    uint32_t line;  /* from 1 */
    uint32_t table; /* of an array of tables: which one, from 1; 0: it is in none */
    char *string;
    int64_t integer;
    bool boolean;
    char **strings; /* NULL-terminated */
};

struct toml_document {
    struct toml_value *values; /* in the order of their lines */
    size_t n_values;
};

struct toml_error {
    uint32_t line; /* 0: the file could not be read */
    uint32_t column;
    char text[256];
};

enum {
    TOML_FILE_BYTES_MAX = 1 << 20,
    TOML_DEPTH_MAX = 16,
    TOML_DOTS_MAX = 8192, /* in a file, each of which may open a table inside of another */
};

/* 0, or negative with ret_error filled: -EINVAL syntax, -EFBIG over TOML_FILE_BYTES_MAX or TOML_DOTS_MAX, -ENOMEM, or the errno of
 * reading the file. */
int toml_load(struct toml_document *ret_document, const char *path, struct toml_error *ret_error);
void toml_document_deinit(struct toml_document *d);

#ifdef __cplusplus
}
#endif

#endif
