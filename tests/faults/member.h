/* One member of a crowd: the library's engine with its real keys, a WebSocket, and an application that has one link of a pair. The even member
 * creates the pair's syncshell and shares, the odd one joins it and fetches. Its journal is memory: here the members stay, the relay goes.
 *
 * A pair is whole when the relay has its session open, both sides are linked, and a report made after that is stored. */
#ifndef TESTS_FAULTS_MEMBER_H
#define TESTS_FAULTS_MEMBER_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load/link.h"
#include "client/engine.h"

struct crowd;

struct member {
    struct crowd *crowd;
    struct member *other; /* of the pair */
    size_t index;
    bool joiner;
    EVP_PKEY *key;
    struct wire_peer_id peer_id;
    struct engine *engine;
    struct link link;
    bool upgraded;
    uint16_t close_code;
    uint64_t due_us; /* when the engine wants to be told the time */
    uint64_t ticket;
    uint64_t generation; /* of the link that is up; 0: none */
    uint64_t report;     /* the ticket that is to be stored */
    bool opened;         /* joiner: the session was asked for */
    bool linked;
    bool stored;
    uint64_t accepted_us;
    bool back; /* ready at the relay since */
    bool whole;
};

void member_init(struct member *m, struct crowd *crowd, size_t index);
void member_deinit(struct member *m);
void member_start(struct member *m); /* the even one of a pair: it takes the other with it */
void member_serve(struct member *m, uint32_t events); /* of epoll */
void member_tick(struct member *m);

#endif
