#include "app/setting.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/proxy.h"
#include "base/str.h"

enum { NEAR_DISTANCE_MAX = 4 }; /* a suggestion further away than this would puzzle */

static const char *const create_policies[] = {"auto", "open", "nobody", "access-key", NULL};
static const char *const admin_reaches[] = {"machine", "network", NULL};
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const log_formats[] = {"logfmt", "json", NULL};

#define AT(member) offsetof(struct settings, member)
#define MEBIBYTE   (UINT64_C(1) << 20)

const struct setting setting_table[] = {
    {"listen.address", SETTING_TEXT, AT(listen_address), .default_text = "127.0.0.1",
     .help =
         "Address or host name to listen on; \"::\" is all, \"0.0.0.0\" all of IPv4. Beyond loopback, public.urls, create.policy and "
         "TLS (tls_certificate, or a proxy's) must be decided."},
    {"listen.port", SETTING_INTEGER, AT(listen_port), .default_value = 8787, .min = 0, .max = 65535,
     .help = "TCP port. 0 takes a free one and prints it."},
    {"listen.tls_certificate", SETTING_TEXT, AT(listen_tls_certificate), .default_text = "",
     .reloadable = true,
     .help =
         "PEM file with the certificate and its chain: makes the listener wss. Empty: no TLS. A reload reads it and the key "
         "again; only from no TLS to TLS, or back, takes a restart."},
    {"listen.tls_key", SETTING_TEXT, AT(listen_tls_key), .default_text = "", .reloadable = true,
     .help =
         "PEM file with the certificate's private key. Nobody but its owner and group may read it."},
    {"public.urls", SETTING_LIST, AT(public_urls), .reloadable = true,
     .help =
         "The URLs under which clients reach this relay, such as \"wss://relay.example\", without a path. A client "
         "signs the one that it dialled, and no other is accepted. Empty: loopback names only."},
    {"proxy.trusted", SETTING_LIST, AT(proxy_trusted), .reloadable = true,
     .item_fault = proxy_block_fault,
     .help =
         "Addresses, and blocks like \"10.0.0.0/8\" or \"fd00::/8\", of proxies before this relay. What they say in "
         "X-Forwarded-For is believed: limits and rates then count against each client's own address. From anybody else the "
         "header is ignored. Name nothing but proxies that append to the header or replace it."},
    {"admin.address", SETTING_TEXT, AT(admin_address), .default_text = "",
     .help =
         "Address for the operator's HTTP: /healthz, /readyz, /metrics for Prometheus, and the status page at /. "
         "Empty: none. The commands health, status and reload need none: they use a socket file beside the database."},
    {"admin.port", SETTING_INTEGER, AT(admin_port), .default_value = 8788, .min = 0, .max = 65535,
     .help = "TCP port of admin.address. 0 takes a free one and logs it."},
    {"admin.reach", SETTING_CHOICE, AT(admin_reach), .choices = admin_reaches,
     .default_value = ADMIN_REACH_MACHINE,
     .help =
         "\"machine\": admin.address must be loopback. \"network\": it may be any; for containers, whose own loopback nobody "
         "reaches. It speaks no TLS: who can listen there sees the token. Publish the port to the host's loopback alone."},
    {"admin.token_file", SETTING_TEXT, AT(admin_token_file), .default_text = "", .reloadable = true,
     .help =
         "File with the token, on one line, that whoever asks admin.address for more than /healthz and /readyz must send as "
         "\"Authorization: Bearer\"; 16 to 510 characters. Nobody but its owner and group may have any access to it."},
    {"store.path", SETTING_TEXT, AT(store_path), .default_text = "syncshell-relay-data/relay.db",
     .help =
         "The database file. Its folder is created, readable by its owner only, if the folder above exists. A link is followed "
         "to the file, beside which the database has its other files; one with two names (hard links) is refused."},
    {"store.batch_max", SETTING_INTEGER, AT(store_batch_max), .default_value = 512, .min = 1,
     .max = 65536, .help = "Operations that may share one commit."},
    {"create.policy", SETTING_CHOICE, AT(create_policy), .choices = create_policies,
     .default_value = CREATE_POLICY_AUTO, .reloadable = true,
     .help =
         "Who may create syncshells. \"open\": every peer that connects; \"access-key\": who was given a key by "
         "`syncshell-relay access-key add`; \"nobody\": those that exist stay usable; "
         "\"auto\": open while only this machine reaches the relay (a loopback address, no other name in public.urls); beyond "
         "that the relay wants your decision before it starts."},
    {"limits.connections_max", SETTING_INTEGER, AT(connections_max), .default_value = 10000,
     .min = 1, .max = 1000000, .help = "Connections at the same time; more are refused."},
    {"limits.members_max", SETTING_INTEGER, AT(members_max), .default_value = 128, .min = 2,
     .max = 128, .reloadable = true, .help = "Members of one syncshell."},
    {"limits.created_max", SETTING_INTEGER, AT(created_max), .default_value = 256, .min = 1,
     .max = 1000000, .reloadable = true,
     .help =
         "Syncshells that one peer may have created. One that it handed over counts; one that was deleted does until what it had "
         "stored is removed."},
    {"limits.sessions_max", SETTING_INTEGER, AT(sessions_max), .default_value = 512, .min = 1,
     .max = 100000, .reloadable = true,
     .help =
         "Open recovery sessions of one syncshell. No member may have opened more than are then left."},
    {"limits.joined_max", SETTING_INTEGER, AT(joined_max), .default_value = 32, .min = 1,
     .max = 1000, .reloadable = true, .help = "Syncshells that one connection may join."},
    {"limits.pending_requests_max", SETTING_INTEGER, AT(pending_requests_max), .default_value = 64,
     .min = 1, .max = 10000, .reloadable = true,
     .help = "Requests of one connection that may wait for the disk."},
    {"limits.session_log_bytes_max", SETTING_INTEGER, AT(session_log_bytes_max),
     .default_value = 16 * MEBIBYTE, .min = 2 * MEBIBYTE, .max = 1024 * MEBIBYTE,
     .reloadable = true,
     .help =
         "Bytes of one session's progress log before a checkpoint is asked for. In every log an entry counts 192 bytes more than "
         "its body, for its row."},
    {"limits.syncshell_log_bytes_max", SETTING_INTEGER, AT(syncshell_log_bytes_max),
     .default_value = 128 * MEBIBYTE, .min = 6 * MEBIBYTE, .max = 1048576 * MEBIBYTE,
     .reloadable = true,
     .help =
         "Bytes of the logs of one syncshell's sessions. Half of them is set aside in equal parts for limits.sessions_max "
         "sessions; what a log has beyond its part comes out of the other half, of which the logs of one member may have no "
         "more than is then left."},
    {"limits.inbox_bytes_max", SETTING_INTEGER, AT(inbox_bytes_max), .default_value = 16 * MEBIBYTE,
     .min = 3 * MEBIBYTE, .max = 1024 * MEBIBYTE, .reloadable = true,
     .help =
         "Unacknowledged bytes in one member's inbox. No other member's may be more than are then left."},
    {"limits.syncshell_inbox_bytes_max", SETTING_INTEGER, AT(syncshell_inbox_bytes_max),
     .default_value = 128 * MEBIBYTE, .min = 3 * MEBIBYTE, .max = 1048576 * MEBIBYTE,
     .reloadable = true,
     .help =
         "Unacknowledged bytes in all inboxes of one syncshell. Those of one sender may be no more than are then left."},
    {"limits.inbox_messages_max", SETTING_INTEGER, AT(inbox_messages_max), .default_value = 512,
     .min = 1, .max = 100000, .reloadable = true,
     .help =
         "Unacknowledged messages in one member's inbox. No other member's may be more than are then left."},
    {"limits.attempt_bytes_max", SETTING_INTEGER, AT(attempt_bytes_max),
     .default_value = 256 * 1024, .min = 147456, .max = 16 * MEBIBYTE, .reloadable = true,
     .help = "Bytes of offer, answer and candidates that one attempt may have held."},
    {"limits.queue_bytes_max", SETTING_INTEGER, AT(queue_bytes_max), .default_value = MEBIBYTE,
     .min = 131072, .max = 64 * MEBIBYTE, .reloadable = true,
     .help = "Bytes that may wait for one connection before it is dropped as a slow reader."},
    {"limits.queue_frames_max", SETTING_INTEGER, AT(queue_frames_max), .default_value = 4096,
     .min = 64, .max = 65536, .reloadable = true,
     .help = "Messages that may wait for one connection before it is dropped as a slow reader."},
    {"limits.address_connections_max", SETTING_INTEGER, AT(address_connections_max),
     .default_value = 4096, .min = 1, .max = 1000000, .reloadable = true,
     .help =
         "Connections of one address (IPv6: of one /64), and as many again that do not speak WebSocket yet. Everybody behind a NAT has the same one, and so has everybody behind a proxy that proxy.trusted does not name."},
    {"limits.address_peers", SETTING_INTEGER, AT(address_peers), .default_value = 64, .min = 1,
     .max = 100000, .reloadable = true,
     .help =
         "An address may do, and have waiting in queues, as much as so many peers: limits.peer_bytes_max and the rates are those "
         "of one."},
    {"limits.memory_bytes_max", SETTING_INTEGER, AT(memory_bytes_max),
     .default_value = 256 * MEBIBYTE, .min = 16 * MEBIBYTE, .max = 1048576 * MEBIBYTE,
     .reloadable = true,
     .help =
         "Bytes of whatever the relay holds for others, of all together: messages that wait or are not complete, offers that are "
         "held, requests at the disk, syncshells in memory. What belongs to one address or peer may be half of it at most. "
         "`syncshell-relay --check-config` says how much memory the relay may take in all."},
    {"limits.peer_bytes_max", SETTING_INTEGER, AT(peer_bytes_max), .default_value = 8 * MEBIBYTE,
     .min = 4 * MEBIBYTE, .max = 1024 * MEBIBYTE, .reloadable = true,
     .help =
         "Those of limits.memory_bytes_max that may be held for one peer. Syncshells in memory do not count."},
    {"limits.failures_max", SETTING_INTEGER, AT(failures_max), .default_value = 8, .min = 1,
     .max = 1000, .reloadable = true,
     .help =
         "Signatures, proofs and codes of one address that may be wrong before timing.failure_delay_ms begins."},
    {"limits.remembered_max", SETTING_INTEGER, AT(remembered_max), .default_value = 65536,
     .min = 16, .max = 10000000, .reloadable = true,
     .help =
         "Addresses and peers that are gone but whose rates and failures are remembered, at about half a kilobyte each."},
    {"rates.connects_per_minute", SETTING_INTEGER, AT(connects_per_minute), .default_value = 12000,
     .min = 1, .max = 60000000, .reloadable = true,
     .help =
         "Connections that one address may open in a minute. As with all rates, a whole minute's may come at once."},
    {"rates.joins_per_minute", SETTING_INTEGER, AT(joins_per_minute), .default_value = 6000,
     .min = 1, .max = 60000000, .reloadable = true,
     .help =
         "Times in a minute that a peer may authenticate, create, join or leave. Before it has authenticated its address counts, "
         "with limits.address_peers times as many."},
    {"rates.signals_per_minute", SETTING_INTEGER, AT(signals_per_minute), .default_value = 120000,
     .min = 1, .max = 60000000, .reloadable = true,
     .help =
         "Offers, answers and candidates of one peer in a minute. Of every message each further 16 KiB counts as one more."},
    {"rates.writes_per_minute", SETTING_INTEGER, AT(writes_per_minute), .default_value = 120000,
     .min = 1, .max = 60000000, .reloadable = true,
     .help = "Messages of one peer in a minute that are written to the disk."},
    {"rates.queries_per_minute", SETTING_INTEGER, AT(queries_per_minute), .default_value = 6000,
     .min = 1, .max = 60000000, .reloadable = true, .help = "Queries of one peer in a minute."},
    {"rates.refusals_per_minute", SETTING_INTEGER, AT(refusals_per_minute), .default_value = 6000,
     .min = 1, .max = 60000000, .reloadable = true,
     .help = "Requests of one peer in a minute that may be refused before it is disconnected."},
    {"timing.handshake_timeout_ms", SETTING_INTEGER, AT(handshake_timeout_ms),
     .default_value = 10000, .min = 100, .max = 600000, .reloadable = true,
     .help = "Milliseconds that a connection has to authenticate."},
    {"timing.heartbeat_ms", SETTING_INTEGER, AT(heartbeat_ms), .default_value = 15000, .min = 100,
     .max = 600000,
     .help =
         "Milliseconds of silence before a ping; after two unanswered ones the connection is closed."},
    {"timing.close_timeout_ms", SETTING_INTEGER, AT(close_timeout_ms), .default_value = 5000,
     .min = 100, .max = 600000, .help = "Milliseconds that a closing handshake may take."},
    {"timing.offer_ttl_ms", SETTING_INTEGER, AT(offer_ttl_ms), .default_value = 30000, .min = 100,
     .max = 600000, .reloadable = true,
     .help = "Milliseconds that an offer, answer or candidate is held for a peer that is away."},
    {"timing.session_ttl_hours", SETTING_INTEGER, AT(session_ttl_hours), .default_value = 168,
     .min = 1, .max = 1193, .reloadable = true,
     .help = "Hours without progress or attempt after which an open session expires."},
    {"timing.tombstone_ttl_hours", SETTING_INTEGER, AT(tombstone_ttl_hours), .default_value = 24,
     .min = 1, .max = 1193, .reloadable = true,
     .help = "Hours for which a closed session is remembered as closed."},
    {"timing.syncshell_ttl_days", SETTING_INTEGER, AT(syncshell_ttl_days), .default_value = 180,
     .min = 0, .max = 36500, .reloadable = true,
     .help =
         "Days after which a syncshell that no member has joined expires, with all that it has stored. Only days on which the relay "
         "runs count. It is remembered as expired for as long again. 0: never."},
    {"timing.inbox_ttl_hours", SETTING_INTEGER, AT(inbox_ttl_hours), .default_value = 168, .min = 1,
     .max = 1193, .reloadable = true, .help = "Hours for which a message waits in an inbox."},
    {"timing.recovery_code_ttl_ms", SETTING_INTEGER, AT(recovery_code_ttl_ms),
     .default_value = 600000, .min = 100, .max = 86400000, .reloadable = true,
     .help =
         "Milliseconds for which a recovery code can be redeemed, so that a transfer goes on at another device."},
    {"timing.drain_ms", SETTING_INTEGER, AT(drain_ms), .default_value = 1000, .min = 0,
     .max = 600000, .reloadable = true,
     .help = "Milliseconds between SIGTERM and the end, over which clients are told to leave."},
    {"timing.failure_delay_ms", SETTING_INTEGER, AT(failure_delay_ms), .default_value = 1000,
     .min = 1, .max = 3600000, .reloadable = true,
     .help =
         "Milliseconds for which an address is not listened to after the first wrong signature, proof or code beyond "
         "limits.failures_max. Each further one doubles it."},
    {"timing.failure_delay_max_ms", SETTING_INTEGER, AT(failure_delay_max_ms),
     .default_value = 60000, .min = 1, .max = 86400000, .reloadable = true,
     .help = "The longest that timing.failure_delay_ms becomes."},
    {"timing.failure_memory_ms", SETTING_INTEGER, AT(failure_memory_ms), .default_value = 600000,
     .min = 1000, .max = 86400000, .reloadable = true,
     .help =
         "Milliseconds without a failure after which half of an address's failures are forgotten."},
    {"log.level", SETTING_CHOICE, AT(log_level), .choices = log_levels,
     .default_value = LOG_LEVEL_INFO, .reloadable = true,
     .help = "The least important level that is written."},
    {"log.format", SETTING_CHOICE, AT(log_format), .choices = log_formats,
     .default_value = LOG_FORMAT_LOGFMT, .reloadable = true,
     .help = "One line per event on standard error, in this form."},
};

const size_t setting_count = sizeof setting_table / sizeof setting_table[0];

void setting_environment_name(const struct setting *s, char *ret_name)
{
    snprintf(ret_name, SETTING_ENVIRONMENT_NAME_SIZE, "%s%s", SETTING_ENVIRONMENT_PREFIX, s->key);
    for (char *c = ret_name; *c; c++)
        *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

const struct setting *setting_find(const char *key)
{
    for (size_t i = 0; i < setting_count; i++)
        if (str_equal(setting_table[i].key, key))
            return &setting_table[i];
    return NULL;
}

const struct setting *setting_find_nearest(const char *key)
{
    const struct setting *nearest = NULL;
    size_t best = NEAR_DISTANCE_MAX + 1;
    for (size_t i = 0; i < setting_count; i++) {
        const char *candidate = setting_table[i].key;
        const char *name = strchr(candidate, '.') + 1;
        /* A right name in the wrong section is near, too. */
        const char *last = strrchr(key, '.');
        size_t distance =
            str_equal(last ? last + 1 : key, name) ? 1 : str_distance(key, candidate, best);
        if (distance < best) {
            best = distance;
            nearest = &setting_table[i];
        }
    }
    return nearest;
}

static char **text_at(struct settings *s, const struct setting *row)
{
    return (char **)(void *)((char *)s + row->offset);
}

static char ***list_at(struct settings *s, const struct setting *row)
{
    return (char ***)(void *)((char *)s + row->offset);
}

static void list_free(char **list)
{
    for (char **t = list; t && *t; t++)
        free(*t);
    free((void *)list);
}

const char *setting_text(const struct settings *s, const struct setting *row)
{
    return *(char *const *)(const void *)((const char *)s + row->offset);
}

char *const *setting_list(const struct settings *s, const struct setting *row)
{
    return *(char **const *)(const void *)((const char *)s + row->offset);
}

uint64_t setting_value(const struct settings *s, const struct setting *row)
{
    return *(const uint64_t *)(const void *)((const char *)s + row->offset);
}

int setting_set_text(struct settings *s, const struct setting *row, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    free(*text_at(s, row));
    *text_at(s, row) = copy;
    return 0;
}

int setting_set_list(struct settings *s, const struct setting *row, const char *const *texts)
{
    size_t n = 0;
    while (texts[n])
        n++;
    char **copy = (char **)calloc(n + 1, sizeof *copy);
    if (!copy)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        copy[i] = strdup(texts[i]);
        if (!copy[i]) {
            list_free(copy);
            return -ENOMEM;
        }
    }
    list_free(*list_at(s, row));
    *list_at(s, row) = copy;
    return 0;
}

void setting_set_value(struct settings *s, const struct setting *row, uint64_t value)
{
    *(uint64_t *)(void *)((char *)s + row->offset) = value;
}

int settings_init(struct settings *ret_settings)
{
    static const char *const nothing[] = {NULL};
    struct settings s = {0};
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *row = &setting_table[i];
        int r = 0;
        if (row->type == SETTING_TEXT)
            r = setting_set_text(&s, row, row->default_text);
        else if (row->type == SETTING_LIST)
            r = setting_set_list(&s, row, nothing);
        else
            setting_set_value(&s, row, row->default_value);
        if (r < 0) {
            settings_deinit(&s);
            return r;
        }
    }
    *ret_settings = s;
    return 0;
}

void settings_deinit(struct settings *s)
{
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *row = &setting_table[i];
        if (row->type == SETTING_TEXT)
            free(*text_at(s, row));
        else if (row->type == SETTING_LIST)
            list_free(*list_at(s, row));
    }
    ice_settings_deinit(&s->ice);
    *s = (struct settings){0};
}

int setting_copy(struct settings *to, const struct settings *from, const struct setting *row)
{
    switch (row->type) {
    case SETTING_TEXT:
        return setting_set_text(to, row, setting_text(from, row));
    case SETTING_LIST:
        return setting_set_list(to, row, (const char *const *)setting_list(from, row));
    case SETTING_INTEGER:
    case SETTING_CHOICE:
        break;
    }
    setting_set_value(to, row, setting_value(from, row));
    return 0;
}

static bool list_equal(char *const *a, char *const *b)
{
    while (*a && *b && str_equal(*a, *b)) {
        a++;
        b++;
    }
    return !*a && !*b;
}

bool setting_equal(const struct settings *a, const struct settings *b, const struct setting *row)
{
    switch (row->type) {
    case SETTING_TEXT:
        return str_equal(setting_text(a, row), setting_text(b, row));
    case SETTING_LIST:
        return list_equal(setting_list(a, row), setting_list(b, row));
    case SETTING_INTEGER:
    case SETTING_CHOICE:
        break;
    }
    return setting_value(a, row) == setting_value(b, row);
}
