/* A relay's core, a joiner and a provider in one process and in virtual time.
 *
 * Both stations are real engines, the relay is the real core with the core tests' store: only sockets, disks and ciphers are
 * stand-ins. Each of the three may be killed between any two of its effects; what was acknowledged stays, what was not is
 * gone, and everybody finds each other again. Applications behave as well-written ones do: they answer OFFER_NEEDED and OFFER,
 * and report what "arrives". */
#ifndef TESTS_UNIT_CLIENT_PAIR_H
#define TESTS_UNIT_CLIENT_PAIR_H

#include "core/core.h"

#include "model/fake_store.h"
#include "model/station.h"

enum { PAIR_FILES_MAX = 64 };

struct pair;

/* One end: a machine, its connection to the relay, and what its application knows. */
struct side {
    struct station station;
    struct pair *pair;
    struct connection *connection; /* NULL: none */
    struct list inbound;           /* frames to the relay, in order */
    bool dialled;
    bool hung_up;
    bool joiner;
    bool has_session;
    uint64_t generation; /* of the application's live connection attempt */
    uint64_t offered;    /* the generation whose offer it made */
    bool up;
    bool closed;
    bool told; /* provider: this process knows what to send */
};

struct pair {
    struct core *core;
    struct fake_store *store;
    struct core_config config;
    struct core_host host;
    struct port port;
    struct list ops;
    struct side joiner;
    struct side provider;
    uint64_t now_us;
    uint64_t random_state;
    uint64_t n_relay_steps;
    uint64_t kill_relay_at; /* 0: never */
    bool relay_killed;
    bool
        may_stop; /* an engine that stops is started anew, as after a kill; otherwise it is a fault */
    unsigned n_stops;
    /* the applications' world */
    unsigned n_files;            /* of the transfer */
    bool saved[PAIR_FILES_MAX];  /* reported as saved to the joiner's application */
    bool stored[PAIR_FILES_MAX]; /* the relay has it, as the application was told */
    unsigned n_recovered;
    unsigned n_requests;         /* RECOVERY_REQUEST events at the provider */
    bool needed[PAIR_FILES_MAX]; /* of the last one */
    uint64_t report_tickets[PAIR_FILES_MAX];
};

void pair_init(struct pair *p);
void pair_deinit(struct pair *p);

/* Boots both, the provider creates the syncshell, the joiner joins it. */
void pair_meet(struct pair *p);

void pair_settle(struct pair *p); /* until nobody has anything to do at this instant */
void pair_run_ms(struct pair *p, uint64_t ms);

void pair_kill(struct side *s);       /* and boots it again */
void pair_kill_relay(struct pair *p); /* connections break; the store stays */

/* The transfer: n files "f00", "f01", ... of 100 bytes each. */
void pair_open(struct pair *p, unsigned n_files);
void pair_set_manifest(struct pair *p);
void pair_report(struct pair *p, unsigned file);
void pair_link_lost(struct pair *p);
void pair_close(struct side *s);

extern const char pair_session[];
const char *pair_shell(const struct pair *p); /* its id, from the provider's disk */

#endif
