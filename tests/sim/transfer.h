/* What the applications do: transfers of a few files between two peers, each under one recovery session.
 *
 * A transfer has what survives the applications (their own disks: the files, and what was asked for) and what does not: a side's
 * peer connection, and the link between two of them. A peer connection is a number; offers and answers name those they are
 * from and for, so it shows when two sides disagree on the attempt that won. */
#ifndef TESTS_SIM_TRANSFER_H
#define TESTS_SIM_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;
struct sim;

enum { TRANSFERS_MAX = 24, TRANSFER_FILES_MAX = 12 };

/* An application's end of it. All but the first few is gone with the process. */
struct side {
    unsigned peer;
    bool joiner;
    bool closed;         /* SESSION_CLOSED was told */
    bool ever_known;     /* opened or resumed, in any of its processes */
    bool known;          /* opened or resumed, in this process */
    bool manual;         /* MANUAL_RECOVERY was told, and no link since */
    uint64_t connection; /* its peer connection; 0: none */
    uint64_t generation;
    uint64_t heard_generation; /* of the last OFFER, in this process */
    bool offers;
    uint64_t
        answered;     /* the other's connection that an answer was made for or came from; 0: none */
    bool up;          /* told to the engine */
    uint64_t up_us;   /* to be told; TIME_NEVER_US */
    uint64_t lost_us; /* likewise */
    uint64_t tickets[TRANSFER_FILES_MAX]; /* joiner: of the last report of a file */
    uint32_t reported_done;
    bool manifest_saved;
};

struct transfer {
    char id[16];
    unsigned n_files;
    bool by_joiner;   /* who opens */
    bool opened;      /* somebody was told so */
    bool wanted;      /* to be opened */
    uint64_t open_us; /* when to ask (again) */
    bool close_wanted;
    bool close_by_joiner;
    int32_t close_outcome;
    uint64_t close_us;
    bool completes; /* is closed once everything has arrived */
    uint32_t have;  /* files on the joiner's disk; likewise: in part */
    uint32_t partly;
    uint32_t saved;  /* reported, and told to be saved */
    uint32_t stored; /* ... and told to be at the relay */
    uint32_t held;   /* what the provider was told last; its delta is the rest */
    uint32_t needed;
    unsigned n_requests;
    struct side sides[2]; /* joiner, provider */
    uint64_t link_us;     /* when the link is tried; TIME_NEVER_US */
    uint64_t link[2];     /* the connections that are, or are to be, linked */
    bool linked;
    uint64_t file_us; /* the next file arrives; TIME_NEVER_US */
};

struct transfers {
    struct transfer all[TRANSFERS_MAX];
    size_t n;
    uint64_t n_connections;
};

/* Wishes for one; false when there are enough. */
bool transfer_wish(struct sim *s, unsigned opener, uint64_t detail);

struct transfer *transfer_find(struct sim *s, const char *session_id);
struct side *transfer_side(struct transfer *t, unsigned peer); /* NULL: not in it */
struct side *transfer_other(struct transfer *t, const struct side *side);
struct peer *side_peer(struct sim *s, const struct side *side);

/* A new peer connection for that attempt: the old one, and its link, are gone. */
void side_connects(struct sim *s, struct transfer *t, struct side *side, uint64_t generation,
                   bool offers);
void side_lets_go(struct sim *s, struct transfer *t, struct side *side);

/* The offering side has the answer of the other's connection. */
void transfer_try_link(struct sim *s, struct transfer *t);
void transfer_cut_link(struct sim *s, struct transfer *t);

void transfers_peer_died(struct sim *s, struct peer *p);

/* Time. */
uint64_t transfers_due_us(struct sim *s);
bool transfers_tick(struct sim *s); /* does one thing that is due; false: nothing */

/* What the joiner's application tells of its disk. */
void transfer_report(struct sim *s, struct transfer *t, uint32_t files);

/* Replays the relay's log as its disk has it: the complete files. False: an entry does not open. */
bool transfer_log(struct sim *s, const struct transfer *t, uint32_t *ret_files);

#endif
