/* The tables [[ice.server]] of the configuration, one for each provider of STUN or TURN. Only the file has them; SIGHUP applies
 * them, and reads the files with the secrets again. Their texts are shown to nobody but TURN servers' clients: not by
 * --print-config, not by any message about a fault. */
#ifndef RELAY_APP_ICE_SETTING_H
#define RELAY_APP_ICE_SETTING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/ice_server.h"

struct faults;
struct toml_value;

enum {
    ICE_TTL_SECONDS_DEFAULT = 3600,
    ICE_TTL_SECONDS_MAX = 604800,
    ICE_SECRET_BYTES_MAX = 255,
};

/* One provider's settings: what the core knows of it, and the rest. */
struct ice_setting {
    struct ice_server server;
    char *secret_file; /* "" when there is none */
    uint32_t line;     /* where its table begins */
    bool faulty;       /* something was wrong with it, and was told */
};

struct ice_settings {
    struct ice_server *
        *servers; /* each the server of a struct ice_setting; NULL-terminated; NULL: none */
    size_t n_servers;
};

void ice_settings_deinit(struct ice_settings *s); /* accepts zeroed */

/* Whether a key of the file belongs here: "ice", and whatever begins with "ice.". */
bool ice_settings_has_key(const char *key);

/* One value of the file; `place` says where it stands. */
void ice_settings_take(struct ice_settings *s, struct faults *faults, const char *place,
                       const struct toml_value *v);

/* After the last value of `file`: what is missing, what does not go together; reads the files with the secrets. */
void ice_settings_finish(struct ice_settings *s, struct faults *faults, const char *file);

/* As TOML, all but the credentials: those in effect, and what the example says about them. */
void ice_settings_print(FILE *out, const struct ice_settings *s);
extern const char ice_settings_example[];

#endif
