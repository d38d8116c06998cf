#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/failure.h"

int client_default_state_dir(char ret_path[static CLIENT_PATH_SIZE], const char *state_home,
                             const char *home)
{
    char path[CLIENT_PATH_SIZE];
    int length;

    if (state_home && state_home[0] == '/')
        length = snprintf(path, sizeof(path), "%s/syncshell", state_home);
    else if (home && home[0] == '/')
        length = snprintf(path, sizeof(path), "%s/.local/state/syncshell", home);
    else
        return -ENOENT;
    if (length < 0 || (size_t)length >= sizeof(path))
        return -ENAMETOOLONG;
    memcpy(ret_path, path, (size_t)length + 1);
    return 0;
}

/* Creates what is missing above `path`; the library creates the directory itself. */
static int parents_create(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        int r;

        *slash = '\0';
        r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
        *slash = '/';
        if (r)
            return r;
    }
    return 0;
}

static int state_dir_find(const struct options *options, char ret_path[static CLIENT_PATH_SIZE])
{
    int r;

    if (options->state_dir) {
        if (strlen(options->state_dir) >= CLIENT_PATH_SIZE) {
            failure_print("The path given with --state is too long.");
            return -1;
        }
        memcpy(ret_path, options->state_dir, strlen(options->state_dir) + 1);
        return 0;
    }
    r = client_default_state_dir(ret_path, getenv("XDG_STATE_HOME"), getenv("HOME"));
    if (r) {
        failure_print("There is no usable home directory: name a state directory with --state.");
        return -1;
    }
    r = parents_create(ret_path);
    if (r) {
        failure_print("%s cannot be created (%s): name another state directory with --state.",
                      ret_path, strerror(-r));
        return -1;
    }
    return 0;
}

static int file_read(const char *path, char *ret_text, size_t size, size_t *ret_length)
{
    bool standard_input = strcmp(path, "-") == 0;
    FILE *file = standard_input ? stdin : fopen(path, "re");
    int r = 0;

    if (!file)
        return -errno;
    errno = 0;
    *ret_length = fread(ret_text, 1, size, file);
    if (ferror(file))
        r = errno ? -errno : -EIO;
    if (!standard_input && fclose(file) && !r)
        r = -errno;
    return r;
}

/* Takes the one line out of `text`, which it changes. */
static int line_take(char text[static CLIENT_SECRET_SIZE], size_t length,
                     char ret_secret[static CLIENT_SECRET_SIZE])
{
    const char *key;

    if (length >= CLIENT_SECRET_SIZE || memchr(text, '\0', length))
        return -EINVAL;
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    text[length] = '\0';
    key = text + strspn(text, " \t\r\n");
    if (!*key || strpbrk(key, "\r\n"))
        return -EINVAL;
    memcpy(ret_secret, key, strlen(key) + 1);
    return 0;
}

int client_read_secret(const char *path, char ret_secret[static CLIENT_SECRET_SIZE])
{
    char text[CLIENT_SECRET_SIZE] = "";
    size_t length = 0;
    int r = file_read(path, text, sizeof(text), &length);

    if (!r)
        r = line_take(text, length, ret_secret);
    return r;
}

/* The key that --access-key-file or the environment gives; "" for none. 0, or -1 after a sentence. */
static int access_key_find(const struct options *options, char ret_key[static CLIENT_SECRET_SIZE])
{
    const char *path = options->access_key_file;
    const char *given = path ? NULL : getenv(CLIENT_ACCESS_KEY_ENVIRONMENT);
    const char *source = given ? CLIENT_ACCESS_KEY_ENVIRONMENT : path;
    char text[CLIENT_SECRET_SIZE];
    size_t length = given ? strlen(given) : 0;
    int r = -EINVAL;

    ret_key[0] = '\0';
    if (!path && length == 0)
        return 0;
    if (path && strcmp(path, "-") == 0)
        source = "The standard input";
    if (path) {
        r = client_read_secret(path, ret_key);
    } else if (length < sizeof(text)) {
        memcpy(text, given, length + 1);
        r = line_take(text, length, ret_key);
    }
    if (r == -EINVAL)
        failure_print(
            "%s does not hold an access key: it must hold one line, the key that the relay's operator gave.",
            source);
    else if (r)
        failure_print("The access key cannot be read from %s (%s): check --access-key-file.",
                      source, strerror(-r));
    return r ? -1 : 0;
}

int client_open(const struct options *options, syncshell_client **ret_client)
{
    char state_dir[CLIENT_PATH_SIZE], key[CLIENT_SECRET_SIZE];
    syncshell_options library;
    int32_t error;

    if (state_dir_find(options, state_dir))
        return -1;
    if (access_key_find(options, key))
        return -1;
    syncshell_options_init(&library, sizeof(library));
    library.state_dir = state_dir;
    library.relay_url = options->relay_url;
    library.ca_file = options->ca_file;
    library.certificate_pin = options->pin && strcmp(options->pin, "none") == 0 ? "" : options->pin;
    library.access_key = *key ? key : NULL;
    error = syncshell_client_new(&library, ret_client);
    if (error == SYNCSHELL_E_ARGUMENT) {
        failure_print(
            "An option's value is not allowed: --relay takes ws://HOST:PORT or wss://HOST:PORT, --state and "
            "--ca take paths, --pin takes a key's hash, \"connected\" or \"none\". (E_ARGUMENT)");
        return -1;
    }
    if (error) {
        failure_print_error(error);
        return -1;
    }
    return 0;
}

int client_read_passphrase(const struct options *options,
                           char ret_passphrase[static CLIENT_SECRET_SIZE])
{
    const char *path = options->passphrase_file;
    int r = client_read_secret(path, ret_passphrase);

    if (r == -EINVAL)
        failure_print("%s does not hold a passphrase: it must hold one line.",
                      strcmp(path, "-") == 0 ? "The standard input" : path);
    else if (r)
        failure_print("The passphrase cannot be read from %s (%s): check --passphrase-file.", path,
                      strerror(-r));
    return r ? -1 : 0;
}
