#include "client/group_key.h"

#include <errno.h>
#include <stdlib.h>

#include "base/str.h"

int group_key_new(struct engine *e, const struct wire_id *syncshell_id, const char *secret,
                  uint64_t epoch, struct group_key **ret_key)
{
    struct group_key *k = calloc(1, sizeof *k);
    if (!k)
        return -ENOMEM;
    k->epoch = epoch;
    int r = str_copy(k->secret.text, sizeof k->secret.text, secret);
    if (r == 0)
        r = e->crypto.group_new(e->crypto.userdata, secret, syncshell_id->text, &k->group);
    if (r != 0) {
        free(k);
        return r;
    }
    *ret_key = k;
    return 0;
}

static struct group_key *group_key_free(struct engine *e, struct group_key *k)
{
    if (!k)
        return NULL;
    e->crypto.group_free(e->crypto.userdata, k->group);
    free(k);
    return NULL;
}

void group_key_propose(struct syncshell *y, struct group_key *takes_key, bool invited)
{
    group_key_withdraw(y);
    y->next_key = takes_key;
    y->next_key_invited = invited;
    y->next_key_tried = invited;
}

struct group_key *group_key_to_prove(const struct syncshell *y)
{
    return y->next_key && y->next_key_tried ? y->next_key : y->key;
}

bool group_key_refused(struct syncshell *y)
{
    if (!y->next_key)
        return false;
    if (y->next_key_invited) {
        group_key_withdraw(y);
        return false;
    }
    y->next_key_tried = !y->next_key_tried;
    return y->next_key_tried;
}

void group_key_adopt(struct syncshell *y)
{
    struct group_key *replaced = y->key;
    y->key = y->next_key;
    y->next_key = NULL;
    y->next_key_invited = y->next_key_tried = false;
    group_key_keep_old(y, replaced);
}

void group_key_withdraw(struct syncshell *y)
{
    y->next_key = group_key_free(y->engine, y->next_key);
    y->next_key_invited = y->next_key_tried = false;
}

static void drop(struct syncshell *y, struct list_node *n)
{
    list_unlink(n);
    group_key_free(y->engine, container_of(n, struct group_key, node));
    y->n_old_keys--;
}

void group_key_keep_old(struct syncshell *y, struct group_key *takes_key)
{
    list_append(&y->old_keys, &takes_key->node);
    y->n_old_keys++;
    if (y->n_old_keys > ENGINE_OLD_KEYS_MAX)
        drop(y, list_first(&y->old_keys));
}

void group_key_free_all(struct syncshell *y)
{
    group_key_withdraw(y);
    list_for_each_safe (n, next, &y->old_keys) {
        drop(y, n);
    }
    y->key = group_key_free(y->engine, y->key);
}
