#include "base/list.h"

#include <assert.h>

void list_init(struct list *l)
{
    l->head.prev = &l->head;
    l->head.next = &l->head;
}

bool list_empty(const struct list *l)
{
    return l->head.next == &l->head;
}

bool list_node_linked(const struct list_node *n)
{
    return n->next != NULL;
}

static void list_insert_between(struct list_node *n, struct list_node *prev, struct list_node *next)
{
    assert(!list_node_linked(n));
    n->prev = prev;
    n->next = next;
    prev->next = n;
    next->prev = n;
}

void list_append(struct list *l, struct list_node *n)
{
    list_insert_between(n, l->head.prev, &l->head);
}

void list_prepend(struct list *l, struct list_node *n)
{
    list_insert_between(n, &l->head, l->head.next);
}

void list_unlink(struct list_node *n)
{
    if (!list_node_linked(n))
        return;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = NULL;
    n->next = NULL;
}

struct list_node *list_first(const struct list *l)
{
    return list_empty(l) ? NULL : l->head.next;
}
