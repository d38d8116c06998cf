#include "wire/cause.h"

#include <assert.h>
#include <string.h>

struct cause_entry {
    const char *name;
    const char *sentence;
    const char *advice;
};

static const struct cause_entry causes[CAUSE_COUNT] = {
    [CAUSE_NONE] = {"", "No cause was told.", "The log may say more."},
#define X(id, name, sentence, advice) [CAUSE_##id] = {name, sentence, advice},
    CAUSE_TABLE(X)
#undef X
};

const char *cause_name(enum cause cause)
{
    assert((unsigned)cause < CAUSE_COUNT);
    return causes[cause].name;
}

enum cause cause_from_name(const char *name)
{
    for (unsigned i = CAUSE_NONE + 1; i < CAUSE_COUNT; i++) {
        if (strcmp(causes[i].name, name) == 0)
            return (enum cause)i;
    }
    return CAUSE_NONE;
}

/* A later version's cause is one that this program has no sentence for. */
static const struct cause_entry *known(const char *name)
{
    static const struct cause_entry later = {"", "A cause that this version does not know.",
                                             "Update this program; the other side's is newer."};
    enum cause cause = cause_from_name(name);
    return cause != CAUSE_NONE || *name == '\0' ? &causes[cause] : &later;
}

const char *cause_sentence(const char *name)
{
    return known(name)->sentence;
}

const char *cause_advice(const char *name)
{
    return known(name)->advice;
}

enum cause cause_of_code(enum wire_code code)
{
    enum cause cause = cause_from_name(wire_code_name(code));
    return cause != CAUSE_NONE ? cause : CAUSE_RELAY_REFUSED;
}

bool cause_shape_valid(const char *text, size_t length)
{
    if (length < 1 || length > CAUSE_NAME_MAX || text[0] < 'a' || text[0] > 'z')
        return false;
    for (size_t i = 1; i < length; i++) {
        char c = text[i];

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_')
            return false;
    }
    return true;
}
