/* The short cut for headers in plain form, which is how encoders write them that have no reason to do otherwise:
 *
 *     {"type":"IceCandidate","messageId":"m-01","generation":3,...}
 *
 * "type" first, no white space, no escapes, no key that is not the type's, none twice, only identifiers, names and whole
 * numbers as values. Such a header is read without JSON's parser, in a tenth of its time.
 *
 * It never refuses: whatever is not in plain form, or is wrong in any way, it leaves to the parser, which then decides alone.
 * So it may only accept what the parser accepts, and must read the same out of it; tests/unit/wire/test_plain_header.c
 * and tests/fuzz/fuzz_frame.c hold the two together. */
#ifndef SHARED_WIRE_PLAIN_HEADER_H
#define SHARED_WIRE_PLAIN_HEADER_H

#include "wire/message.h"

/* Type and fields into a zeroed message; what holds between fields, and about the body, is not looked at. False: not in plain
 * form, the message is to be zeroed again. */
bool plain_header_read(struct message *ret_message, const uint8_t *header, size_t size);

enum {
    PLAIN_HEADER_E_OTHER = BUF_E_FULL + 1, /* the message has fields of another kind */
};

/* The other direction: appends the same bytes as jansson would. 0; or nothing is appended: PLAIN_HEADER_E_OTHER, BUF_E_FULL or
 * -ENOMEM. */
int plain_header_write(const struct message *m, struct buf *out);

#endif
