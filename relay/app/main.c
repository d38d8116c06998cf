/* syncshell-relay: what it prepares in its process, and the server's life between start and end. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/command.h"
#include "app/config.h"
#include "app/data_folder.h"
#include "app/log.h"
#include "app/options.h"
#include "app/server.h"
#include "app/server_options.h"
#include "app/worst_case.h"
#include "program/stream.h"

enum {
    EXIT_USAGE = 2,
    FAULTS_BYTES_MAX = 65536,
    ERROR_SIZE = 512,
    LINE_SIZE = 8192,
    DESCRIPTORS_RESERVED = 256, /* beside connections: handshakes, store, loop, standard streams */
    TRIM_THRESHOLD_BYTES = 64 * 1024 * 1024,
};

extern char **environ;

static int load(const struct options *o, struct settings *ret_settings)
{
    struct buf faults = BUF_INIT(FAULTS_BYTES_MAX);
    int r = config_load(ret_settings, &o->source, &faults);
    fwrite(faults.data ? (const char *)faults.data : "", 1, faults.size, stderr);
    if (r < 0)
        fprintf(stderr, "syncshell-relay: %s\n", strerror(-r));
    buf_deinit(&faults);
    return r;
}

static int reload(void *userdata, struct settings *ret_settings, struct buf *faults)
{
    const struct options *o = userdata;
    return config_load(ret_settings, &o->source, faults);
}

/* As many descriptors as connections_max needs, and not many more: tables are made by this limit, which some systems set
 * to a thousand million. */
static void fit_descriptor_limit(const struct settings *s, const struct log *log)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)s->connections_max + DESCRIPTORS_RESERVED;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
        log_write(log, LOG_LEVEL_WARNING, "few_descriptors",
                  LOG_FIELDS(LOG_NUMBER("have", limit.rlim_cur), LOG_NUMBER("want", wanted),
                             LOG_TEXT("key", "limits.connections_max")));
}

static const char *who_creates(const struct settings *s)
{
    if (config_create_policy(s) == CREATE_POLICY_OPEN)
        return "every peer that connects may create syncshells";
    if (config_create_policy(s) == CREATE_POLICY_ACCESS_KEY)
        return "who has an access key may create syncshells (syncshell-relay access-key add)";
    return "nobody may create syncshells (create.policy)";
}

static void say_lost_output(void)
{
    fprintf(stderr, "syncshell-relay: cannot write to standard output: %s\n", strerror(errno));
}

/* Where it does not arrive is told; to run a relay nobody needs it. */
static void print_welcome(const struct settings *s, const char *url)
{
    char *data = realpath(s->store_path, NULL);
    printf("Syncshell relay " SYNCSHELL_VERSION "\n"
           "  listens on  %s\n"
           "  data in     %s\n"
           "  creating    %s\n"
           "  next        syncshell create --relay %s\n"
           "  stop        Ctrl-C\n",
           url, data ? data : s->store_path, who_creates(s),
           *s->public_urls ? *s->public_urls : url);
    free(data);
    if (fflush(stdout) != 0)
        say_lost_output();
    clearerr(stdout);
}

/* From here on a further signal finds the end under way, and must not turn it into a death by that signal. */
static void hold_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

static int run(struct options *o, const struct settings *settings)
{
    struct log_loss loss = {0};
    struct log log = {.out = stderr,
                      .loss = &loss,
                      .level = (enum log_level)settings->log_level,
                      .format = (enum log_format)settings->log_format,
                      .journal = log_reaches_journal(STDERR_FILENO)};
    struct server *server = NULL;
    char error[ERROR_SIZE];
    mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES);
    signal(SIGPIPE, SIG_IGN);
    if (data_folder_make(settings->store_path) < 0)
        return EXIT_FAILURE;
    fit_descriptor_limit(settings, &log);
    if (server_new(&server, settings, &log, reload, o, error, sizeof error) != 0) {
        fprintf(stderr, "syncshell-relay: %s\n", error);
        return EXIT_FAILURE;
    }
    print_welcome(settings, server_url(server));
    int r = server_run(server);
    hold_signals();
    if (!server_stop(server))
        _exit(EXIT_FAILURE); /* whatever frees or flushes might wait for the store's thread */
    server_free(server);
    log_write(&log, r == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "ended",
              LOG_FIELDS(LOG_TEXT("reason", r == 0 ? "" : strerror(-r))));
    return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What the settings alone do not tell is looked at, too: a relay that is to be started with them should start. */
static int check(const struct settings *settings)
{
    struct worst_case w;
    struct ws_listen listen;
    struct ws_options unused;
    char error[ERROR_SIZE];
    server_options_listen(&listen, &unused, settings);
    if (ws_certificate_check(&listen, error, sizeof error) < 0) {
        fprintf(stderr, "listen.tls_certificate: %s\n", error);
        return EXIT_USAGE;
    }
    worst_case_of(settings, &w);
    puts("The configuration is valid.");
    worst_case_print(stdout, &w);
    return EXIT_SUCCESS;
}

static int with_settings(struct options *o)
{
    struct settings settings;
    if (load(o, &settings) != 0)
        return EXIT_USAGE;
    int status = EXIT_SUCCESS;
    if (o->command == COMMAND_CHECK)
        status = check(&settings);
    else if (o->command == COMMAND_PRINT_CONFIG)
        config_print(stdout, &settings);
    else if (o->command == COMMAND_NAMED)
        status = o->named->run(o, &settings);
    else
        status = run(o, &settings);
    settings_deinit(&settings);
    return status;
}

static int execute(struct options *o)
{
    switch (o->command) {
    case COMMAND_HELP:
        fputs(options_help, stdout);
        fputs(options_help_commands, stdout);
        return EXIT_SUCCESS;
    case COMMAND_VERSION:
        puts("syncshell-relay " SYNCSHELL_VERSION);
        return EXIT_SUCCESS;
    case COMMAND_PRINT_EXAMPLE:
        return config_print_example(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    case COMMAND_RUN:
    case COMMAND_CHECK:
    case COMMAND_PRINT_CONFIG:
    case COMMAND_NAMED:
        break;
    }
    return with_settings(o);
}

/* What was to be printed and went nowhere is a failure, too (a full disk behind >relay.toml). */
static int finish_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    say_lost_output();
    return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

int main(int argc, char **argv)
{
    struct options o;
    if (!streams_fill())
        return EXIT_FAILURE;
    setvbuf(stderr, NULL, _IOLBF, LINE_SIZE); /* a line of the log is one write */
    if (options_parse(&o, argc, argv, environ) < 0)
        return EXIT_USAGE;
    return finish_output(execute(&o));
}
