/* A throw-away member: a client of the library with a state directory that goes with it. */
#ifndef RELAY_APP_DOCTOR_MEMBER_H
#define RELAY_APP_DOCTOR_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <syncshell/syncshell.h>

enum { MEMBER_EVENTS_MAX = 64, MEMBER_CODE_SIZE = 64, MEMBER_MESSAGE_SIZE = 256 };

struct member {
    char state_dir[4096];
    syncshell_client *client;
    syncshell_event *kept[MEMBER_EVENTS_MAX]; /* came before they were waited for, oldest first */
    size_t n_kept;
    bool connected; /* at least once */
    bool tidies;    /* an interruption does not end its waiting */
    /* Of the last refusal, or of the end of the connection; "": none. */
    char code[MEMBER_CODE_SIZE];
    char message[MEMBER_MESSAGE_SIZE];
};

struct member_options {
    const char *url;
    const char *ca_file;    /* NULL: the system's authorities */
    const char *access_key; /* NULL: none */
};

/* Starts a client in `m->state_dir`, with what is there from before. 0 or a syncshell_error. */
int32_t member_start(struct member *m, const struct member_options *options);
/* As a process ends: the state directory stays. */
void member_stop(struct member *m);

/* The next event of that type, to be freed by the caller; others that come before it are kept for later. NULL when it does not come:
 * time is over, a request was refused, the relay cannot be reached, or an interruption came. */
syncshell_event *member_wait(struct member *m, int32_t type, int64_t deadline_ms);

int64_t member_now_ms(void); /* the clock of deadlines */

#endif
