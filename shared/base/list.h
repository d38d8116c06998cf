/* An intrusive doubly linked list. A node is embedded in the object it links; an unlinked node points nowhere, so
 * list_unlink() may be called twice and destructors need not ask. */
#ifndef SHARED_BASE_LIST_H
#define SHARED_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *prev;
    struct list_node *next;
};

struct list {
    struct list_node head; /* head.next is the first node; both point to head when empty */
};

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

void list_init(struct list *l);
bool list_empty(const struct list *l);
bool list_node_linked(const struct list_node *n);
void list_append(struct list *l, struct list_node *n);
void list_prepend(struct list *l, struct list_node *n);
void list_unlink(struct list_node *n);
struct list_node *list_first(const struct list *l); /* NULL when empty */

/* Iterates; `safe` holds the successor, so the current node may be unlinked or freed inside the loop. */
#define list_for_each_safe(node, safe, l)                                                 \
    for (struct list_node *node = (l)->head.next, *safe = node->next; node != &(l)->head; \
         node = safe, safe = node->next)

#endif
