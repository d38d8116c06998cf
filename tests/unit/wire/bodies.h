/* The codecs of the bodies under one shape, so that tests and fuzzers can go through all of them. */
#ifndef TESTS_WIRE_BODIES_H
#define TESTS_WIRE_BODIES_H

#include "wire/body.h"

union body_any {
    struct body_signal signal;
    struct body_recovery_request request;
    struct body_recovery_response response;
    struct body_session_entry entry;
};

struct body_codec {
    const char *name; /* of its schema and its folder of examples */
    int (*decode)(union body_any *ret_body, const void *json, size_t size);
    int (*encode)(struct buf *out, const union body_any *body);
    void (*deinit)(union body_any *body);
};

enum { BODY_CODECS = 6 };

extern const struct body_codec body_codecs[BODY_CODECS];

#endif
