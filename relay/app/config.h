/* The configuration: defaults, then the file, then the environment, then the command line; checked row by row and as a
 * whole. Everything that is wrong is reported, not only the first, each with the place where it stands and, for a key that
 * does not exist, the nearest that does. */
#ifndef RELAY_APP_CONFIG_H
#define RELAY_APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "app/setting.h"
#include "base/buf.h"

/* Names the file where --config does not; not a setting itself. */
#define CONFIG_FILE_VARIABLE SETTING_ENVIRONMENT_PREFIX "CONFIG"

/* Where a value can come from besides the file and the environment: "section.name=value" as --set gave it. */
struct config_source {
    const char *file;               /* NULL: none */
    char *const *environment;       /* "NAME=value", NULL-terminated */
    const char *const *assignments; /* NULL-terminated; NULL: none */
};

/* Reads everything into `ret_settings`. Each fault becomes a line of `faults`.
 * 0, CONFIG_E_FAULTS (ret_settings is not written) or -ENOMEM. */
enum { CONFIG_E_FAULTS = 1 };
int config_load(struct settings *ret_settings, const struct config_source *source,
                struct buf *faults);

/* True for an address that only this machine reaches. */
bool config_is_loopback(const char *address);

/* The create policy after "auto" was decided. */
enum create_policy config_create_policy(const struct settings *s);

/* TOML with every key, its meaning, range, environment name and default: config.example.toml. */
int config_print_example(FILE *out); /* 0 or -ENOMEM */

/* TOML with every key's value in effect. */
void config_print(FILE *out, const struct settings *s);

#endif
