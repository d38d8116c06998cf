/* syncshell-relay: the command line, the files that it names, and the server's life. */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "app/log.h"
#include "app/server.h"

enum {
    EXIT_USAGE = 2,
    FAULTS_BYTES_MAX = 65536,
    ERROR_SIZE = 512,
    ASSIGNMENTS_MAX = 64,
    DESCRIPTORS_RESERVED = 64, /* beside connections: store, loop, standard streams, certificates */
    TRIM_THRESHOLD_BYTES = 64 * 1024 * 1024,
};

extern char **environ;

enum command {
    COMMAND_RUN = 0,
    COMMAND_CHECK,
    COMMAND_PRINT_CONFIG,
    COMMAND_PRINT_EXAMPLE,
    COMMAND_HELP,
    COMMAND_VERSION,
};

struct options {
    enum command command;
    struct config_source source;
    const char *assignments[ASSIGNMENTS_MAX + 1];
    size_t n_assignments;
};

static const char help_text[] =
    "Usage: syncshell-relay [OPTION]...\n"
    "\n"
    "Runs the relay through which the members of a syncshell find each other again after a dropped link. It routes sealed\n"
    "reconnect offers, answers and candidates, and keeps recovery sessions in one SQLite file. Without options it listens\n"
    "on ws://127.0.0.1:8787 and keeps its data in ./syncshell-relay-data.\n"
    "\n"
    "  --config FILE       read settings from FILE (TOML); also SYNCSHELL_RELAY_CONFIG\n"
    "  --set KEY=VALUE     set one key, such as listen.port=9000; may be repeated\n"
    "  --check-config      check the settings, say what is wrong and where, and end\n"
    "  --print-config      print the settings in effect as TOML, and end\n"
    "  --print-example     print every key with its meaning, range and default, and end\n"
    "  --help, --version\n"
    "\n"
    "Every key can also be set in the environment: listen.port is SYNCSHELL_RELAY_LISTEN_PORT. The command line goes before\n"
    "the environment, the environment before the file.\n"
    "\n"
    "Examples:\n"
    "  syncshell-relay                                   for this machine alone\n"
    "  syncshell-relay --set store.path=/srv/relay.db    another place for the data\n"
    "  syncshell-relay --config relay.toml --check-config\n"
    "\n"
    "Signals: SIGTERM and SIGINT tell clients to come back later, commit what is queued, and end; a second one hurries.\n"
    "SIGHUP reads the settings again and says which need a restart.\n"
    "Exit status: 0 ended in order, 1 the relay failed, 2 the command line or the settings are wrong.\n";

/* ---- the command line ---- */

static int usage_error(const char *text, const char *argument)
{
    fprintf(stderr, "syncshell-relay: %s%s; --help explains\n", text, argument);
    return -EINVAL;
}

static int take_assignment(struct options *o, const char *text)
{
    if (o->n_assignments == ASSIGNMENTS_MAX)
        return usage_error("too many --set", "");
    o->assignments[o->n_assignments++] = text;
    return 0;
}

static int options_parse(struct options *ret_options, int argc, char **argv)
{
    enum {
        OPTION_CONFIG = 1,
        OPTION_SET,
        OPTION_CHECK,
        OPTION_PRINT,
        OPTION_EXAMPLE,
        OPTION_HELP,
        OPTION_VERSION
    };
    static const struct option known[] = {{"config", required_argument, NULL, OPTION_CONFIG},
                                          {"set", required_argument, NULL, OPTION_SET},
                                          {"check-config", no_argument, NULL, OPTION_CHECK},
                                          {"print-config", no_argument, NULL, OPTION_PRINT},
                                          {"print-example", no_argument, NULL, OPTION_EXAMPLE},
                                          {"help", no_argument, NULL, OPTION_HELP},
                                          {"version", no_argument, NULL, OPTION_VERSION},
                                          {NULL, 0, NULL, 0}};
    static const enum command commands[] = {[OPTION_CHECK] = COMMAND_CHECK,
                                            [OPTION_PRINT] = COMMAND_PRINT_CONFIG,
                                            [OPTION_EXAMPLE] = COMMAND_PRINT_EXAMPLE,
                                            [OPTION_HELP] = COMMAND_HELP,
                                            [OPTION_VERSION] = COMMAND_VERSION};
    ret_options->source.file = getenv(SETTING_ENVIRONMENT_PREFIX "CONFIG");
    int r = 0;
    for (int c = getopt_long(argc, argv, "", known, NULL); c != -1 && r == 0;
         c = getopt_long(argc, argv, "", known, NULL)) {
        if (c == OPTION_CONFIG)
            ret_options->source.file = optarg;
        else if (c == OPTION_SET)
            r = take_assignment(ret_options, optarg);
        else if (c == '?')
            r = usage_error("wrong command line", "");
        else
            ret_options->command = commands[c];
    }
    if (r == 0 && optind < argc)
        r = usage_error("unexpected argument ", argv[optind]);
    return r;
}

static int load(const struct options *o, struct settings *ret_settings)
{
    struct buf faults = BUF_INIT(FAULTS_BYTES_MAX);
    int r = config_load(ret_settings, &o->source, &faults);
    if (faults.size)
        fwrite(faults.data, 1, faults.size, stderr);
    else if (r < 0)
        fprintf(stderr, "syncshell-relay: %s\n", strerror(-r));
    buf_deinit(&faults);
    return r;
}

static int reload(void *userdata, struct settings *ret_settings)
{
    return load(userdata, ret_settings);
}

/* ---- running ---- */

/* The folder of the database, readable by us alone; folders above it are the operator's. */
static int make_data_folder(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    const char *folder = dirname(copy);
    int r = 0;
    if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
        r = -errno;
        fprintf(stderr, "syncshell-relay: store.path: cannot create the folder %s: %s\n", folder,
                strerror(errno));
    }
    free(copy);
    return r;
}

static void raise_descriptor_limit(const struct settings *s, struct log *log)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)s->connections_max + DESCRIPTORS_RESERVED;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        if (limit.rlim_max < wanted && limit.rlim_max != RLIM_INFINITY)
            limit.rlim_cur = limit.rlim_max;
        else
            limit.rlim_cur = wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
            log_write(log, LOG_LEVEL_WARNING, "few_descriptors",
                      LOG_FIELDS(LOG_NUMBER("have", limit.rlim_cur), LOG_NUMBER("want", wanted)));
    }
}

static void print_welcome(const struct settings *s, const char *url)
{
    char *data = realpath(s->store_path, NULL);
    const char *reachable = *s->public_urls ? *s->public_urls : url;
    printf("Syncshell relay " SYNCSHELL_VERSION "\n"
           "  listens on  %s\n"
           "  data in     %s\n"
           "  creating    %s\n"
           "  next        syncshell create --relay %s\n"
           "  stop        Ctrl-C\n",
           url, data ? data : s->store_path,
           config_create_policy(s) == CREATE_POLICY_OPEN
               ? "every peer that connects may create syncshells"
               : "nobody may create syncshells (create.policy)",
           reachable);
    fflush(stdout);
    free(data);
}

static int run(struct options *o, const struct settings *settings)
{
    struct log log = {.level = (enum log_level)settings->log_level,
                      .json = settings->log_format == LOG_FORMAT_JSON};
    struct server *server = NULL;
    char error[ERROR_SIZE];
    mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES);
    signal(SIGPIPE, SIG_IGN);
    if (make_data_folder(settings->store_path) < 0)
        return EXIT_FAILURE;
    raise_descriptor_limit(settings, &log);
    if (server_new(&server, settings, &log, error, sizeof error) != 0) {
        fprintf(stderr, "syncshell-relay: %s\n", error);
        return EXIT_FAILURE;
    }
    server_set_reload(server, reload, o);
    print_welcome(settings, server_url(server));
    int r = server_run(server);
    server_free(server);
    log_write(&log, r == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "ended",
              LOG_FIELDS(LOG_TEXT("reason", r == 0 ? "" : strerror(-r))));
    return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int with_settings(struct options *o)
{
    struct settings settings;
    if (load(o, &settings) != 0)
        return EXIT_USAGE;
    int status = EXIT_SUCCESS;
    if (o->command == COMMAND_CHECK)
        puts("The configuration is valid.");
    else if (o->command == COMMAND_PRINT_CONFIG)
        config_print(stdout, &settings);
    else
        status = run(o, &settings);
    settings_deinit(&settings);
    return status;
}

int main(int argc, char **argv)
{
    struct options o = {.source = {.environment = environ}};
    o.source.assignments = o.assignments;
    if (options_parse(&o, argc, argv) < 0)
        return EXIT_USAGE;
    switch (o.command) {
    case COMMAND_HELP:
        fputs(help_text, stdout);
        return EXIT_SUCCESS;
    case COMMAND_VERSION:
        puts("syncshell-relay " SYNCSHELL_VERSION);
        return EXIT_SUCCESS;
    case COMMAND_PRINT_EXAMPLE:
        return config_print_example(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    case COMMAND_RUN:
    case COMMAND_CHECK:
    case COMMAND_PRINT_CONFIG:
        break;
    }
    return with_settings(&o);
}
