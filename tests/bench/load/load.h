/* The load: its connections ("endpoints"), what drives them (a scenario) and what they speak (an adapter).
 *
 * Endpoints 2n and 2n + 1 are a pair: they send each other messages, or the first one writes. The last ones are idle company. An endpoint is
 * ready when the server would route to it, with all that this takes at that server: authentication, joining, subscribing. */
#ifndef TESTS_BENCH_LOAD_LOAD_H
#define TESTS_BENCH_LOAD_LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "bench/load/link.h"
#include "bench/load/ws.h"

struct load;
struct endpoint;

enum message_kind { KIND_OFFER, KIND_CANDIDATE };

struct options {
    const char *scenario;
    const char *adapter;
    uint16_t port;
    pid_t pid; /* of the server */
    bool tls;
    size_t pairs;
    size_t burst;   /* messages that one side sends at once: each on a lane of its own */
    size_t idle;    /* endpoints that do nothing */
    size_t members; /* of the group that an idle endpoint joins */
    bool
        company; /* idle endpoints join the groups of the pairs, by turns, and not groups of their own */
    size_t sessions; /* that each pair has, and uses by turns; 0: as many as the load needs */
    size_t
        inbox; /* writes are durable messages, and so many stay unacknowledged; 0: writes are progress */
    size_t size; /* bytes of a message's payload */
    enum message_kind kind;
    double warm_up_s;
    double seconds;
    double rate;      /* messages in a second, 0: as fast as they are answered */
    size_t streams;   /* further pairs, whose first endpoint writes */
    size_t in_flight; /* writes of all of them that wait for their acknowledgement */
    size_t dialling;  /* connections that may be on their way to being ready */
};

/* What a server speaks. All functions but `received` may be NULL. */
struct adapter {
    const char *name;
    const char *subprotocol;
    bool raw;          /* bytes on TCP, without WebSocket */
    size_t state_size; /* of an endpoint */
    void (*prepare)(struct load *load);
    void (*path)(const struct endpoint *e, char *ret_path, size_t size);
    void (*opened)(struct endpoint *e);
    void (*closed)(struct endpoint *e); /* before it is dialled again */
    /* A whole WebSocket message; for `raw`, bytes as they come. */
    void (*received)(struct endpoint *e, enum ws_opcode opcode, const char *data, size_t size);
    void (*send)(struct endpoint *e, size_t lane);  /* a message to the partner */
    void (*store)(struct endpoint *e, size_t lane); /* a durable write */
};

struct scenario {
    const char *name;
    void (*size)(struct load *load); /* sets the count of endpoints, from the options */
    void (*run)(struct load *load);
};

struct endpoint {
    struct load *load;
    size_t index;
    struct link link;
    bool upgraded;
    bool ready;
    struct buf message; /* the fragments so far */
    enum ws_opcode message_opcode;
    void *state; /* the adapter's */
};

struct load {
    struct options options;
    const struct adapter *adapter;
    struct endpoint *endpoints;
    size_t n_endpoints;
    size_t n_dialled;
    size_t n_ready;
    size_t n_pairs;       /* that exchange messages, and that write */
    size_t n_lanes;       /* per pair */
    uint64_t empty_bytes; /* of the server, before the first connection */
    int epoll;
    int epoll_first; /* of those that are served before all others, or -1 */
    size_t n_first;  /* so many of the endpoints */
    SSL_CTX *tls;
    uint8_t *payload; /* options.size bytes of printable text */
    void *shared;     /* the adapter's */

    /* The scenario's, NULL while the endpoints get ready. */
    void (*routed)(struct endpoint *e); /* a message of the partner has arrived */
    void (*stored)(struct endpoint *e, size_t lane);
    void *run;
};

/* Dials all endpoints, a few at a time, until each is ready. */
void load_connect(struct load *load);

/* Dials as many as may be on their way to being ready. */
void load_dial(struct load *load);

/* From now on, when they are dialled, the first `count` endpoints are looked after between any two of the others, so that their time
 * is the server's and not that of the load's own work. */
void load_serve_first(struct load *load, size_t count);

/* Drops all connections, as a server's end does; they can be dialled again. */
void load_disconnect(struct load *load);

/* Serves what is ready; waits so long for it at most. */
void load_turn(struct load *load, int timeout_ms);

bool endpoint_in_pair(const struct endpoint *e);
struct endpoint *endpoint_partner(const struct endpoint *e);

/* For adapters. */
void endpoint_ready(struct endpoint *e);
void endpoint_routed(struct endpoint *e);
void endpoint_stored(struct endpoint *e, size_t lane);

extern const struct adapter adapter_ours;
extern const struct adapter adapter_plain;
extern const struct adapter adapter_json;
extern const struct adapter adapter_peerjs;
extern const struct adapter adapter_socketio;
extern const struct adapter adapter_mqtt;
extern const struct adapter adapter_nats;
extern const struct adapter adapter_redis;

extern const struct scenario scenario_route;
extern const struct scenario scenario_idle;
extern const struct scenario scenario_return;

#endif
