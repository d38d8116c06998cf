#include "app/metrics.h"

#include "adapters/store_sqlite/store.h"
#include "adapters/ws_lws/ws.h"
#include "app/exposition.h"
#include "app/limit_key.h"
#include "app/server_state.h"
#include "app/usage.h"

static void print_core(struct exposition *e, const struct server *s)
{
    struct core_stats c;
    core_stats(s->core, &c);
    exposition_gauge(e, "syncshell_connections", "WebSocket connections.", c.connections);
    exposition_gauge(e, "syncshell_connections_authenticated",
                     "Connections whose peer has signed in.", c.authenticated);
    exposition_gauge(e, "syncshell_handshakes", "Connections before their WebSocket upgrade.",
                     c.handshakes);
    exposition_gauge(e, "syncshell_syncshells_loaded", "Syncshells with somebody in them.",
                     c.syncshells_loaded);
    exposition_gauge(e, "syncshell_attempts_live", "Reconnection attempts under way.",
                     c.attempts_live);
    exposition_gauge(e, "syncshell_held_messages", "Messages held for peers that are away.",
                     c.held_frames);
    exposition_gauge(e, "syncshell_held_bytes",
                     "Bytes of the messages held for peers that are away.", c.held_bytes);
    exposition_gauge(e, "syncshell_queued_bytes", "Bytes that wait to be written to connections.",
                     c.queued_bytes);
    exposition_gauge(e, "syncshell_charged_bytes", "Bytes that accounts pay for.", c.charged_bytes);
    exposition_gauge(e, "syncshell_store_operations_waiting", "Operations that the store has.",
                     c.ops_in_flight);
    exposition_family(e, "syncshell_accounts", "gauge",
                      "Addresses and peers that are known, those that are gone included.");
    exposition_value(e, "kind", "address", c.addresses);
    exposition_value(e, "kind", "peer", c.peers);
    exposition_counter(e, "syncshell_messages_received_total", "Messages received.",
                       c.frames_received);
    exposition_counter(e, "syncshell_messages_routed_total",
                       "Messages between members that were passed on.", c.frames_routed);
    exposition_counter(e, "syncshell_events_dropped_total",
                       "Events that are missing in the log and in these counters.",
                       c.events_dropped);
}

static void print_refusals(struct exposition *e, const struct server *s)
{
    exposition_family(e, "syncshell_refusals_total", "counter",
                      "Requests and sockets refused, by code.");
    for (int code = WIRE_CODE_NONE + 1; code < WIRE_CODE_COUNT; code++)
        exposition_value(e, "code", wire_code_name((enum wire_code)code),
                         core_refusals(s->core, (enum wire_code)code));
    exposition_family(e, "syncshell_closings_total", "counter",
                      "Connections closed by the relay, by code.");
    for (int code = WIRE_CODE_NONE + 1; code < WIRE_CODE_COUNT; code++)
        exposition_value(e, "code", wire_code_name((enum wire_code)code),
                         core_closings(s->core, (enum wire_code)code));
    exposition_family(
        e, "syncshell_limits_hit_total", "counter",
        "Refusals and closings because of a limit, by code and the setting behind it.");
    for (int code = WIRE_CODE_NONE + 1; code < WIRE_CODE_COUNT; code++) {
        const char *key = limit_key((enum wire_code)code, ACCOUNT_NONE);
        if (*key)
            exposition_value_of_two(e, "code", wire_code_name((enum wire_code)code), "setting", key,
                                    core_refusals(s->core, (enum wire_code)code) +
                                        core_closings(s->core, (enum wire_code)code));
    }
}

static void print_recoveries(struct exposition *e, const struct tally *t)
{
    exposition_counter(e, "syncshell_sessions_opened_total", "Recovery sessions opened.",
                       t->events[CORE_EVENT_SESSION_OPENED]);
    exposition_family(e, "syncshell_sessions_closed_total", "counter",
                      "Recovery sessions closed, by outcome.");
    for (int o = SESSION_OUTCOME_COMPLETED; o <= SESSION_OUTCOME_CANCELLED; o++)
        exposition_value(e, "outcome", session_outcome_name((enum session_outcome)o),
                         t->outcomes[o]);
    exposition_counter(e, "syncshell_attempts_started_total", "Attempts offered.",
                       t->events[CORE_EVENT_ATTEMPT_STARTED]);
    exposition_counter(e, "syncshell_attempts_expired_total",
                       "Attempts that nobody answered in time.",
                       t->events[CORE_EVENT_ATTEMPT_EXPIRED]);
    exposition_counter(e, "syncshell_messages_undeliverable_total",
                       "Messages whose sender heard that they reached nobody.",
                       t->events[CORE_EVENT_UNDELIVERABLE]);
    exposition_family(e, "syncshell_recovery_outcomes_total", "counter",
                      "What members reported of attempts; each of the two sides reports.");
    exposition_value_of_two(e, "outcome", "connected", "cause", "",
                            t->events[CORE_EVENT_CONNECTED]);
    for (int cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++)
        exposition_value_of_two(e, "outcome", "failed", "cause",
                                cause == CAUSE_NONE ? "other" : cause_name((enum cause)cause),
                                t->causes[cause]);
    exposition_family(e, "syncshell_attempt_duration_seconds", "histogram",
                      "From an attempt's begin to its link, as reported by the members.");
    exposition_histogram(e, &t->attempt_ms, EXPOSITION_MILLI);
    exposition_family(
        e, "syncshell_recovery_duration_seconds", "histogram",
        "From the loss of a link, as the member that noticed it told, to the next; from the "
        "first attempt where none told.");
    exposition_histogram(e, &t->recovery_ms, EXPOSITION_MILLI);
    exposition_counter(
        e, "syncshell_recovery_kept_bytes_total",
        "Bytes that members had when a link was back, without those of files that the other side "
        "had named by then as to be sent again.",
        t->kept_bytes);
}

static void print_store(struct exposition *e, const struct server *s, const struct usage *u)
{
    struct store_stats st;
    store_stats(s->store, &st);
    exposition_gauge(e, "syncshell_store_healthy", "1 when the last commit worked.", st.healthy);
    exposition_counter(e, "syncshell_store_commits_total", "Transactions committed.", st.commits);
    exposition_counter(e, "syncshell_store_commits_failed_total", "Transactions that failed.",
                       st.failed_commits);
    exposition_counter(e, "syncshell_store_operations_total", "Operations carried out.",
                       st.operations);
    exposition_family(e, "syncshell_store_commit_duration_seconds", "histogram",
                      "From taking a batch of operations to its commit on the disk.");
    exposition_histogram(e, &st.commit_us, EXPOSITION_MICRO);
    exposition_gauge(e, "syncshell_store_database_bytes", "Size of the database file.",
                     u->database_bytes);
    exposition_gauge(e, "syncshell_store_log_bytes", "Size of the database's write-ahead log.",
                     u->log_bytes);
    exposition_gauge(e, "syncshell_store_filesystem_free_bytes",
                     "Room left on the database's file system.", u->free_bytes);
}

static void print_turn(struct exposition *e, const struct server *s)
{
    exposition_family(e, "syncshell_ice_outcomes_total", "counter",
                      "Reports that name an ICE server, by the provider's first URL.");
    for (size_t i = 0; s->settings->ice.servers && i < s->settings->ice.n_servers; i++) {
        uint64_t worked = 0, failed = 0;
        const char *url = s->settings->ice.servers[i]->urls[0];
        core_ice_outcomes(s->core, i, &worked, &failed);
        exposition_value_of_two(e, "server", url, "outcome", "connected", worked);
        exposition_value_of_two(e, "server", url, "outcome", "failed", failed);
    }
}

static void print_process(struct exposition *e, const struct server *s, const struct usage *u)
{
    exposition_family(e, "syncshell_build_info", "gauge", "1, with the version.");
    exposition_value(e, "version", SYNCSHELL_VERSION, 1);
    exposition_gauge(e, "syncshell_draining", "1 while the relay is about to end.", s->draining);
    exposition_family(e, "process_start_time_seconds", "gauge", "When the relay started.");
    exposition_fraction(e, (uint64_t)s->started.unix_ms, EXPOSITION_MILLI);
    exposition_family(e, "process_cpu_seconds_total", "counter", "Processor time used.");
    exposition_fraction(e, u->cpu_us, EXPOSITION_MICRO);
    exposition_gauge(e, "process_resident_memory_bytes", "Memory in use.", u->resident_bytes);
    exposition_gauge(e, "process_open_fds", "Open descriptors.", u->open_descriptors);
    exposition_gauge(e, "process_max_fds", "Descriptors that may be open.", u->descriptors_max);
}

/* Nobody's alert is for a relay whose proxy has the certificate. */
static void print_certificate(struct exposition *e, const struct server *s)
{
    int64_t expires_s = ws_server_certificate_expires_unix_s(s->ws);
    if (expires_s > 0)
        exposition_gauge(e, "syncshell_certificate_expiry_timestamp_seconds",
                         "When the certificate ends that the relay presents.", (uint64_t)expires_s);
}

int metrics_print(const struct server *s, struct buf *out)
{
    struct exposition e = {.out = out};
    struct usage usage;
    usage_read(&usage, s->settings->store_path);
    print_core(&e, s);
    print_refusals(&e, s);
    print_recoveries(&e, &s->tally);
    print_turn(&e, s);
    print_store(&e, s, &usage);
    print_certificate(&e, s);
    print_process(&e, s, &usage);
    return e.error;
}
