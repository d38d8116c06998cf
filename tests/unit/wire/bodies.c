#include "bodies.h"

#define CODEC(prefix, member, deinit_member)                                                \
    static int prefix##_decode_any(union body_any *ret_body, const void *json, size_t size) \
    {                                                                                       \
        return body_##prefix##_decode(&ret_body->member, json, size);                       \
    }                                                                                       \
    static int prefix##_encode_any(struct buf *out, const union body_any *body)             \
    {                                                                                       \
        return body_##prefix##_encode(out, &body->member);                                  \
    }                                                                                       \
    static void prefix##_deinit_any(union body_any *body)                                   \
    {                                                                                       \
        deinit_member(&body->member);                                                       \
    }

CODEC(offer, signal, body_signal_deinit)
CODEC(answer, signal, body_signal_deinit)
CODEC(candidate, signal, body_signal_deinit)
CODEC(recovery_request, request, body_recovery_request_deinit)
CODEC(recovery_response, response, body_recovery_response_deinit)
CODEC(session_entry, entry, body_session_entry_deinit)

#define ENTRY(schema_name, prefix)                                                           \
    {                                                                                        \
        .name = (schema_name), .decode = prefix##_decode_any, .encode = prefix##_encode_any, \
        .deinit = prefix##_deinit_any                                                        \
    }

const struct body_codec body_codecs[BODY_CODECS] = {
    ENTRY("ReconnectOffer", offer),
    ENTRY("ReconnectAnswer", answer),
    ENTRY("IceCandidate", candidate),
    ENTRY("RecoveryRequest", recovery_request),
    ENTRY("RecoveryResponse", recovery_response),
    ENTRY("SessionEntry", session_entry),
};
