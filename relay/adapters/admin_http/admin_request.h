/* What an operator's tool asks of the relay, by HTTP or over the control socket, and what it is answered. */
#ifndef RELAY_ADAPTERS_ADMIN_HTTP_ADMIN_REQUEST_H
#define RELAY_ADAPTERS_ADMIN_HTTP_ADMIN_REQUEST_H

#include "base/buf.h"

#include <stdbool.h>

enum { ADMIN_RESPONSE_MAX = 4 * 1024 * 1024 };

enum admin_method {
    ADMIN_GET = 1,
    ADMIN_POST, /* over the control socket only */
};

struct admin_request {
    enum admin_method method;
    const char *path;          /* without its query */
    const char *authorization; /* the header; "" when there is none */
    bool trusted;              /* it came over the control socket */
};

/* `status` is HTTP's, `content_type` static. */
struct admin_response {
    int status;
    const char *content_type;
    struct buf body;
};

/* Fills in the answer, which starts as an empty 200. Loop thread. */
typedef void (*admin_answer_fn)(void *userdata, const struct admin_request *request,
                                struct admin_response *response);

#endif
