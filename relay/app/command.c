#include "app/command.h"

#include <stddef.h>
#include <stdlib.h>

#include "app/access_key_command.h"
#include "app/admin_command.h"
#include "app/backup_command.h"
#include "app/data_folder.h"
#include "app/doctor/doctor_command.h"
#include "app/explain_command.h"
#include "app/options.h"
#include "app/status_command.h"
#include "base/str.h"

static const char *one_file_problem(char *const *words)
{
    return words[0] && *words[0] && !words[1] ? NULL : "backup and restore take one FILE";
}

static const char *no_words_problem(char *const *words)
{
    return words[0] ? "doctor, health, reload and status take nothing more" : NULL;
}

static const char *one_session_problem(char *const *words)
{
    return words[0] && *words[0] && !words[1] ? NULL : "explain takes one SESSION";
}

static int run_access_key(const struct options *o, const struct settings *s)
{
    return access_key_command(s->store_path, o->words, o->expires_days);
}

static int run_backup(const struct options *o, const struct settings *s)
{
    return backup_command(s->store_path, o->words[0]);
}

static int run_restore(const struct options *o, const struct settings *s)
{
    if (data_folder_make(s->store_path) < 0)
        return EXIT_FAILURE;
    return restore_command(s->store_path, o->words[0]);
}

static int run_health(const struct options *o, const struct settings *s)
{
    (void)o;
    return health_command(s->store_path);
}

static int run_reload(const struct options *o, const struct settings *s)
{
    (void)o;
    return reload_command(s->store_path);
}

static int run_explain(const struct options *o, const struct settings *s)
{
    return explain_command(s->store_path, o->words[0]);
}

static int run_status(const struct options *o, const struct settings *s)
{
    (void)o;
    return status_command(s->store_path);
}

static int run_doctor(const struct options *o, const struct settings *s)
{
    return doctor_command(s, o->ca_file);
}

static const struct command commands[] = {
    {"access-key", access_key_words_problem, run_access_key},
    {"backup", one_file_problem, run_backup},
    {"restore", one_file_problem, run_restore},
    {"doctor", no_words_problem, run_doctor},
    {"explain", one_session_problem, run_explain},
    {"health", no_words_problem, run_health},
    {"reload", no_words_problem, run_reload},
    {"status", no_words_problem, run_status},
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (str_equal(commands[i].name, name))
            return &commands[i];
    return NULL;
}
