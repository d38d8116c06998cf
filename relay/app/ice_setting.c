#define _DEFAULT_SOURCE /* explicit_bzero */
#include "app/ice_setting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/toml_tomlpp/toml.h"
#include "app/fault.h"
#include "app/secret_file.h"
#include "app/toml_text.h"
#include "base/list.h"
#include "base/str.h"
#include "wire/id.h"

#define TABLE "ice.server"

enum { PLACE_SIZE = 512, NEAR_DISTANCE_MAX = 4 };

static const char *const names[] = {"urls", "username", "credential", "secret_file", "ttl_seconds"};

static struct ice_setting *setting_at(const struct ice_settings *s, size_t i)
{
    return container_of(s->servers[i], struct ice_setting, server);
}

/* ---- life ---- */

static void free_secret(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void free_list(char **list)
{
    for (char **t = list; t && *t; t++)
        free(*t);
    free((void *)list);
}

static void setting_free(struct ice_setting *i)
{
    free_list(i->server.urls);
    free(i->server.username);
    free_secret(i->server.credential);
    free_secret(i->server.secret);
    free(i->secret_file);
    free(i);
}

static struct ice_setting *setting_new(uint32_t line)
{
    struct ice_setting *i = calloc(1, sizeof *i);
    if (!i)
        return NULL;
    i->line = line;
    i->server.urls = (char **)calloc(1, sizeof *i->server.urls);
    i->server.username = strdup("");
    i->server.credential = strdup("");
    i->server.secret = strdup("");
    i->secret_file = strdup("");
    if (i->server.urls && i->server.username && i->server.credential && i->server.secret &&
        i->secret_file)
        return i;
    setting_free(i);
    return NULL;
}

void ice_settings_deinit(struct ice_settings *s)
{
    for (size_t i = 0; i < s->n_servers; i++)
        setting_free(setting_at(s, i));
    free((void *)s->servers);
    *s = (struct ice_settings){0};
}

/* ---- from the file ---- */

bool ice_settings_has_key(const char *key)
{
    return str_equal(key, "ice") || strncmp(key, "ice.", strlen("ice.")) == 0;
}

static void add(struct ice_settings *s, struct faults *faults, const char *place, uint32_t line)
{
    if (s->n_servers == ICE_PROVIDERS_MAX) {
        fault_add(faults, place, TABLE ": there may be %d of them", ICE_PROVIDERS_MAX);
        return;
    }
    if (!s->servers)
        s->servers = (struct ice_server **)calloc(ICE_PROVIDERS_MAX + 1, sizeof *s->servers);
    struct ice_setting *i = s->servers ? setting_new(line) : NULL;
    if (i)
        s->servers[s->n_servers++] = &i->server;
    fault_note(faults, i ? 0 : -ENOMEM);
}

static char **copy_list(char *const *texts)
{
    size_t n = 0;
    while (texts[n])
        n++;
    char **copy = (char **)calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = strdup(texts[i]);
        if (!copy[i]) {
            free_list(copy);
            return NULL;
        }
    }
    return copy;
}

static bool take_urls(struct ice_setting *i, struct faults *faults, const char *place,
                      const struct toml_value *v)
{
    bool valid = true;
    for (char *const *url = v->strings; *url; url++) {
        if (wire_ice_url_valid(*url, strlen(*url)))
            continue;
        valid = false;
        fault_add(faults, place, TABLE ".urls: \"%s\" is not like \"turn:turn.example:3478\"",
                  *url);
    }
    if (!*v->strings)
        fault_add(faults, place, TABLE ".urls: names no server");
    if (!valid || !*v->strings)
        return false;
    char **urls = copy_list(v->strings);
    fault_note(faults, urls ? 0 : -ENOMEM);
    if (!urls)
        return false;
    free_list(i->server.urls);
    i->server.urls = urls;
    return true;
}

static bool take_text(char **text, struct faults *faults, const char *value)
{
    char *copy = strdup(value);
    fault_note(faults, copy ? 0 : -ENOMEM);
    if (!copy)
        return false;
    free_secret(*text);
    *text = copy;
    return true;
}

/* A name or password that goes over the wire; what it is, is not told. */
static bool take_wire_text(char **text, struct faults *faults, const char *place,
                           const struct toml_value *v)
{
    if (wire_ice_text_valid(v->string, strlen(v->string)))
        return take_text(text, faults, v->string);
    fault_add(faults, place, "%s: must be 1 to %d characters of ASCII", v->key, WIRE_ICE_TEXT_MAX);
    return false;
}

static bool take_ttl(struct ice_setting *i, struct faults *faults, const char *place,
                     const struct toml_value *v)
{
    if (v->integer < 1 || v->integer > ICE_TTL_SECONDS_MAX) {
        fault_add(faults, place, "%s: %" PRId64 " is not between 1 and %d", v->key, v->integer,
                  ICE_TTL_SECONDS_MAX);
        return false;
    }
    i->server.ttl_seconds = (uint32_t)v->integer;
    return true;
}

static bool wrong_type(struct faults *faults, const char *place, const char *key, const char *type)
{
    fault_add(faults, place, "%s: must be %s", key, type);
    return false;
}

static bool unknown_key(struct faults *faults, const char *place, const char *key)
{
    const char *nearest = NULL;
    size_t best = NEAR_DISTANCE_MAX + 1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t distance = str_distance(key + strlen(TABLE "."), names[i], best);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    fault_add(faults, place, "unknown key \"%s\"; did you mean \"" TABLE ".%s\"?", key,
              nearest ? nearest : names[0]);
    return false;
}

static bool take(struct ice_setting *i, struct faults *faults, const char *place,
                 const struct toml_value *v)
{
    const char *name = v->key + strlen(TABLE ".");
    if (str_equal(name, "urls"))
        return v->type == TOML_STRINGS ? take_urls(i, faults, place, v)
                                       : wrong_type(faults, place, v->key, "an array of strings");
    if (str_equal(name, "ttl_seconds"))
        return v->type == TOML_INTEGER ? take_ttl(i, faults, place, v)
                                       : wrong_type(faults, place, v->key, "an integer");
    bool username = str_equal(name, "username");
    bool credential = str_equal(name, "credential");
    if (!username && !credential && !str_equal(name, "secret_file"))
        return unknown_key(faults, place, v->key);
    if (v->type != TOML_STRING)
        return wrong_type(faults, place, v->key, "a string");
    if (username || credential)
        return take_wire_text(username ? &i->server.username : &i->server.credential, faults, place,
                              v);
    return take_text(&i->secret_file, faults, v->string);
}

void ice_settings_take(struct ice_settings *s, struct faults *faults, const char *place,
                       const struct toml_value *v)
{
    bool inside = strncmp(v->key, TABLE ".", strlen(TABLE ".")) == 0;
    bool none = str_equal(v->key, "ice") ? v->type == TOML_EMPTY_TABLE
                                         : v->type == TOML_STRINGS && !*v->strings;
    if (str_equal(v->key, TABLE) && v->type == TOML_TABLE) {
        add(s, faults, place, v->line);
    } else if (inside && v->table > 0) {
        if (v->table <= s->n_servers && !take(setting_at(s, v->table - 1), faults, place, v))
            setting_at(s, v->table - 1)->faulty = true;
    } else if (inside || str_equal(v->key, TABLE) || str_equal(v->key, "ice")) {
        if (!none || inside)
            fault_add(faults, place, "%s: must stand in a table of its own, [[" TABLE "]]", v->key);
    } else {
        fault_add(faults, place, "unknown key \"%s\"; did you mean [[" TABLE "]]?", v->key);
    }
}

/* ---- the secret ---- */

static void load_secret(struct ice_setting *i, struct faults *faults, const char *place)
{
    char text[SECRET_FILE_MAX + 1] = "";
    const char *fault = secret_file_read(i->secret_file, 1, ICE_SECRET_BYTES_MAX, text);
    if (fault)
        fault_add(faults, place, TABLE ".secret_file: %s: %s", i->secret_file, fault);
    else
        take_text(&i->server.secret, faults, text);
    explicit_bzero(text, sizeof text);
}

/* ---- the whole ---- */

static bool has_turn(const struct ice_server *server)
{
    for (char *const *url = server->urls; *url; url++)
        if (strncmp(*url, "turn", strlen("turn")) == 0)
            return true;
    return false;
}

static const char *fault_of(const struct ice_setting *i)
{
    const struct ice_server *server = &i->server;
    bool own = *server->username || *server->credential;
    if (!*server->urls)
        return "urls is missing";
    if (*i->secret_file && own)
        return "username and credential do not go with secret_file, from which they are made";
    if (!*i->secret_file && server->ttl_seconds)
        return "ttl_seconds goes with secret_file only";
    if (!*server->username != !*server->credential)
        return "username and credential belong together";
    if (!*i->secret_file && !own && has_turn(server))
        return "a TURN server needs secret_file, or username and credential";
    return NULL;
}

/* The first URL of table `n` that stands before it, too, or NULL: what members report of it could belong to either. */
static const char *url_again(struct ice_settings *s, size_t n)
{
    for (char *const *url = setting_at(s, n)->server.urls; *url; url++)
        for (size_t m = 0; m <= n; m++)
            for (char *const *other = setting_at(s, m)->server.urls; *other && other != url;
                 other++)
                if (str_equal(*url, *other))
                    return *url;
    return NULL;
}

void ice_settings_finish(struct ice_settings *s, struct faults *faults, const char *file)
{
    size_t n_urls = 0;
    char place[PLACE_SIZE] = "";
    for (size_t n = 0; n < s->n_servers; n++) {
        struct ice_setting *i = setting_at(s, n);
        const char *fault = i->faulty ? NULL : fault_of(i);
        snprintf(place, sizeof place, "%s:%" PRIu32, file, i->line);
        if (fault)
            fault_add(faults, place, TABLE ": %s", fault);
        else if (*i->secret_file)
            load_secret(i, faults, place);
        if (*i->secret_file && !i->server.ttl_seconds)
            i->server.ttl_seconds = ICE_TTL_SECONDS_DEFAULT;
        const char *again = i->faulty ? NULL : url_again(s, n);
        if (again)
            fault_add(faults, place, TABLE ": \"%s\" stands twice", again);
        for (char *const *url = i->server.urls; *url; url++)
            n_urls++;
    }
    if (n_urls > WIRE_ICE_SERVERS_MAX)
        fault_add(faults, place, TABLE ".urls: more than %d in all tables", WIRE_ICE_SERVERS_MAX);
}

/* ---- as TOML ---- */

static void print_text(FILE *out, const char *name, const char *text)
{
    if (!*text)
        return;
    fprintf(out, "%s = ", name);
    toml_print_string(out, text);
    fputc('\n', out);
}

void ice_settings_print(FILE *out, const struct ice_settings *s)
{
    for (size_t n = 0; n < s->n_servers; n++) {
        const struct ice_setting *i = setting_at(s, n);
        fputs("\n[[" TABLE "]]\nurls = ", out);
        toml_print_strings(out, i->server.urls);
        fputc('\n', out);
        print_text(out, "username", i->server.username);
        print_text(out, "credential", *i->server.credential ? "(not shown)" : "");
        print_text(out, "secret_file", i->secret_file);
        if (i->server.ttl_seconds)
            fprintf(out, "ttl_seconds = %" PRIu32 "\n", i->server.ttl_seconds);
    }
}

const char ice_settings_example[] =
    "\n"
    "# STUN and TURN servers for the members' links: a table [[ice.server]] for each provider, as many as\n"
    "# 16, the preferred one first. Without any, links work where both sides reach each other directly.\n"
    "# Clients ask for them anew at each attempt to connect; which one they should try first depends on\n"
    "# the attempt and on what lately worked for their network. Only this file has these tables. SIGHUP\n"
    "# applies them.\n"
    "#\n"
    "# [[ice.server]]\n"
    "# # Required: \"stun:\", \"turn:\" and \"turns:\" URLs of the provider. 32 in all tables, each once.\n"
    "# urls = [\"turn:turn.example:3478?transport=udp\", \"turns:turn.example:443?transport=tcp\"]\n"
    "# # A file with the secret that the TURN server shares with this relay (coturn: use-auth-secret,\n"
    "# # static-auth-secret), on one line. Others on this machine must not be able to read it. Clients\n"
    "# # get a username and a credential of their own, made from it, that expire.\n"
    "# secret_file = \"/etc/syncshell-relay/turn.secret\"\n"
    "# # Seconds until they expire. 1 to 604800; 3600 unless given.\n"
    "# ttl_seconds = 3600\n"
    "#\n"
    "# [[ice.server]]\n"
    "# urls = [\"turn:other.example:3478\"]\n"
    "# # Instead of secret_file: what every client gets to see.\n"
    "# username = \"guild\"\n"
    "# credential = \"the provider's password\"\n";
