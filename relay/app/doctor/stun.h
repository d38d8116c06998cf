/* The few messages of STUN and TURN (RFC 8489, RFC 8656) that asking a server for an allocation takes. Pure but for the digests. */
#ifndef RELAY_APP_DOCTOR_STUN_H
#define RELAY_APP_DOCTOR_STUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STUN_HEADER_SIZE = 20,
    STUN_MESSAGE_MAX = 1500,
    STUN_TEXT_SIZE = 768,
    STUN_TRANSACTION_SIZE = 12,
    STUN_ADDRESS_MAX = 16,
    STUN_BINDING = 0x0001,
    STUN_ALLOCATE = 0x0003,
    STUN_REFRESH = 0x0004,
    STUN_SUCCESS = 0x0100, /* in a response's type */
    STUN_ERROR = 0x0110,
};

/* Who asks, once the server has said its realm. */
struct stun_credentials {
    const char *username;
    const char *password;
    char realm[STUN_TEXT_SIZE];
    char nonce[STUN_TEXT_SIZE];
};

struct stun_address {
    size_t size; /* 4 or 16; 0: none */
    uint8_t bytes[STUN_ADDRESS_MAX];
};

struct stun_response {
    uint16_t type;
    int error_code; /* 0: none */
    char realm[STUN_TEXT_SIZE];
    char nonce[STUN_TEXT_SIZE];
    struct stun_address relayed; /* of an allocation: where its peers send to */
};

/* Writes a request; ALLOCATE asks for UDP, REFRESH for a lifetime of 0. `credentials` may be NULL. Its size, or negative. */
int stun_request(uint8_t ret_message[STUN_MESSAGE_MAX], uint16_t type,
                 const uint8_t transaction[STUN_TRANSACTION_SIZE],
                 const struct stun_credentials *credentials);

/* What a message's header announces after itself. */
size_t stun_body_size(const uint8_t header[STUN_HEADER_SIZE]);

/* False when it is not a well-formed response to that transaction. */
bool stun_response_parse(struct stun_response *ret_response, const uint8_t *message, size_t size,
                         const uint8_t transaction[STUN_TRANSACTION_SIZE]);

/* Whether whoever is beyond the address's own network finds nothing there: 10.0.0.1, ::1, 0.0.0.0. */
bool stun_address_is_private(const struct stun_address *a);

#endif
