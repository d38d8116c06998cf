/* The little of HTTP/1.1 that the operator's tools speak: one request without a body, one answer, and the connection ends.
 * Pure. */
#ifndef RELAY_ADAPTERS_ADMIN_HTTP_HTTP_MESSAGE_H
#define RELAY_ADAPTERS_ADMIN_HTTP_HTTP_MESSAGE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    HTTP_HEAD_MAX = 8192, /* request line and headers */
    HTTP_PATH_SIZE = 256,
    HTTP_AUTHORIZATION_SIZE = 512,
    HTTP_RESPONSE_MAX = 4 * 1024 * 1024,
};

enum http_method {
    HTTP_GET = 1,
    HTTP_HEAD,
    HTTP_POST,
};

struct http_request {
    enum http_method method;
    char path[HTTP_PATH_SIZE];                   /* without its query */
    char authorization[HTTP_AUTHORIZATION_SIZE]; /* "" when there is none */
};

/* `content_type` is static. A body that did not fit leaves the status 500. */
struct http_response {
    int status;
    const char *content_type;
    struct buf body;
};

/* Reads a whole head, from the request line to the empty line. 0, or the status of the answer that it gets: 400, 405, 413
 * (it has a body), 414, 431, 505. */
int http_request_parse(struct http_request *ret_request, const char *head, size_t size);

/* Appends the head of the answer. 0, BUF_E_FULL or -ENOMEM. */
int http_response_head(const struct http_response *r, struct buf *out);

#endif
