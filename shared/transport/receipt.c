#include "transport/receipt.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"
#include "client/event.h"

struct receipt {
    struct list_node node;
    struct receipts *office; /* a reference, until it is handed in */
    uint64_t number;
};

struct receipts {
    pthread_mutex_t lock;
    unsigned n_references;
    struct list handed_in;
    bool closed;
    void (*notify)(void *userdata);
    void *userdata;
};

int receipts_new(struct receipts **ret_receipts, void (*handed_in)(void *userdata), void *userdata)
{
    struct receipts *r = calloc(1, sizeof *r);

    if (!r)
        return -ENOMEM;
    (void)pthread_mutex_init(&r->lock, NULL);
    list_init(&r->handed_in);
    r->n_references = 1;
    r->notify = handed_in;
    r->userdata = userdata;
    *ret_receipts = r;
    return 0;
}

static void receipts_free(struct receipts *r)
{
    list_for_each_safe (node, safe, &r->handed_in) {
        list_unlink(node);
        free(container_of(node, struct receipt, node));
    }
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

void receipts_unref(struct receipts *r)
{
    bool last;

    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    last = --r->n_references == 0;
    (void)pthread_mutex_unlock(&r->lock);
    if (last)
        receipts_free(r);
}

/* The event is being freed. */
static void hand_in(void *userdata)
{
    struct receipt *receipt = userdata;
    struct receipts *r = receipt->office;

    (void)pthread_mutex_lock(&r->lock);
    if (r->closed) {
        free(receipt);
    } else {
        list_append(&r->handed_in, &receipt->node);
        r->notify(r->userdata); /* under the lock: not once it is closed */
    }
    (void)pthread_mutex_unlock(&r->lock);
    receipts_unref(r);
}

int receipts_attach(struct receipts *r, struct syncshell_event *event)
{
    struct receipt *receipt = calloc(1, sizeof *receipt);

    if (!receipt)
        return -ENOMEM;
    receipt->office = r;
    receipt->number = event_receipt(event);
    (void)pthread_mutex_lock(&r->lock);
    r->n_references++;
    (void)pthread_mutex_unlock(&r->lock);
    event_on_free(event, hand_in, receipt);
    return 0;
}

bool receipts_take(struct receipts *r, uint64_t *ret_number)
{
    struct list_node *node;

    (void)pthread_mutex_lock(&r->lock);
    node = list_first(&r->handed_in);
    if (node)
        list_unlink(node);
    (void)pthread_mutex_unlock(&r->lock);
    if (!node)
        return false;
    *ret_number = container_of(node, struct receipt, node)->number;
    free(container_of(node, struct receipt, node));
    return true;
}

void receipts_close(struct receipts *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->closed = true;
    (void)pthread_mutex_unlock(&r->lock);
}
