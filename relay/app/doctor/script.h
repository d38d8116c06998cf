/* What the two members of a rehearsal do, step by step. */
#ifndef RELAY_APP_DOCTOR_SCRIPT_H
#define RELAY_APP_DOCTOR_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "app/doctor/member.h"

struct script {
    struct member_options options;
    const char *folder; /* for the members' state; theirs alone */
    const char *store_path;
    /* out */
    const char *step; /* the last one, to follow "failed at" */
    bool reached;     /* a relay answered */
    bool left_behind; /* the syncshell is still there */
    int64_t
        recovered_ms; /* from the second start of the one that was lost until the link is up again */
    char syncshell_id[SYNCSHELL_ID_SIZE];
    char code[MEMBER_CODE_SIZE]; /* why not; "": nothing came in time */
    char message[MEMBER_MESSAGE_SIZE];
};

/* True when all of it went as it should. Takes seconds at most. */
bool script_run(struct script *s);

#endif
