/* An access key for as long as an examination takes. */
#ifndef RELAY_APP_DOCTOR_PASS_H
#define RELAY_APP_DOCTOR_PASS_H

#include <stddef.h>

#include "adapters/store_sqlite/access_keys.h"
#include "app/access_key_command.h"

#define PASS_NAME "doctor"

struct pass {
    struct access_keys *keys;
    struct access_key_row row;
    char key[ACCESS_KEY_SIZE];
};

/* Writes it to the relay's database; it expires by itself in ten minutes, should this process not come to its end. 0 or negative; then
 * `ret_error` says why. */
int pass_take(struct pass *ret_pass, const char *store_path, char *ret_error, size_t error_size);
/* 0 or negative: it is still there. */
int pass_give_back(struct pass *p);

#endif
