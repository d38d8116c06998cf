/* A message's fields as data: one table per struct says each field's JSON name, shape, range and place in the struct, and
 * one reader and one writer interpret it. So decoding and encoding cannot disagree, and a table reads like the schema.
 *
 * The FIELD_... macros check at compile time that the member has the type that the reader will write. */
#ifndef SHARED_WIRE_FIELD_H
#define SHARED_WIRE_FIELD_H

#include "wire/limits.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
    FIELD_STRING, /* char array: see string_valid; "" when absent */
    FIELD_U32,
    FIELD_U64,
    FIELD_BOOL,
    FIELD_ENUM,   /* an enum whose values index `names`; 0 when absent */
    FIELD_CODE,   /* enum wire_code; WIRE_CODE_NONE for a code of a later version */
    FIELD_STRUCT, /* nested object */
    FIELD_ARRAY,  /* array of objects, on the heap */
};

struct field;

/* The fields of one struct. */
struct field_group {
    const struct field *fields;
    size_t n_fields;
    size_t struct_bytes;
};

struct field {
    const char *name; /* in JSON */
    enum field_kind kind;
    bool optional;
    bool has_flag; /* an optional integer's presence lives in a bool at flag_offset */
    size_t offset; /* of the member in its struct */
    size_t flag_offset;
    size_t count_offset; /* FIELD_ARRAY: of the size_t that counts the elements */
    uint64_t min;        /* integers: smallest and largest value */
    uint64_t max;        /* FIELD_ARRAY: most elements; FIELD_ENUM: largest value */
    size_t string_bytes; /* FIELD_STRING: of the array, NUL included */
    bool (*string_valid)(const char *text, size_t length);
    const char *const *names;
    const struct field_group *group; /* FIELD_STRUCT, FIELD_ARRAY */
};

enum {
    FIELD_E_REFUSED = 1,
    FIELD_DETAIL_BYTES = 128,
};

/* What is wrong with a field: its name and a few words, never its value. */
struct field_refusal {
    char detail[FIELD_DETAIL_BYTES];
};

/* Reads every field of the group from `object` into `ret_base`, a zeroed struct. When it fails, the struct holds what was
 * read so far and field_group_release() is still due. 0, FIELD_E_REFUSED or -ENOMEM. */
int field_group_read(const struct field_group *group, void *ret_base, const json_t *object,
                     struct field_refusal *ret_refusal);

/* Whether an optional field is there. An optional string or enum is absent when it is "" or 0. */
bool field_present(const struct field *f, const void *base);

/* Sets every present field in `object`. Asserts that field_group_read() would accept it. 0 or -ENOMEM. */
int field_group_write(const struct field_group *group, const void *base, json_t *object);

/* Frees the arrays of the struct. */
void field_group_release(const struct field_group *group, void *base);

/* The enum values behind a name, 0 when none up to `max` has it. */
unsigned field_enum_from_name(const char *const *names, unsigned max, const char *text,
                              size_t length);

/* The offset of a member, refused by the compiler when the member is not of `type`. */
#define FIELD_OFFSET(T, member, type) \
    (offsetof(T, member) + 0 * sizeof((type *)0 == &((T *)0)->member))

#define FIELD_STRING_AT(T, member, json_name, valid)                          \
    .name = (json_name), .kind = FIELD_STRING, .offset = offsetof(T, member), \
    .string_bytes = sizeof(((T *)0)->member), .string_valid = (valid)

#define FIELD_U32_AT(T, member, json_name, min_value)                                    \
    .name = (json_name), .kind = FIELD_U32, .offset = FIELD_OFFSET(T, member, uint32_t), \
    .min = (min_value), .max = UINT32_MAX

#define FIELD_U64_AT(T, member, json_name, min_value)                                    \
    .name = (json_name), .kind = FIELD_U64, .offset = FIELD_OFFSET(T, member, uint64_t), \
    .min = (min_value), .max = WIRE_INTEGER_MAX

#define FIELD_BOOL_AT(T, member, json_name) \
    .name = (json_name), .kind = FIELD_BOOL, .offset = FIELD_OFFSET(T, member, bool)

#define FIELD_ENUM_AT(T, member, json_name, enum_type, enum_names, max_value)              \
    .name = (json_name), .kind = FIELD_ENUM, .offset = FIELD_OFFSET(T, member, enum_type), \
    .names = (enum_names), .max = (max_value)

#define FIELD_CODE_AT(T, member, json_name) \
    .name = (json_name), .kind = FIELD_CODE, .offset = FIELD_OFFSET(T, member, enum wire_code)

#define FIELD_STRUCT_AT(T, member, json_name, member_group)                   \
    .name = (json_name), .kind = FIELD_STRUCT, .offset = offsetof(T, member), \
    .group = (member_group)

#define FIELD_ARRAY_AT(T, member, count_member, json_name, max_elements, element_group) \
    .name = (json_name), .kind = FIELD_ARRAY, .offset = offsetof(T, member),            \
    .count_offset = FIELD_OFFSET(T, count_member, size_t), .max = (max_elements),       \
    .group = (element_group)

#define FIELD_OPTIONAL .optional = true
#define FIELD_OPTIONAL_FLAG(T, flag_member) \
    .optional = true, .has_flag = true, .flag_offset = FIELD_OFFSET(T, flag_member, bool)

#define FIELD_GROUP(T, table)                                              \
    {                                                                      \
        .fields = (table), .n_fields = sizeof(table) / sizeof((table)[0]), \
        .struct_bytes = sizeof(T)                                          \
    }

#endif
