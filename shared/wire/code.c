#include "wire/code.h"

#include <assert.h>
#include <string.h>

struct code_entry {
    const char *name;
    const char *text;
    bool retryable;
    uint16_t close_code;
};

static const struct code_entry codes[WIRE_CODE_COUNT] = {
    [WIRE_CODE_NONE] = {"none", "no error", false, 0},
#define X(id, name, retryable, close_code, text) \
    [WIRE_CODE_##id] = {name, text, retryable, close_code},
    WIRE_CODE_TABLE(X)
#undef X
};

static const struct code_entry *code_entry(enum wire_code code)
{
    assert((unsigned)code < WIRE_CODE_COUNT);
    return &codes[code];
}

const char *wire_code_name(enum wire_code code)
{
    return code_entry(code)->name;
}

const char *wire_code_text(enum wire_code code)
{
    return code_entry(code)->text;
}

bool wire_code_retryable(enum wire_code code)
{
    return code_entry(code)->retryable;
}

uint16_t wire_code_close(enum wire_code code)
{
    return code_entry(code)->close_code;
}

enum wire_code wire_code_from_name(const char *name)
{
    for (unsigned i = WIRE_CODE_NONE + 1; i < WIRE_CODE_COUNT; i++) {
        if (strcmp(codes[i].name, name) == 0)
            return (enum wire_code)i;
    }
    return WIRE_CODE_NONE;
}

enum wire_code wire_code_from_close(uint16_t close_code)
{
    if (close_code == 0)
        return WIRE_CODE_NONE;
    for (unsigned i = WIRE_CODE_NONE + 1; i < WIRE_CODE_COUNT; i++) {
        if (codes[i].close_code == close_code)
            return (enum wire_code)i;
    }
    return WIRE_CODE_NONE;
}
