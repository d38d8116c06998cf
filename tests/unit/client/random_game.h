/* A game of one engine against a relay that has lost its mind, played from one seed: test_random.c. */
#ifndef TESTS_UNIT_CLIENT_RANDOM_GAME_H
#define TESTS_UNIT_CLIENT_RANDOM_GAME_H

#include "scene.h"

enum { RANDOM_REQUESTS = 16, RANDOM_TICKETS = 4096 };

struct asked {
    enum message_type type;
    struct wire_id id;
    struct wire_id session;
    uint64_t base_version;
};

struct game {
    struct scene *s;
    uint64_t random;
    bool memory_is_short;
    unsigned greeted; /* how many dials */
    struct asked asked[RANDOM_REQUESTS];
    unsigned n_asked;
    bool failed[RANDOM_TICKETS];
    unsigned n_stops;
};

unsigned draw(struct game *g, unsigned below);
bool one_in(struct game *g, unsigned n);
const char *draw_session(struct game *g);
const char *draw_shell(struct game *g);
struct wire_peer_id draw_peer(struct game *g);

/* The relay hears a few frames, and answers most, some of them wrongly. */
void relay_turn(struct game *g);

/* And says what nobody asked for. */
void relay_says_something(struct game *g);

#endif
