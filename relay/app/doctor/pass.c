#include "app/doctor/pass.h"

#include <stdio.h>
#include <string.h>

enum { LIFETIME_MS = 10 * 60 * 1000 };

int pass_take(struct pass *ret_pass, const char *store_path, char *ret_error, size_t error_size)
{
    struct pass p = {0};
    int r = access_keys_open(&p.keys, store_path, ret_error, error_size);
    if (r < 0)
        return r;
    r = access_key_issue(p.keys, PASS_NAME, LIFETIME_MS, &p.row, p.key);
    if (r < 0) {
        const char *reason = access_keys_error(p.keys);
        (void)snprintf(ret_error, error_size, "%s", *reason ? reason : strerror(-r));
        (void)access_keys_close(p.keys);
        return r;
    }
    *ret_pass = p;
    return 0;
}

int pass_give_back(struct pass *p)
{
    int r = access_keys_remove(p->keys, p->row.key_id.text);
    p->keys = access_keys_close(p->keys);
    return r;
}
