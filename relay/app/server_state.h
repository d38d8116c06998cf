/* What the files of the server share; nobody else includes this. */
#ifndef RELAY_APP_SERVER_STATE_H
#define RELAY_APP_SERVER_STATE_H

#include "app/event_log.h"
#include "app/notify.h"
#include "app/proxy.h"
#include "app/recent.h"
#include "app/server.h"
#include "app/tally.h"
#include "base/list.h"

/* Asked for once in a turn, for whatever the listener brings in it. */
struct turn_time {
    bool known;
    uint64_t now_us;
    struct wall_time wall;
};

struct server {
    struct log *log;
    struct settings reloaded; /* owned; replaces the caller's after a reload */
    const struct settings *settings;
    server_reload_fn reload;
    void *reload_userdata;
    struct crypto *crypto;
    struct loop *loop;
    struct store *store;
    struct core *core;
    struct ws_server *ws;
    struct control_socket *control;
    struct admin_http *admin;                  /* NULL: not wanted */
    char admin_token_sha256[CORE_SHA256_SIZE]; /* "": nobody has one */
    struct loop_waker *waker;
    struct loop_timer *tick;
    struct loop_timer *sweep;
    struct loop_timer *drain;
    struct loop_timer *watchdog;
    struct loop_timer *certificate;
    struct loop_signal *signals[4];
    struct notify notify; /* the service manager */
    struct list links;
    struct turn_time turn;
    char *url;
    struct event_log events;
    struct tally tally;
    struct recent recent;
    struct wall_time started;
    struct log_limit ws_lines;
    struct proxies proxies;
    struct log_limit proxy_lines;
    bool draining;
    bool closing; /* the drain window is over */
    bool store_healthy;
    bool store_stopped;
};

#endif
