#include "app/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int places_init(struct places *ret_places)
{
    ret_places->of = (char **)calloc(setting_count, sizeof *ret_places->of);
    return ret_places->of ? 0 : -ENOMEM;
}

void places_deinit(struct places *p)
{
    for (size_t i = 0; p->of && i < setting_count; i++)
        free(p->of[i]);
    free((void *)p->of);
    p->of = NULL;
}

int places_note(struct places *p, const struct setting *row, const char *place)
{
    char **of = &p->of[row - setting_table];
    char *copy = strdup(place);
    if (!copy)
        return -ENOMEM;
    free(*of);
    *of = copy;
    return 0;
}

const char *places_find(const struct places *p, const char *key)
{
    const char *place = p->of[setting_find(key) - setting_table];
    return place ? place : "";
}
