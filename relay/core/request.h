/* A decoded frame on its way to its handler, and the ways to answer it. */
#ifndef RELAY_CORE_REQUEST_H
#define RELAY_CORE_REQUEST_H

#include "core/connection.h"
#include "core/store_op.h"
#include "wire/message.h"

struct membership;

struct request {
    struct core *core;
    struct connection *connection;
    const struct message *message;
    const struct wire_id *message_id;
    const struct wire_id *syncshell_id; /* NULL: the type has none */
    struct membership
        *membership; /* of the message's syncshell; NULL where the type does not need it */
    bool binary;
    const uint8_t *data;
    size_t size;
};

/* Answers Error. `field` (may be NULL) is added to the code's sentence. */
void request_refuse(const struct request *r, enum wire_code code, const char *field);
void request_refuse_by(const struct request *r, const struct refusal *refusal);
void request_refuse_generation(const struct request *r, enum wire_code code, uint64_t generation);

/* May the connection have one more request at the store? Refuses when not. */
bool request_admitted(const struct request *r);

/* An operation for an admitted request, with connection, message, peer and syncshell filled in, charged for
 * as long as it lives; NULL after refusing. */
struct store_op *request_op(const struct request *r, enum store_op_kind kind);

/* Hands it over, on the connection's account. */
void request_issue(const struct request *r, struct store_op *op);

/* A copy of the whole frame with one reference; NULL after refusing. */
struct frame *request_frame(const struct request *r);

/* The same as the operation's frame. False after refusing (the operation is freed). */
bool request_op_frame(const struct request *r, struct store_op *op);

#endif
