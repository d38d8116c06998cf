/* Where each setting has its value from, for telling what is wrong with several of them together. */
#ifndef RELAY_APP_PLACE_H
#define RELAY_APP_PLACE_H

#include "app/setting.h"

struct places {
    char **of; /* one for each row of the table; NULL: the default */
};

int places_init(struct places *ret_places); /* all defaults; 0 or -ENOMEM */
void places_deinit(struct places *p);       /* accepts zeroed */

/* Copies `place`, as fault_add() takes it; the last one counts. 0 or -ENOMEM. */
int places_note(struct places *p, const struct setting *row, const char *place);

/* "" for a default. */
const char *places_find(const struct places *p, const char *key);

#endif
