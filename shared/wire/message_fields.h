/* Per message type: its name, its direction, its rule about a body, and the table of its fields. */
#ifndef SHARED_WIRE_MESSAGE_FIELDS_H
#define SHARED_WIRE_MESSAGE_FIELDS_H

#include "wire/field.h"
#include "wire/message.h"

enum message_body {
    MESSAGE_BODY_NONE, /* never */
    MESSAGE_BODY_MAY,
    MESSAGE_BODY_MUST,
};

enum message_direction {
    MESSAGE_DIRECTION_TO_RELAY,
    MESSAGE_DIRECTION_TO_CLIENT,
    MESSAGE_DIRECTION_ROUTED, /* both */
};

struct message_spec {
    const char *name;
    enum message_body body;
    enum message_direction direction;
    const struct field_group *group; /* of the type's struct in struct message's union */
};

/* NULL for MESSAGE_NONE and numbers out of range. */
const struct message_spec *message_spec(enum message_type type);

/* What holds between fields, and between fields and body, that no single field can tell: NULL when all is well, otherwise
 * a sentence that names the fields. The one place for it: the decoder refuses by it, the encoder asserts it. */
const char *message_broken_rule(const struct message *m);

#endif
