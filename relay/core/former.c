#include "core/former.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

static size_t count(const struct former *f)
{
    size_t n = 0;
    while (n < FORMER_MAX && *f->peer_ids[n].text)
        n++;
    return n;
}

/* Where it is; else at the end, or where the oldest is. */
static size_t place(const struct former *f, const char *peer_id)
{
    size_t n = count(f), i = 0;
    while (i < n && !str_equal(f->peer_ids[i].text, peer_id))
        i++;
    return i < FORMER_MAX ? i : FORMER_MAX - 1;
}

bool former_has(const struct former *f, const char *peer_id)
{
    return *peer_id && str_equal(f->peer_ids[place(f, peer_id)].text, peer_id);
}

void former_add(struct former *f, const struct wire_peer_id *peer_id)
{
    size_t i = place(f, peer_id->text);
    memmove(&f->peer_ids[1], &f->peer_ids[0], i * sizeof f->peer_ids[0]);
    f->peer_ids[0] = *peer_id;
}

void former_write(const struct former *f, char ret_text[static FORMER_TEXT_MAX])
{
    char *at = ret_text;
    size_t n = count(f);
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(f->peer_ids[i].text);
        if (i > 0)
            *at++ = ' ';
        memcpy(at, f->peer_ids[i].text, length);
        at += length;
    }
    *at = '\0';
}

int former_read(struct former *ret_former, const char *text)
{
    struct former f = {.peer_ids = {{.text = ""}}};
    for (size_t i = 0; *text; i++) {
        char one[sizeof f.peer_ids[0].text];
        size_t length = strcspn(text, " ");
        if (i == FORMER_MAX || length >= sizeof one)
            return -EINVAL;
        memcpy(one, text, length);
        one[length] = '\0';
        if (wire_peer_id_set(&f.peer_ids[i], one) != 0)
            return -EINVAL;
        text += length;
        if (*text == ' ' && *++text == '\0')
            return -EINVAL;
    }
    *ret_former = f;
    return 0;
}
