/* A configuration: the bytes up to a record separator (which TOML does not allow) are the file, what follows each further one is
 * a --set, or with another first byte than '-' a variable of the environment. Read, checked as a whole, and handed to where its
 * values go; what it prints is itself a configuration, of the same values. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "app/server_options.h"
#include "app/worst_case.h"

enum {
    SEPARATOR = 0x1e,
    TEXTS_MAX = 16,
    FAULTS_BYTES_MAX = 64 * 1024,
    SECRET_FD = 900, /* seeds name it: /proc/self/fd/900 */
};

struct texts {
    char *of_environment[TEXTS_MAX + 1];
    char *of_command_line[TEXTS_MAX + 1];
    size_t n_environment, n_command_line;
};

static int file_with(const void *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    fuzz_check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    return fd;
}

/* A file that a secret can be read from. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    int fd = file_with("a secret\n", 9);

    (void)argc;
    (void)argv;
    fuzz_check(fchmod(fd, 0600) == 0 && dup2(fd, SECRET_FD) == SECRET_FD && close(fd) == 0);
    return 0;
}

/* Returns where the file's text ends. */
static size_t split(const uint8_t *data, size_t size, struct texts *ret_texts)
{
    const uint8_t *end = size ? memchr(data, SEPARATOR, size) : NULL;
    size_t file_size = end ? (size_t)(end - data) : size;

    while (end && ret_texts->n_environment + ret_texts->n_command_line < TEXTS_MAX) {
        const uint8_t *begin = end + 1;
        size_t rest = size - (size_t)(begin - data);
        char *text;

        end = rest ? memchr(begin, SEPARATOR, rest) : NULL;
        text = strndup((const char *)begin, end ? (size_t)(end - begin) : rest);
        fuzz_check(text != NULL);
        if (*text == '-') {
            memmove(text, text + 1, strlen(text));
            ret_texts->of_command_line[ret_texts->n_command_line++] = text;
        } else {
            ret_texts->of_environment[ret_texts->n_environment++] = text;
        }
    }
    return file_size;
}

static int load(int fd, const struct texts *texts, struct settings *ret_settings)
{
    struct buf faults = BUF_INIT(FAULTS_BYTES_MAX);
    char path[64];
    const struct config_source source = {
        .file = path,
        .environment = texts->of_environment,
        .assignments = (const char *const *)texts->of_command_line,
    };
    int r;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    r = config_load(ret_settings, &source, &faults);
    fuzz_check(r == 0 || r == CONFIG_E_FAULTS);
    fuzz_check((r == 0) == (faults.size == 0)); /* nothing is refused without a word */
    buf_deinit(&faults);
    return r;
}

static void equal_values(const struct settings *a, const struct settings *b)
{
    for (size_t i = 0; i < setting_count; i++)
        fuzz_check(setting_equal(a, b, &setting_table[i]));
}

/* Credentials are not printed, and what is no UTF-8 cannot be TOML. */
static bool can_be_read_again(const struct settings *s, const struct texts *texts)
{
    bool plain = s->ice.n_servers == 0;

    for (size_t i = 0; i < texts->n_environment; i++)
        for (const char *c = texts->of_environment[i]; *c; c++)
            plain = plain && (unsigned char)*c < 0x80;
    for (size_t i = 0; i < texts->n_command_line; i++)
        for (const char *c = texts->of_command_line[i]; *c; c++)
            plain = plain && (unsigned char)*c < 0x80;
    return plain;
}

static void read_again(const struct settings *s)
{
    const struct texts none = {0};
    struct settings again;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int fd;

    fuzz_check(out != NULL);
    config_print(out, s);
    fuzz_check(fclose(out) == 0);
    fd = file_with(text, size);
    fuzz_check(load(fd, &none, &again) == 0);
    equal_values(s, &again);
    settings_deinit(&again);
    close(fd);
    free(text);
}

/* Where the values go. */
static void use(const struct settings *s)
{
    static const struct store_identity identity = {.relay_id = {"relay"}, .epoch = {"epoch"}};
    struct core_config core;
    struct ws_listen listen;
    struct ws_options options;
    struct store_options store;
    struct worst_case worst;
    uint64_t sum = 0;

    server_options_core(&core, s, &identity);
    server_options_listen(&listen, &options, s);
    server_options_store(&store, s);
    worst_case_of(s, &worst);
    for (int i = 0; i < WORST_CASE_PARTS; i++) {
        fuzz_check(worst.parts[i].bytes <= worst.total_bytes - sum); /* no sum wraps */
        sum += worst.parts[i].bytes;
    }
    fuzz_check(sum == worst.total_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct texts texts = {0};
    struct settings settings;
    int fd = file_with(data, split(data, size, &texts));

    if (load(fd, &texts, &settings) == 0) {
        use(&settings);
        if (can_be_read_again(&settings, &texts))
            read_again(&settings);
        settings_deinit(&settings);
    }
    close(fd);
    for (size_t i = 0; i < texts.n_environment; i++)
        free(texts.of_environment[i]);
    for (size_t i = 0; i < texts.n_command_line; i++)
        free(texts.of_command_line[i]);
    return 0;
}
