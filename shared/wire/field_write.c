#include "wire/field.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "wire/code.h"

bool field_present(const struct field *f, const void *struct_base)
{
    const char *base = struct_base;
    unsigned number;

    if (!f->optional)
        return true;
    if (f->has_flag)
        return *(const bool *)(const void *)(base + f->flag_offset);
    if (f->kind == FIELD_STRING)
        return base[f->offset] != '\0';
    assert(f->kind == FIELD_ENUM);
    memcpy(&number, base + f->offset, sizeof(number));
    return number != 0;
}

static json_t *write_string(const struct field *f, const char *text)
{
    size_t length = strnlen(text, f->string_bytes);

    assert(length < f->string_bytes && f->string_valid(text, length));
    return json_stringn(text, length);
}

static json_t *write_integer(const struct field *f, uint64_t number)
{
    bool in_range = number >= f->min && number <= f->max;

    assert(in_range);
    return in_range ? json_integer((json_int_t)number) : NULL;
}

static json_t *write_enum(const struct field *f, const void *member)
{
    unsigned number;

    memcpy(&number, member, sizeof(number));
    assert(number >= 1 && number <= f->max && f->names[number]);
    return json_string(f->names[number]);
}

static json_t *write_code(enum wire_code code)
{
    assert(code != WIRE_CODE_NONE);
    return json_string(wire_code_name(code));
}

static json_t *write_object(const struct field_group *group, const void *base)
{
    json_t *object = json_object();

    if (object && field_group_write(group, base, object)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *write_array(const struct field *f, const char *base)
{
    const char *elements;
    size_t count;
    json_t *array = json_array();

    memcpy(&elements, base + f->offset, sizeof(elements));
    memcpy(&count, base + f->count_offset, sizeof(count));
    assert(count <= f->max);
    for (size_t i = 0; array && i < count; i++) {
        json_t *element = write_object(f->group, elements + i * f->group->struct_bytes);

        if (json_array_append_new(array, element)) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_field(const struct field *f, const char *base)
{
    const char *member = base + f->offset;

    switch (f->kind) {
    case FIELD_STRING:
        return write_string(f, member);
    case FIELD_U32:
        return write_integer(f, *(const uint32_t *)(const void *)member);
    case FIELD_U64:
        return write_integer(f, *(const uint64_t *)(const void *)member);
    case FIELD_BOOL:
        return json_boolean(*(const bool *)(const void *)member);
    case FIELD_ENUM:
        return write_enum(f, member);
    case FIELD_CODE:
        return write_code(*(const enum wire_code *)(const void *)member);
    case FIELD_STRUCT:
        return write_object(f->group, member);
    case FIELD_ARRAY:
        return write_array(f, base);
    }
    assert(false);
    return NULL;
}

int field_group_write(const struct field_group *group, const void *base, json_t *object)
{
    for (size_t i = 0; i < group->n_fields; i++) {
        const struct field *f = &group->fields[i];

        if (field_present(f, base) && json_object_set_new(object, f->name, write_field(f, base)))
            return -ENOMEM;
    }
    return 0;
}
