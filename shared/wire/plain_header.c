#include "wire/plain_header.h"

#include <assert.h>
#include <string.h>

#include "wire/message_fields.h"

enum {
    FIELDS_MAX = 64, /* bits of `seen` */
    DIGITS_MAX = 16, /* of WIRE_INTEGER_MAX: more never fit, these always fit 64 bits */
};

struct scanner {
    const char *at;
    const char *end;
};

struct text {
    const char *start;
    size_t length;
};

static bool take(struct scanner *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

/* What stands between quotation marks. It may hold anything else, so it must be compared with what holds no escapes. */
static bool take_text(struct scanner *s, struct text *ret_text)
{
    if (!take(s, '"'))
        return false;
    const char *quote = memchr(s->at, '"', (size_t)(s->end - s->at));
    if (!quote)
        return false;
    *ret_text = (struct text){.start = s->at, .length = (size_t)(quote - s->at)};
    s->at = quote + 1;
    return true;
}

static bool take_number(struct scanner *s, const struct field *f, uint64_t *ret_number)
{
    const char *start = s->at;
    uint64_t number = 0;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9' && s->at - start <= DIGITS_MAX)
        number = number * 10 + (uint64_t)(*s->at++ - '0');
    size_t n_digits = (size_t)(s->at - start);
    bool leading_zero = n_digits > 1 && *start == '0';
    if (n_digits == 0 || n_digits > DIGITS_MAX || leading_zero || number < f->min ||
        number > f->max)
        return false;
    *ret_number = number;
    return true;
}

/* Their alphabets have nothing that JSON would escape, and nothing beyond ASCII. */
static bool alphabet_is_plain(const struct field *f)
{
    return f->string_valid == wire_id_valid || f->string_valid == wire_peer_id_valid ||
           f->string_valid == wire_key_valid || f->string_valid == wire_signature_valid;
}

static bool take_string(struct scanner *s, const struct field *f, char *ret_member)
{
    struct text text;
    if (!alphabet_is_plain(f) || !take_text(s, &text) || text.length >= f->string_bytes ||
        !f->string_valid(text.start, text.length))
        return false;
    memcpy(ret_member, text.start, text.length); /* the rest is zero */
    return true;
}

static bool take_value(struct scanner *s, const struct field *f, char *base)
{
    char *member = base + f->offset;
    struct text text;
    uint64_t number = 0;
    unsigned value;

    switch (f->kind) {
    case FIELD_STRING:
        return take_string(s, f, member);
    case FIELD_U32:
    case FIELD_U64:
        if (f->has_flag || !take_number(s, f, &number))
            return false;
        if (f->kind == FIELD_U32)
            *(uint32_t *)(void *)member = (uint32_t)number;
        else
            *(uint64_t *)(void *)member = number;
        return true;
    case FIELD_ENUM:
        if (!take_text(s, &text))
            return false;
        value = field_enum_from_name(f->names, (unsigned)f->max, text.start, text.length);
        memcpy(member, &value, sizeof value);
        return value != 0;
    case FIELD_BOOL:
    case FIELD_CODE:
    case FIELD_STRUCT:
    case FIELD_ARRAY:
        break;
    }
    return false;
}

static bool key_is(const struct field *f, const struct text *key)
{
    return strlen(f->name) == key->length && memcmp(f->name, key->start, key->length) == 0;
}

/* The field of a key; `expected` is the one after the last, where encoders put it. */
static bool find_field(const struct field_group *group, const struct text *key, size_t expected,
                       size_t *ret_at)
{
    if (expected < group->n_fields && key_is(&group->fields[expected], key)) {
        *ret_at = expected;
        return true;
    }
    for (size_t i = 0; i < group->n_fields; i++) {
        if (key_is(&group->fields[i], key)) {
            *ret_at = i;
            return true;
        }
    }
    return false;
}

static bool all_seen(const struct field_group *group, uint64_t seen)
{
    for (size_t i = 0; i < group->n_fields; i++) {
        if (!group->fields[i].optional && !(seen >> i & 1U))
            return false;
    }
    return true;
}

static bool take_fields(struct scanner *s, const struct field_group *group, char *base)
{
    uint64_t seen = 0;
    size_t at = 0;
    if (group->n_fields > FIELDS_MAX)
        return false;
    for (size_t expected = 0; !take(s, '}'); expected = at + 1) {
        struct text key;
        if (!take(s, ',') || !take_text(s, &key) || !take(s, ':') ||
            !find_field(group, &key, expected, &at))
            return false;
        if (seen >> at & 1U || !take_value(s, &group->fields[at], base))
            return false;
        seen |= UINT64_C(1) << at;
    }
    return s->at == s->end && all_seen(group, seen);
}

bool plain_header_read(struct message *ret_message, const uint8_t *header, size_t size)
{
    static const char START[] = "{\"type\":";
    const size_t start_size = sizeof START - 1;
    struct scanner s = {.at = (const char *)header, .end = (const char *)header + size};
    struct text name;

    if (size < start_size || memcmp(header, START, start_size) != 0)
        return false;
    s.at += start_size;
    if (!take_text(&s, &name))
        return false;
    ret_message->type = message_type_from_name(name.start, name.length);
    const struct message_spec *spec = message_spec(ret_message->type);
    return spec && take_fields(&s, spec->group, (char *)&ret_message->hello);
}

static int put_text(struct buf *out, const char *text, size_t length)
{
    int r = buf_append(out, "\"", 1);

    if (!r)
        r = buf_append(out, text, length);
    return r ? r : buf_append(out, "\"", 1);
}

static int put_number(struct buf *out, const struct field *f, uint64_t number)
{
    char digits[20]; /* of any number */
    size_t at = sizeof digits;

    assert(number >= f->min && number <= f->max);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return buf_append(out, digits + at, sizeof digits - at);
}

static int put_string(struct buf *out, const struct field *f, const char *text)
{
    size_t length = strnlen(text, f->string_bytes);

    if (!alphabet_is_plain(f))
        return PLAIN_HEADER_E_OTHER;
    assert(length < f->string_bytes && f->string_valid(text, length));
    return put_text(out, text, length);
}

static int put_value(struct buf *out, const struct field *f, const char *base)
{
    const char *member = base + f->offset;

    switch (f->kind) {
    case FIELD_STRING:
        return put_string(out, f, member);
    case FIELD_U32:
        return put_number(out, f, *(const uint32_t *)(const void *)member);
    case FIELD_U64:
        return put_number(out, f, *(const uint64_t *)(const void *)member);
    case FIELD_BOOL:
        return buf_append_str(out, *(const bool *)(const void *)member ? "true" : "false");
    case FIELD_ENUM:
    case FIELD_CODE:
    case FIELD_STRUCT:
    case FIELD_ARRAY:
        break;
    }
    return PLAIN_HEADER_E_OTHER;
}

static int put_fields(struct buf *out, const struct field_group *group, const void *base)
{
    int r = 0;

    for (size_t i = 0; !r && i < group->n_fields; i++) {
        const struct field *f = &group->fields[i];

        if (!field_present(f, base))
            continue;
        r = buf_append(out, ",", 1);
        if (!r)
            r = put_text(out, f->name, strlen(f->name));
        if (!r)
            r = buf_append(out, ":", 1);
        if (!r)
            r = put_value(out, f, base);
    }
    return r ? r : buf_append(out, "}", 1);
}

int plain_header_write(const struct message *m, struct buf *out)
{
    const struct message_spec *spec = message_spec(m->type);
    size_t start = out->size;
    int r = buf_append_str(out, "{\"type\":");

    if (!r)
        r = put_text(out, spec->name, strlen(spec->name));
    if (!r)
        r = put_fields(out, spec->group, &m->hello);
    if (r)
        out->size = start;
    return r;
}
