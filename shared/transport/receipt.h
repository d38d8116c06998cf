/* How the I/O thread hears that the application is done with an event: by syncshell_event_free(), on any thread, also after
 * the client is gone.
 *
 * An event that the engine must know to be taken carries a receipt of its own, made while there is memory for it; freeing the
 * event hands it in. The office where they are handed in is shared by them and the client, and closed by the client's end:
 * what comes later is thrown away, and the event told again at the next start. */
#ifndef SHARED_TRANSPORT_RECEIPT_H
#define SHARED_TRANSPORT_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

struct syncshell_event;
struct receipts;

/* `handed_in(userdata)` is called on the freeing thread, never after receipts_close(). 0 or -ENOMEM. */
int receipts_new(struct receipts **ret_receipts, void (*handed_in)(void *userdata), void *userdata);
void receipts_unref(struct receipts *r); /* NULL is allowed */

int receipts_attach(struct receipts *r, struct syncshell_event *event); /* 0 or -ENOMEM */

/* The next number that was handed in; false: none. Still works after receipts_close(). */
bool receipts_take(struct receipts *r, uint64_t *ret_number);
void receipts_close(struct receipts *r);

#endif
