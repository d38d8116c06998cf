#include "app/wiring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "adapters/crypto_openssl/crypto.h"
#include "adapters/loop_libevent/loop.h"
#include "adapters/store_sqlite/store.h"
#include "app/address_text.h"
#include "app/server_state.h"

/* A connection's two halves, each of which knows its own. */
struct link {
    struct list_node node;
    struct ws_connection *ws;
    struct connection *core;
    bool first; /* ws_connection_serve_first() */
};

enum {
    ANSWERS_US = 500
}; /* the store's answers in a turn, and who waits for them to join: a thousand must not hold up what is routed */

/* ---- time ---- */

struct wall_time wiring_wall_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (struct wall_time){.unix_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}

static const struct turn_time *turn_of(struct server *s)
{
    if (!s->turn.known)
        s->turn = (struct turn_time){
            .known = true, .now_us = loop_now_us(s->loop), .wall = wiring_wall_now()};
    return &s->turn;
}

/* ---- the core's services ---- */

static bool host_verify(void *userdata, const char *public_key, const char *signature,
                        const void *text, size_t size)
{
    struct server *s = userdata;
    return crypto_verify(s->crypto, public_key, signature, text, size);
}

static int host_sha256(void *userdata, const void *data, size_t size,
                       char ret_hex[CORE_SHA256_SIZE])
{
    (void)userdata;
    return crypto_sha256(data, size, ret_hex);
}

static int host_hmac_sha1(void *userdata, const char *key, const char *text,
                          char ret_base64[CORE_HMAC_SHA1_SIZE])
{
    (void)userdata;
    return crypto_hmac_sha1(key, strlen(key), text, strlen(text), ret_base64);
}

static int host_random(void *userdata, void *ret_bytes, size_t size)
{
    struct server *s = userdata;
    return crypto_random(s->crypto, ret_bytes, size);
}

static struct wall_time host_wall_now(void *userdata)
{
    return turn_of(userdata)->wall;
}

void wiring_host(struct server *s, struct core_host *ret_host)
{
    *ret_host = (struct core_host){.userdata = s,
                                   .verify = host_verify,
                                   .sha256 = host_sha256,
                                   .hmac_sha1 = host_hmac_sha1,
                                   .random = host_random,
                                   .wall_now = host_wall_now};
}

/* ---- effects ---- */

/* A store that has stopped takes nothing more; nobody waits for what the core begins then (the next step of a sweep). */
static void submit(struct server *s, struct store_op *op)
{
    if (!s->store_stopped) {
        store_submit(s->store, op);
        return;
    }
    op->code = WIRE_CODE_STORE_UNAVAILABLE;
    core_store_done(s->core, loop_now_us(s->loop), op);
}

static struct ws_connection *ws_of(const struct core_effect *effect)
{
    const struct link *link = core_connection_userdata(effect->connection);
    return link->ws;
}

void wiring_carry_out(struct server *s)
{
    struct core_effect effect;
    while (core_next_effect(s->core, &effect)) {
        switch (effect.kind) {
        case EFFECT_SEND:
            ws_connection_want_write(ws_of(&effect));
            break;
        case EFFECT_CLOSE:
            ws_connection_close(ws_of(&effect), effect.close_code, effect.close_reason);
            break;
        case EFFECT_STORE:
            submit(s, effect.op);
            break;
        case EFFECT_EVENT:
            tally_note(&s->tally, &effect.event);
            recent_note(&s->recent, turn_of(s)->wall.unix_ms, &effect.event);
            event_log_write(&s->events, s->log, &effect.event);
            break;
        }
    }
}

/* ---- the store's answers ---- */

static void note_store_health(struct server *s)
{
    struct store_stats stats;
    store_stats(s->store, &stats);
    if (stats.healthy == s->store_healthy)
        return;
    s->store_healthy = stats.healthy;
    if (stats.healthy)
        log_write(s->log, LOG_LEVEL_WARNING, "store_recovered",
                  LOG_FIELDS(LOG_NUMBER("commits", stats.commits)));
    else
        log_write(s->log, LOG_LEVEL_ERROR, "store_failed",
                  LOG_FIELDS(LOG_TEXT("reason", stats.last_error)));
}

void wiring_store_ready(void *userdata)
{
    struct server *s = userdata;
    uint64_t now_us = loop_now_us(s->loop);
    uint64_t end_us = now_us + ANSWERS_US;
    bool more = true;
    while (more && (now_us < end_us || s->store_stopped)) {
        struct store_op *op = store_collect(s->store);
        more = op || core_joins_wait(s->core);
        if (op)
            core_store_done(s->core, now_us, op);
        wiring_carry_out(s);
        core_join_next(s->core, now_us);
        wiring_carry_out(s);
        now_us = loop_now_us(s->loop);
    }
    if (more && !s->store_stopped)
        loop_waker_wake(s->waker); /* in the next turn there may be more */
    note_store_health(s);
}

void wiring_wake_for_store(void *userdata)
{
    struct server *s = userdata;
    loop_waker_wake(s->waker);
}

/* ---- timers ---- */

static void arm(struct server *s, struct loop_timer *timer, const char *name, uint64_t deadline_us)
{
    if (loop_timer_arm(timer, deadline_us) < 0)
        log_write(s->log, LOG_LEVEL_ERROR, "timer_failed", LOG_FIELDS(LOG_TEXT("timer", name)));
}

void wiring_tick(void *userdata)
{
    struct server *s = userdata;
    core_tick(s->core, loop_now_us(s->loop));
    wiring_carry_out(s);
}

void wiring_heartbeat(void *userdata)
{
    struct server *s = userdata;
    arm(s, s->sweep, "heartbeat", ws_server_sweep(s->ws, loop_now_us(s->loop)));
}

void wiring_end_of_turn(void *userdata)
{
    struct server *s = userdata;
    store_flush(s->store); /* so that the disk works while we write */
    ws_server_end_of_turn(s->ws);
    store_flush(s->store); /* what writing made room for is read next */
    s->turn.known = false;
    arm(s, s->tick, "tick", core_deadline_us(s->core));
}

/* ---- the listener's events ---- */

static struct address address_of(const char *text)
{
    struct address a = {.bytes = {[10] = 0xff, [11] = 0xff}};
    (void)address_from_text(text, strcspn(text, "%"),
                            &a); /* a link-local one may have its interface */
    return a;
}

static void *on_accepted(void *userdata, const char *text)
{
    struct server *s = userdata;
    const struct address address = address_of(text);
    struct admission *admission = NULL;
    /* A proxy's own address pays for none of those it speaks for. */
    bool forwarded = proxies_trust(&s->proxies, &address);
    (void)core_admit(s->core, turn_of(s)->now_us, forwarded ? NULL : &address, &admission);
    wiring_carry_out(s);
    return admission;
}

/* Once for each connection; the log's limit counts what it leaves out. */
static void log_unusable(struct server *s, const char *proxy, int result)
{
    log_write_limited(s->log, &s->proxy_lines, LOG_LEVEL_WARNING, "forwarded_for_unusable",
                      LOG_FIELDS(LOG_TEXT("proxy", proxy),
                                 LOG_TEXT("fault", result == PROXY_E_MISSING ? "missing or too long"
                                                                             : "malformed")));
}

/* A trusted proxy says who it is. */
static int forwarded(struct server *s, struct ws_connection *c, struct admission *admission,
                     const char *forwarded_for)
{
    struct address client;
    char text[ADDRESS_TEXT_SIZE];
    const struct address peer = address_of(ws_connection_address(c));
    int r = proxies_client(&s->proxies, &peer, forwarded_for, &client);
    if (r != 0)
        log_unusable(s, ws_connection_address(c), r);
    address_to_text(&client, text);
    ws_connection_set_address(c, text);
    return core_admission_forwarded(admission, turn_of(s)->now_us, &client);
}

static int on_upgrading(void *userdata, struct ws_connection *c, void *admission,
                        const char *forwarded_for)
{
    struct server *s = userdata;
    int r = 0;
    if (core_admission_awaits_address(admission))
        r = forwarded(s, c, admission, forwarded_for);
    if (r == 0)
        r = core_admission_upgrade(admission, turn_of(s)->now_us);
    wiring_carry_out(s);
    return r > 0 ? -EBUSY : r;
}

static void on_abandoned(void *userdata, void *admission)
{
    (void)userdata;
    core_admission_free(admission);
}

static int on_opened(void *userdata, struct ws_connection *c, void **ret_user)
{
    struct server *s = userdata;
    if (s->closing) /* began its handshake before the listener was closed */
        return -ESHUTDOWN;
    struct link *link = calloc(1, sizeof *link);
    if (!link)
        return -ENOMEM;
    link->ws = c;
    struct admission *admission = ws_connection_admission(c);
    int r = core_connect(s->core, turn_of(s)->now_us, link, admission, &link->core);
    if (r != 0) {
        core_admission_free(admission);
        wiring_carry_out(s);
        free(link);
        return r < 0 ? r : -EBUSY;
    }
    list_append(&s->links, &link->node);
    *ret_user = link;
    log_write(s->log, LOG_LEVEL_DEBUG, "connected",
              LOG_FIELDS(LOG_NUMBER("connection", core_connection_id(link->core)),
                         LOG_TEXT("address", ws_connection_address(c))));
    wiring_carry_out(s);
    return 0;
}

static void on_closed(void *userdata, void *user)
{
    struct server *s = userdata;
    struct link *link = user;
    log_write(s->log, LOG_LEVEL_DEBUG, "disconnected",
              LOG_FIELDS(LOG_NUMBER("connection", core_connection_id(link->core))));
    core_disconnect(link->core, turn_of(s)->now_us);
    list_unlink(&link->node);
    free(link);
    wiring_carry_out(s);
}

static void on_received(void *userdata, void *user, bool binary, const uint8_t *data, size_t size)
{
    struct server *s = userdata;
    struct link *link = user;
    core_receive(link->core, turn_of(s)->now_us, binary, data, size);
    if (!link->first && core_connection_is_member(link->core)) {
        /* Members' messages before strangers' handshakes. That it has just joined, the next message tells. */
        link->first = true;
        ws_connection_serve_first(link->ws);
    }
    wiring_carry_out(s);
}

static void on_oversized(void *userdata, void *user)
{
    struct server *s = userdata;
    struct link *link = user;
    core_receive_oversized(link->core, turn_of(s)->now_us);
    wiring_carry_out(s);
}

static bool on_buffers(void *userdata, void *user, size_t bytes)
{
    struct server *s = userdata;
    struct link *link = user;
    bool held = core_connection_buffers(link->core, turn_of(s)->now_us, bytes);
    wiring_carry_out(s);
    return held;
}

static void on_heartbeat_missed(void *userdata, void *user)
{
    struct server *s = userdata;
    struct link *link = user;
    core_heartbeat_missed(link->core, turn_of(s)->now_us);
    wiring_carry_out(s);
}

static struct frame *on_pull(void *userdata, void *user)
{
    struct server *s = userdata;
    struct link *link = user;
    struct frame *frame = core_connection_pull(link->core, turn_of(s)->now_us);
    wiring_carry_out(s);
    return frame;
}

static void on_log(void *userdata, int level, const char *line)
{
    struct server *s = userdata;
    log_write_limited(s->log, &s->ws_lines, level <= LOG_ERR ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
                      "websocket", LOG_FIELDS(LOG_TEXT("line", line)));
}

void wiring_handler(struct server *s, struct ws_handler *ret_handler)
{
    *ret_handler = (struct ws_handler){.userdata = s,
                                       .accepted = on_accepted,
                                       .abandoned = on_abandoned,
                                       .upgrading = on_upgrading,
                                       .opened = on_opened,
                                       .closed = on_closed,
                                       .received = on_received,
                                       .oversized = on_oversized,
                                       .buffers = on_buffers,
                                       .heartbeat_missed = on_heartbeat_missed,
                                       .pull = on_pull,
                                       .log = on_log};
}

void wiring_close_all(struct server *s, uint16_t code, const char *reason)
{
    list_for_each_safe (node, next, &s->links) {
        ws_connection_close(container_of(node, struct link, node)->ws, code, reason);
    }
}
