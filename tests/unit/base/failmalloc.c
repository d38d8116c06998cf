#include "failmalloc.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static struct {
    bool armed;
    bool for_good;
    bool has_failed;
    size_t n_good;
} state;

/* The names are the linker's. NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);

void failmalloc_arm(size_t n_good, bool for_good)
{
    state.armed = true;
    state.for_good = for_good;
    state.has_failed = false;
    state.n_good = n_good;
}

bool failmalloc_disarm(void)
{
    state.armed = false;
    return state.has_failed;
}

static bool fails_now(void)
{
    if (!state.armed)
        return false;
    if (state.n_good > 0) {
        state.n_good--;
        return false;
    }
    if (state.has_failed && !state.for_good)
        return false;
    state.has_failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails_now() ? NULL : __real_realloc(block, size);
}

char *__wrap_strndup(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    char *copy = __wrap_malloc(length + 1);

    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

/* NOLINTEND(bugprone-reserved-identifier) */

/* jansson 2.14 ignores it when the buffer of the token that it reads cannot grow: the byte is lost, and when it was a
 * string's closing quotation mark, jansson runs past the end. No caller can help that, so growing is spared: it asks for
 * powers of two from 32 on. */
static bool is_lexer_growth(size_t size)
{
    return size >= 32 && (size & (size - 1)) == 0;
}

static void *jansson_malloc(size_t size)
{
    return is_lexer_growth(size) ? __real_malloc(size) : __wrap_malloc(size);
}

void failmalloc_watch_jansson(void)
{
    json_set_alloc_funcs(jansson_malloc, free);
}
