/* The command line as data. Texts are borrowed from argv. */
#ifndef SHARED_SYNC_OPTIONS_H
#define SHARED_SYNC_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "sync/ice_server.h"

enum role { ROLE_SHARE, ROLE_FETCH };

struct options {
    enum role role;
    bool help;
    bool version;
    const char *folder;
    const char *state_dir; /* this and what follows: NULL when not given */
    const char *relay_url;
    const char *ca_file;
    const char *syncshell_id;
    const char *from_peer_id;
    const char *code; /* to redeem */
    const char *bind_address;
    bool relay_only;
    struct ice_server_list ice_servers;
};

/* 0, or -EINVAL with a sentence in `ret_problem` (borrowed). */
int options_parse(struct options *ret_options, int argc, char **argv, const char **ret_problem);

/* The text of --help. */
const char *options_help(void);

#endif
