#include "app/access_key_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "adapters/crypto_openssl/crypto.h"
#include "adapters/store_sqlite/access_keys.h"
#include "app/data_folder.h"
#include "app/options.h"
#include "base/str.h"
#include "core/access_key.h"

enum {
    ID_BYTES = 6,
    SECRET_BYTES = 32,
    ERROR_SIZE = 512,
    TIME_SIZE = 24,
    MS_PER_S = 1000,
    S_PER_DAY = 24 * 3600,
};

static bool name_valid(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length > ACCESS_KEY_NAME_MAX || !str_utf8_valid(name, length))
        return false;
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return true;
}

const char *access_key_words_problem(char *const *words)
{
    const char *verb = words[0] ? words[0] : "";
    bool list = strcmp(verb, "list") == 0;

    if (!list && strcmp(verb, "add") != 0 && strcmp(verb, "revoke") != 0)
        return "access-key takes add NAME, list, or revoke NAME|ID";
    if (list)
        return words[1] ? "access-key list takes no name" : NULL;
    if (!words[1] || words[2])
        return "access-key add and revoke take one name";
    return name_valid(words[1]) ? NULL
                                : "a name is 1 to 64 bytes of text without control characters";
}

static int64_t now_ms(void)
{
    return (int64_t)time(NULL) * MS_PER_S;
}

/* The key's text, and its public part in the row. 0 or negative. */
static int make_key(struct access_key_row *row, char ret_key[ACCESS_KEY_SIZE])
{
    unsigned char id[ID_BYTES], secret[SECRET_BYTES];
    char secret_text[WIRE_KEY_LENGTH + 1];
    struct crypto *crypto = NULL;
    int r = crypto_new(&crypto);

    if (r == 0)
        r = crypto_random(crypto, id, sizeof id);
    if (r == 0)
        r = crypto_random(crypto, secret, sizeof secret);
    if (r == 0)
        r = crypto_base64url(secret, sizeof secret, secret_text, sizeof secret_text);
    if (r == 0) {
        str_hex(row->key_id.text, id, sizeof id); /* base64url would begin with a dash at times */
        (void)snprintf(ret_key, ACCESS_KEY_SIZE, ACCESS_KEY_PREFIX "%s.%s", row->key_id.text,
                       secret_text);
    }
    (void)crypto_free(crypto);
    return r;
}

int access_key_issue(struct access_keys *keys, const char *name, int64_t lifetime_ms,
                     struct access_key_row *ret_row, char ret_key[ACCESS_KEY_SIZE])
{
    struct access_key_row row = {.created_unix_ms = now_ms()};
    char sha256[STORE_SHA256_SIZE];
    int r = make_key(&row, ret_key);

    if (r == 0)
        r = crypto_sha256(ret_key, strlen(ret_key), sha256);
    if (r < 0)
        return r;
    (void)str_copy(row.name, sizeof row.name, name);
    row.expires_unix_ms = lifetime_ms ? row.created_unix_ms + lifetime_ms : 0;
    r = access_keys_add(keys, &row, sha256);
    if (r == 0)
        *ret_row = row;
    return r;
}

/* Where it went is said in full: a key in the database of other settings opens nothing. */
static void say_added(const struct access_key_row *row, const char *store_path, bool is_new)
{
    char *file = realpath(store_path, NULL);
    fprintf(
        stderr,
        "Added the access key %s for \"%s\" to %s%s. The line above is the key: it is shown this once. Its holder puts it "
        "into a file and runs: syncshell create --relay URL --access-key-file FILE\n",
        row->key_id.text, row->name, file ? file : store_path,
        is_new ? ", which is new: no relay has used it yet" : "");
    free(file);
}

static int add(struct access_keys *keys, const char *name, uint32_t expires_days,
               const char *store_path, bool is_new)
{
    struct access_key_row row;
    char key[ACCESS_KEY_SIZE];
    int r = access_key_issue(keys, name, (int64_t)expires_days * S_PER_DAY * MS_PER_S, &row, key);

    if (r < 0) {
        if (!access_keys_error(keys)[0])
            fprintf(stderr, "syncshell-relay: no key could be made: %s\n", strerror(-r));
        return r;
    }
    puts(key);
    say_added(&row, store_path, is_new);
    return 0;
}

static const char *time_text(int64_t unix_ms, char ret_text[TIME_SIZE])
{
    time_t seconds = (time_t)(unix_ms / MS_PER_S);
    struct tm utc;

    if (unix_ms == 0 || !gmtime_r(&seconds, &utc) ||
        strftime(ret_text, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        (void)snprintf(ret_text, TIME_SIZE, "-");
    return ret_text;
}

static int print_row(void *userdata, const struct access_key_row *row)
{
    char made[TIME_SIZE], used[TIME_SIZE], expires[TIME_SIZE], revoked[TIME_SIZE];

    (void)userdata;
    printf("%s\t%s\t%s\t%s\t%s\t%s\n", row->key_id.text, time_text(row->created_unix_ms, made),
           time_text(row->last_used_unix_ms, used), time_text(row->expires_unix_ms, expires),
           time_text(row->revoked_unix_ms, revoked), row->name);
    return 0;
}

static int list(struct access_keys *keys)
{
    puts("id\tmade\tlast used\texpires\trevoked\tname");
    return access_keys_list(keys, print_row, NULL);
}

static int revoke(struct access_keys *keys, const char *id_or_name)
{
    size_t n = 0;
    int r = access_keys_revoke(keys, id_or_name, now_ms(), &n);

    if (r < 0)
        return r;
    if (n == 0) {
        fprintf(stderr,
                "syncshell-relay: no access key \"%s\" is in use; access-key list shows them\n",
                id_or_name);
        return -ENOENT;
    }
    printf("Revoked %zu access key%s.\n", n, n == 1 ? "" : "s");
    return 0;
}

static int open_keys(struct access_keys **ret_keys, const char *store_path, bool is_new, bool adds)
{
    char error[ERROR_SIZE];
    if (is_new && !adds) {
        fprintf(
            stderr,
            "syncshell-relay: %s does not exist: no relay has begun to use it yet " OPTIONS_WHICH_SETTINGS
            "\n",
            store_path);
        return -ENOENT;
    }
    int r = data_folder_make(store_path);
    if (r < 0)
        return r;
    r = access_keys_open(ret_keys, store_path, error, sizeof error);
    if (r < 0)
        fprintf(stderr, "syncshell-relay: %s\n", error);
    return r;
}

int access_key_command(const char *store_path, char *const *words, uint32_t expires_days)
{
    struct access_keys *keys = NULL;
    bool adds = strcmp(words[0], "add") == 0;
    struct stat status;
    bool is_new = stat(store_path, &status) < 0 && errno == ENOENT;
    int r = open_keys(&keys, store_path, is_new, adds);

    if (r < 0)
        return EXIT_FAILURE;
    if (adds)
        r = add(keys, words[1], expires_days, store_path, is_new);
    else if (strcmp(words[0], "list") == 0)
        r = list(keys);
    else
        r = revoke(keys, words[1]);
    if (r < 0 && access_keys_error(keys)[0])
        fprintf(stderr, "syncshell-relay: %s: %s\n", store_path, access_keys_error(keys));
    (void)access_keys_close(keys);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
