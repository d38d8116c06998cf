/* The table of settings: one row per key makes the parser, the environment's names, the example file, --print-config and
 * the manual. To add a setting: a member in struct settings, a row in setting.c, a line of use; a test compares the rest.
 * Tables that stand any number of times, [[ice.server]], are beside it: ice_setting.h.
 *
 * Values are of four types. A row's offset says where the value lives in struct settings; integers are uint64_t, choices
 * an index into the row's names, texts char * (never NULL), lists NULL-terminated char ** (never NULL); all heap texts are
 * owned by struct settings. */
#ifndef RELAY_APP_SETTING_H
#define RELAY_APP_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/ice_setting.h"

enum setting_type {
    SETTING_TEXT = 1,
    SETTING_INTEGER,
    SETTING_CHOICE,
    SETTING_LIST, /* of texts; in the environment separated by commas */
};

enum create_policy {
    CREATE_POLICY_AUTO = 0, /* open on loopback, otherwise to be decided by the operator */
    CREATE_POLICY_OPEN,
    CREATE_POLICY_NOBODY,
    CREATE_POLICY_ACCESS_KEY,
};

enum admin_reach {
    ADMIN_REACH_MACHINE = 0, /* loopback only */
    ADMIN_REACH_NETWORK,
};

enum log_format {
    LOG_FORMAT_LOGFMT = 0,
    LOG_FORMAT_JSON,
};

enum log_level {
    LOG_LEVEL_ERROR = 0,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

struct settings {
    char *listen_address;
    uint64_t listen_port;
    char *listen_tls_certificate;
    char *listen_tls_key;
    char **public_urls;
    char **proxy_trusted;
    char *admin_address;
    uint64_t admin_port;
    uint64_t admin_reach; /* enum admin_reach */
    char *admin_token_file;
    char *store_path;
    uint64_t store_batch_max;
    uint64_t create_policy; /* enum create_policy */
    uint64_t connections_max;
    uint64_t members_max;
    uint64_t created_max;
    uint64_t sessions_max;
    uint64_t joined_max;
    uint64_t pending_requests_max;
    uint64_t session_log_bytes_max;
    uint64_t syncshell_log_bytes_max;
    uint64_t inbox_bytes_max;
    uint64_t syncshell_inbox_bytes_max;
    uint64_t inbox_messages_max;
    uint64_t attempt_bytes_max;
    uint64_t queue_bytes_max;
    uint64_t queue_frames_max;
    uint64_t address_connections_max;
    uint64_t address_peers;
    uint64_t memory_bytes_max;
    uint64_t peer_bytes_max;
    uint64_t failures_max;
    uint64_t remembered_max;
    uint64_t connects_per_minute;
    uint64_t joins_per_minute;
    uint64_t signals_per_minute;
    uint64_t writes_per_minute;
    uint64_t queries_per_minute;
    uint64_t refusals_per_minute;
    uint64_t handshake_timeout_ms;
    uint64_t heartbeat_ms;
    uint64_t close_timeout_ms;
    uint64_t offer_ttl_ms;
    uint64_t session_ttl_hours;
    uint64_t tombstone_ttl_hours;
    uint64_t syncshell_ttl_days;
    uint64_t inbox_ttl_hours;
    uint64_t recovery_code_ttl_ms;
    uint64_t drain_ms;
    uint64_t failure_delay_ms;
    uint64_t failure_delay_max_ms;
    uint64_t failure_memory_ms;
    uint64_t log_level; /* enum log_level */
    uint64_t log_format;
    struct ice_settings ice; /* [[ice.server]] */
};

struct setting {
    const char *key; /* "section.name" */
    enum setting_type type;
    size_t offset;
    const char *default_text; /* TEXT; LIST: always empty */
    uint64_t default_value;   /* INTEGER, CHOICE */
    uint64_t min;             /* INTEGER */
    uint64_t max;
    const char *const *choices; /* CHOICE: NULL-terminated */
    /* LIST: what is wrong with an item, as the end of a sentence; NULL: nothing. May be missing. */
    const char *(*item_fault)(const char *text);
    bool reloadable;  /* SIGHUP applies it; otherwise it needs a restart */
    const char *help; /* one or more sentences */
};

extern const struct setting setting_table[];
extern const size_t setting_count;

#define SETTING_ENVIRONMENT_PREFIX "SYNCSHELL_RELAY_"
enum { SETTING_ENVIRONMENT_NAME_SIZE = 128 };

/* "listen.port" becomes "SYNCSHELL_RELAY_LISTEN_PORT". `ret_name` has SETTING_ENVIRONMENT_NAME_SIZE bytes. */
void setting_environment_name(const struct setting *s, char *ret_name);

const struct setting *setting_find(const char *key);         /* NULL when there is none */
const struct setting *setting_find_nearest(const char *key); /* NULL when nothing is near */

int settings_init(struct settings *ret_settings); /* defaults; 0 or -ENOMEM */
void settings_deinit(struct settings *s);         /* accepts zeroed and half-built */

/* Reading and replacing one value. Setters copy; 0 or -ENOMEM (nothing changed), otherwise they cannot fail: checks come
 * before. */
const char *setting_text(const struct settings *s, const struct setting *row);
char *const *setting_list(const struct settings *s, const struct setting *row);
uint64_t setting_value(const struct settings *s, const struct setting *row);
int setting_set_text(struct settings *s, const struct setting *row, const char *text);
int setting_set_list(struct settings *s, const struct setting *row, const char *const *texts);
void setting_set_value(struct settings *s, const struct setting *row, uint64_t value);

int setting_copy(struct settings *to, const struct settings *from, const struct setting *row);

bool setting_equal(const struct settings *a, const struct settings *b, const struct setting *row);

#endif
