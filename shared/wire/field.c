#include "wire/field.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/code.h"

/* Where in the header a group stands: "" or the name of the field that holds it. */
struct reader {
    const char *scope;
    struct field_refusal *refusal;
};

static int refuse(const struct reader *r, const struct field *f, const char *what)
{
    const char *dot = r->scope[0] != '\0' ? "." : "";

    (void)snprintf(r->refusal->detail, sizeof(r->refusal->detail), "%s%s%s %s", r->scope, dot,
                   f->name, what);
    return FIELD_E_REFUSED;
}

static int read_string(const struct reader *r, const struct field *f, char *ret_text,
                       const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text)
        return refuse(r, f, "is not a string");

    size_t length = json_string_length(value);
    if (length >= f->string_bytes)
        return refuse(r, f, "is too long");
    if (!f->string_valid(text, length))
        return refuse(r, f, "is malformed");
    memcpy(ret_text, text, length + 1);
    return 0;
}

static int read_integer(const struct reader *r, const struct field *f, uint64_t *ret_value,
                        const json_t *value)
{
    if (!json_is_integer(value))
        return refuse(r, f, "is not an integer");

    json_int_t number = json_integer_value(value);
    if (number < 0 || (uint64_t)number < f->min || (uint64_t)number > f->max)
        return refuse(r, f, "is out of range");
    *ret_value = (uint64_t)number;
    return 0;
}

unsigned field_enum_from_name(const char *const *names, unsigned max, const char *text,
                              size_t length)
{
    for (unsigned i = 1; i <= max; i++) {
        if (names[i] && strlen(names[i]) == length && memcmp(names[i], text, length) == 0)
            return i;
    }
    return 0;
}

static int read_enum(const struct reader *r, const struct field *f, void *ret_value,
                     const json_t *value)
{
    const char *text = json_string_value(value);
    unsigned number;

    if (!text)
        return refuse(r, f, "is not a string");
    number = field_enum_from_name(f->names, (unsigned)f->max, text, json_string_length(value));
    if (number == 0)
        return refuse(r, f, "is not one of its values");
    memcpy(ret_value, &number, sizeof(number));
    return 0;
}

/* The shape of every code there will ever be: [a-z][a-z0-9_]{0,63}. */
static bool code_shape_valid(const char *text, size_t length)
{
    if (length < 1 || length > 64 || text[0] < 'a' || text[0] > 'z')
        return false;
    for (size_t i = 1; i < length; i++) {
        char c = text[i];

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_')
            return false;
    }
    return true;
}

static int read_code(const struct reader *r, const struct field *f, enum wire_code *ret_code,
                     const json_t *value)
{
    const char *text = json_string_value(value);

    if (!text)
        return refuse(r, f, "is not a string");
    if (!code_shape_valid(text, json_string_length(value)))
        return refuse(r, f, "is malformed");
    *ret_code = wire_code_from_name(text);
    return 0;
}

static int read_group(const struct reader *r, const struct field_group *group, char *ret_base,
                      const json_t *object);

static int read_array(const struct reader *r, const struct field *f, char *base,
                      const json_t *value)
{
    const struct reader inner = {.scope = f->name, .refusal = r->refusal};
    size_t count = json_array_size(value);

    if (!json_is_array(value))
        return refuse(r, f, "is not an array");
    if (count > f->max)
        return refuse(r, f, "has too many elements");
    if (count == 0)
        return 0;

    char *elements = calloc(count, f->group->struct_bytes);
    if (!elements)
        return -ENOMEM;
    memcpy(base + f->offset, &elements, sizeof(elements));
    memcpy(base + f->count_offset, &count, sizeof(count));
    for (size_t i = 0; i < count; i++) {
        const json_t *element = json_array_get(value, i);
        int e;

        if (!json_is_object(element))
            return refuse(r, f, "has an element that is not an object");
        e = read_group(&inner, f->group, elements + i * f->group->struct_bytes, element);
        if (e)
            return e;
    }
    return 0;
}

static int read_struct(const struct reader *r, const struct field *f, char *ret_base,
                       const json_t *value)
{
    const struct reader inner = {.scope = f->name, .refusal = r->refusal};

    if (!json_is_object(value))
        return refuse(r, f, "is not an object");
    return read_group(&inner, f->group, ret_base, value);
}

static int read_field(const struct reader *r, const struct field *f, char *base,
                      const json_t *value)
{
    char *member = base + f->offset;
    uint64_t number = 0;
    int e;

    switch (f->kind) {
    case FIELD_STRING:
        return read_string(r, f, member, value);
    case FIELD_U32:
    case FIELD_U64:
        e = read_integer(r, f, &number, value);
        if (e)
            return e;
        if (f->kind == FIELD_U32)
            *(uint32_t *)(void *)member = (uint32_t)number;
        else
            *(uint64_t *)(void *)member = number;
        return 0;
    case FIELD_BOOL:
        if (!json_is_boolean(value))
            return refuse(r, f, "is not a boolean");
        *(bool *)(void *)member = json_is_true(value);
        return 0;
    case FIELD_ENUM:
        return read_enum(r, f, member, value);
    case FIELD_CODE:
        return read_code(r, f, (enum wire_code *)(void *)member, value);
    case FIELD_STRUCT:
        return read_struct(r, f, member, value);
    case FIELD_ARRAY:
        return read_array(r, f, base, value);
    }
    assert(false);
    return -EINVAL;
}

static int read_group(const struct reader *r, const struct field_group *group, char *ret_base,
                      const json_t *object)
{
    for (size_t i = 0; i < group->n_fields; i++) {
        const struct field *f = &group->fields[i];
        const json_t *value = json_object_get(object, f->name);
        int e;

        if (!value && f->optional)
            continue;
        e = value ? read_field(r, f, ret_base, value) : refuse(r, f, "is missing");
        if (e)
            return e;
        if (f->has_flag)
            *(bool *)(void *)(ret_base + f->flag_offset) = true;
    }
    return 0;
}

int field_group_read(const struct field_group *group, void *ret_base, const json_t *object,
                     struct field_refusal *ret_refusal)
{
    const struct reader r = {.scope = "", .refusal = ret_refusal};

    return read_group(&r, group, ret_base, object);
}

void field_group_release(const struct field_group *group, void *base)
{
    char *bytes = base;

    for (size_t i = 0; i < group->n_fields; i++) {
        const struct field *f = &group->fields[i];

        if (f->kind != FIELD_ARRAY)
            continue;
        void *elements;
        memcpy(&elements, bytes + f->offset, sizeof(elements));
        free(elements);
        memset(bytes + f->offset, 0, sizeof(elements));
        memset(bytes + f->count_offset, 0, sizeof(size_t));
    }
}
