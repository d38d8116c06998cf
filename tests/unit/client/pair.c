#include "pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

const char pair_session[] = "transfer";

static const char relay_url[] = "wss://relay.example";

enum { FILE_BYTES = 100 };

struct inbound {
    struct list_node node;
    struct frame *frame;
};

/* --- the relay ----------------------------------------------------------------------------------------------------- */

static bool host_verify(void *userdata, const char *public_key, const char *signature,
                        const void *text, size_t size)
{
    struct wire_signature expected;
    (void)userdata;
    stub_sign(public_key, text, size, &expected);
    return strcmp(expected.text, signature) == 0;
}

static int host_sha256(void *userdata, const void *data, size_t size,
                       char ret_hex[CORE_SHA256_SIZE])
{
    (void)userdata;
    (void)data;
    snprintf(ret_hex, CORE_SHA256_SIZE, "%064zu", size); /* nobody here has an access key */
    return 0;
}

static int host_random(void *userdata, void *ret_bytes, size_t size)
{
    struct pair *p = userdata;
    for (size_t i = 0; i < size; i++) {
        p->random_state = p->random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
        ((uint8_t *)ret_bytes)[i] = (uint8_t)(p->random_state >> 56);
    }
    return 0;
}

static struct wall_time host_wall_now(void *userdata)
{
    const struct pair *p = userdata;
    return (struct wall_time){.unix_ms = 1700000000000 + (int64_t)(p->now_us / 1000)};
}

static bool relay_step(struct pair *p)
{
    p->n_relay_steps++;
    if (p->kill_relay_at == 0 || p->n_relay_steps != p->kill_relay_at)
        return true;
    p->relay_killed = true;
    return false;
}

static struct side *side_of(struct station *s)
{
    return s->userdata;
}

/* The socket is gone; both ends hear of it. */
static void cut(struct side *s, uint16_t close_code)
{
    struct pair *p = s->pair;
    struct connection *c = s->connection;
    s->connection = NULL;
    list_for_each_safe (n, next, &s->inbound) {
        struct inbound *i = container_of(n, struct inbound, node);
        list_unlink(n);
        frame_unref(i->frame);
        free(i);
    }
    if (!c)
        return;
    core_disconnect(c, p->now_us);
    STATION_CALL(&s->station, engine_disconnected(s->station.engine, p->now_us, close_code));
}

static void pull(struct side *s)
{
    struct pair *p = s->pair;
    while (s->connection && core_connection_pending(s->connection)) {
        struct frame *f = core_connection_pull(s->connection, p->now_us);
        STATION_CALL(&s->station,
                     engine_receive(s->station.engine, p->now_us, f->binary, f->data, f->size));
        frame_unref(f);
    }
}

static void relay_effect(struct pair *p, const struct core_effect *e)
{
    struct side *s;
    switch (e->kind) {
    case EFFECT_SEND:
        pull(core_connection_userdata(e->connection));
        break;
    case EFFECT_CLOSE:
        s = core_connection_userdata(e->connection);
        pull(s);
        cut(s, e->close_code);
        break;
    case EFFECT_STORE:
        list_append(&p->ops, &e->op->node);
        break;
    case EFFECT_EVENT:
        break;
    }
}

/* Executes what waits for the store: a kill comes before the commit, or after it and before the answer. */
static bool relay_store(struct pair *p)
{
    struct list_node *n = list_first(&p->ops);
    if (!n)
        return false;
    struct store_op *op = container_of(n, struct store_op, node);
    if (!relay_step(p))
        return true;
    fake_store_execute(p->store, op);
    if (!relay_step(p))
        return true;
    list_unlink(n);
    core_store_done(p->core, p->now_us, op);
    return true;
}

static bool relay_join(struct pair *p)
{
    if (!core_joins_wait(p->core))
        return false;
    if (relay_step(p))
        core_join_next(p->core, p->now_us);
    return true;
}

static bool relay_hear(struct side *s)
{
    struct list_node *n = list_first(&s->inbound);
    if (!n || !s->connection)
        return false;
    struct inbound *i = container_of(n, struct inbound, node);
    list_unlink(n);
    if (relay_step(s->pair))
        core_receive(s->connection, s->pair->now_us, i->frame->binary, i->frame->data,
                     i->frame->size);
    frame_unref(i->frame);
    free(i);
    return true;
}

static void relay_boot(struct pair *p)
{
    assert_int_equal(core_new(&p->core, &p->config, &p->host, p->now_us), 0);
}

/* The core wants its operations back before it goes; what they did not do is not done. */
void pair_kill_relay(struct pair *p)
{
    struct core_effect e;
    p->relay_killed = false;
    cut(&p->joiner, 1006);
    cut(&p->provider, 1006);
    for (bool more = true; more;) {
        struct list_node *n;
        more = false;
        while ((n = list_first(&p->ops))) {
            struct store_op *op = container_of(n, struct store_op, node);
            list_unlink(n);
            op->code = WIRE_CODE_STORE_UNAVAILABLE;
            core_store_done(p->core, p->now_us, op);
        }
        while (core_next_effect(p->core, &e)) {
            more = true;
            if (e.kind == EFFECT_STORE)
                list_append(&p->ops, &e.op->node);
        }
    }
    core_free(p->core);
    relay_boot(p);
}

static bool relay_turn(struct pair *p)
{
    struct core_effect e;
    bool worked = false;
    while (!p->relay_killed && core_next_effect(p->core, &e)) {
        worked = true;
        if (e.kind == EFFECT_STORE || relay_step(p))
            relay_effect(p, &e);
    }
    if (!p->relay_killed)
        worked = relay_store(p) || worked;
    if (!p->relay_killed)
        worked = relay_join(p) || worked;
    if (!p->relay_killed)
        worked = relay_hear(&p->joiner) || worked;
    if (!p->relay_killed)
        worked = relay_hear(&p->provider) || worked;
    if (p->relay_killed)
        pair_kill_relay(p);
    return worked;
}

/* --- the sides' ports ---------------------------------------------------------------------------------------------- */

static void port_dial(struct station *station, const char *url)
{
    assert_string_equal(url, relay_url);
    side_of(station)->dialled = true;
}

static void port_hang_up(struct station *station)
{
    side_of(station)->hung_up = true;
}

static void port_send(struct station *station, struct frame *takes_frame)
{
    struct inbound *i = calloc(1, sizeof *i);
    assert_non_null(i);
    i->frame = takes_frame;
    list_append(&side_of(station)->inbound, &i->node);
}

static void port_killed(struct station *station)
{
    struct side *s = side_of(station);
    s->dialled = s->hung_up = false;
    s->up = s->told = false;
    s->generation = s->offered = 0;
    if (s->joiner) /* tickets are of a process */
        memset(s->pair->report_tickets, 0, sizeof s->pair->report_tickets);
    cut(s, 1006);
}

static bool side_connect(struct side *s)
{
    struct pair *p = s->pair;
    if (s->hung_up) {
        s->hung_up = false;
        cut(s, 1000);
        return true;
    }
    if (!s->dialled)
        return false;
    s->dialled = false;
    assert_null(s->connection);
    const struct address address = {.bytes = {[10] = 0xff, [11] = 0xff, 192, 0, 2, s->joiner}};
    struct admission *admission;
    assert_int_equal(core_admit(p->core, p->now_us, &address, &admission), 0);
    assert_int_equal(core_connect(p->core, p->now_us, s, admission, &s->connection), 0);
    STATION_CALL(&s->station, engine_connected(s->station.engine, p->now_us));
    return true;
}

/* --- the applications ---------------------------------------------------------------------------------------------- */

static struct side *other(struct side *s)
{
    return s->joiner ? &s->pair->provider : &s->pair->joiner;
}

static void give_offer(struct side *s, uint64_t generation)
{
    s->generation = s->offered = generation;
    s->up = false;
    STATION_CALL(&s->station, engine_session_offer(s->station.engine, s->pair->now_us,
                                                   station_ticket(&s->station), pair_session,
                                                   generation, "offer"));
}

static void give_answer(struct side *s, uint64_t generation)
{
    s->generation = generation;
    s->up = false;
    STATION_CALL(&s->station, engine_session_answer(s->station.engine, s->pair->now_us,
                                                    station_ticket(&s->station), pair_session,
                                                    generation, "answer"));
}

static void tell_link(struct side *s, int32_t link)
{
    s->up = link == SYNCSHELL_LINK_UP;
    const struct engine_link told = {.state = link};
    STATION_CALL(&s->station, engine_session_link(s->station.engine, s->pair->now_us,
                                                  station_ticket(&s->station), pair_session,
                                                  s->generation, &told));
}

/* The data channel opens when the offering side has the answer, if the answering side still lives. */
static void have_answer(struct side *s, uint64_t generation)
{
    if (s->offered != generation || other(s)->generation != generation)
        return;
    tell_link(s, SYNCSHELL_LINK_UP);
    tell_link(other(s), SYNCSHELL_LINK_UP);
}

static unsigned file_number(const struct body_file *f)
{
    return (unsigned)strtoul(f->path + 1, NULL, 10);
}

static void on_request(struct pair *p, const struct syncshell_event *e)
{
    const struct body_file_list *held = event_files(e, SYNCSHELL_FILES_HELD);
    const struct body_file_list *needed = event_files(e, SYNCSHELL_FILES_NEEDED);
    bool holds[PAIR_FILES_MAX] = {false};
    p->n_requests++;
    p->provider.told = true;
    memset(p->needed, 0, sizeof p->needed);
    for (size_t i = 0; held && i < held->n_files; i++) {
        unsigned file = file_number(&held->files[i]);
        assert_false(holds[file]); /* once is enough */
        holds[file] = true;
    }
    for (size_t i = 0; needed && i < needed->n_files; i++) {
        assert_int_equal(needed->files[i].n_ranges, 0);
        p->needed[file_number(&needed->files[i])] = true;
    }
    for (unsigned i = 0; i < p->n_files; i++)
        assert_int_equal(p->needed[i], !holds[i]); /* exactly the rest */
}

static void on_stored(struct pair *p, const struct syncshell_event *e)
{
    uint64_t up_to = event_number(e, SYNCSHELL_FIELD_TICKET_UP_TO);
    for (unsigned i = 0; up_to > 0 && i < p->n_files; i++)
        if (p->report_tickets[i] != 0 && p->report_tickets[i] <= up_to)
            p->stored[i] = true;
}

static void on_saved(struct pair *p, uint64_t ticket)
{
    for (unsigned i = 0; i < p->n_files; i++)
        if (p->report_tickets[i] == ticket)
            p->saved[i] = true;
}

static void on_stopped(struct side *s, const struct syncshell_event *e)
{
    if (!s->pair->may_stop)
        fail_msg("the engine stopped: %s", event_string(e, SYNCSHELL_FIELD_CODE));
    assert_true(engine_stopped(s->station.engine));
    s->pair->n_stops++;
    pair_kill(s);
}

static void on_event(struct side *s, const struct syncshell_event *e)
{
    struct pair *p = s->pair;
    int32_t type = event_type(e);
    if (type == SYNCSHELL_EVENT_SESSION_OPENED || type == SYNCSHELL_EVENT_SESSION_RESUMED)
        s->has_session = true;
    else if (type == SYNCSHELL_EVENT_SESSION_CLOSED)
        s->closed = true;
    else if (type == SYNCSHELL_EVENT_OFFER_NEEDED)
        give_offer(s, event_number(e, SYNCSHELL_FIELD_GENERATION));
    else if (type == SYNCSHELL_EVENT_OFFER)
        give_answer(s, event_number(e, SYNCSHELL_FIELD_GENERATION));
    else if (type == SYNCSHELL_EVENT_ANSWER)
        have_answer(s, event_number(e, SYNCSHELL_FIELD_GENERATION));
    else if (type == SYNCSHELL_EVENT_RECOVERED)
        p->n_recovered += s->joiner;
    else if (type == SYNCSHELL_EVENT_PROGRESS_SAVED)
        on_saved(p, event_ticket(e));
    else if (type == SYNCSHELL_EVENT_PROGRESS_STORED)
        on_stored(p, e);
    else if (type == SYNCSHELL_EVENT_RECOVERY_REQUEST)
        on_request(p, e);
    else if (type == SYNCSHELL_EVENT_STOPPED)
        on_stopped(s, e);
}

static bool side_turn(struct side *s)
{
    bool worked = station_work(&s->station);
    struct syncshell_event *e;
    if (!s->station.engine) { /* killed: its process comes back at once, with its disk */
        struct side *peer = other(s);
        station_boot(&s->station, relay_url);
        if (peer->up)
            tell_link(peer, SYNCSHELL_LINK_LOST);
        return true;
    }
    while ((e = station_next(&s->station))) {
        worked = true;
        on_event(s, e);
    }
    /* The last word needs no memory: whoever stops says so. */
    assert_false(s->station.engine && !worked && engine_stopped(s->station.engine));
    return side_connect(s) || worked;
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

void pair_settle(struct pair *p)
{
    bool worked = true;
    for (unsigned i = 0; worked; i++) {
        assert_true(i < 100000); /* the three would talk for ever */
        worked = side_turn(&p->joiner);
        worked = side_turn(&p->provider) || worked;
        worked = relay_turn(p) || worked;
    }
}

static uint64_t next_deadline_us(const struct pair *p)
{
    uint64_t due_us = core_deadline_us(p->core);
    due_us = time_min(due_us, engine_deadline_us(p->joiner.station.engine));
    return time_min(due_us, engine_deadline_us(p->provider.station.engine));
}

void pair_run_ms(struct pair *p, uint64_t ms)
{
    uint64_t end_us = p->now_us + ms * 1000;
    pair_settle(p);
    for (unsigned i = 0; next_deadline_us(p) <= end_us; i++) {
        assert_true(i < 100000);
        uint64_t due_us = next_deadline_us(p);
        if (due_us > p->now_us)
            p->now_us = due_us;
        core_tick(p->core, p->now_us);
        STATION_CALL(&p->joiner.station, engine_tick(p->joiner.station.engine, p->now_us));
        STATION_CALL(&p->provider.station, engine_tick(p->provider.station.engine, p->now_us));
        pair_settle(p);
    }
    p->now_us = end_us;
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

static void side_init(struct pair *p, struct side *s, unsigned n)
{
    s->pair = p;
    s->joiner = s == &p->joiner;
    list_init(&s->inbound);
    station_init(&s->station, n, &p->port, s, &p->now_us);
}

void pair_init(struct pair *p)
{
    static const char *const origins[] = {relay_url, NULL};
    memset(p, 0, sizeof *p);
    p->now_us = 1000000;
    p->random_state = 99;
    list_init(&p->ops);
    p->port = (struct port){
        .dial = port_dial, .hang_up = port_hang_up, .send = port_send, .killed = port_killed};
    p->host = (struct core_host){.userdata = p,
                                 .verify = host_verify,
                                 .sha256 = host_sha256,
                                 .random = host_random,
                                 .wall_now = host_wall_now};
    core_config_defaults(&p->config);
    p->config.origins = origins;
    wire_id_set(&p->config.relay_id, "relay");
    wire_id_set(&p->config.store_epoch, "epoch");
    p->store = fake_store_new();
    side_init(p, &p->provider, 0);
    side_init(p, &p->joiner, 1);
    relay_boot(p);
}

void pair_deinit(struct pair *p)
{
    p->joiner.station.kill_at_step = p->provider.station.kill_at_step = p->kill_relay_at = 0;
    station_kill(&p->joiner.station);
    station_kill(&p->provider.station);
    pair_kill_relay(p);
    core_free(p->core);
    fake_store_free(p->store);
    station_deinit(&p->joiner.station);
    station_deinit(&p->provider.station);
}

void pair_kill(struct side *s)
{
    station_kill(&s->station);
}

const char *pair_shell(const struct pair *p)
{
    for (struct list_node *n = p->provider.station.disk.head.next;
         n != &p->provider.station.disk.head; n = n->next) {
        const struct disk_record *r = container_of(n, struct disk_record, node);
        if (str_equal(r->kind, "syncshell"))
            return r->key;
    }
    fail_msg("there is no syncshell");
    return NULL;
}

static bool knows_shell(const struct side *s)
{
    return station_records(&s->station, "syncshell") > 0;
}

/* What an application asked for and never saw saved, it asks for again: a kill may have come before the journal. */
void pair_meet(struct pair *p)
{
    struct invite invite;
    struct station *provider = &p->provider.station;
    struct station *joiner = &p->joiner.station;
    station_boot(provider, relay_url);
    station_boot(joiner, relay_url);
    for (unsigned i = 0; i < 2 && !knows_shell(&p->provider); i++) {
        STATION_CALL(provider, engine_create_syncshell(provider->engine, p->now_us,
                                                       station_ticket(provider)));
        pair_run_ms(p, 5000);
    }
    assert_int_equal(engine_invite(provider->engine, pair_shell(p), &invite), 0);
    for (unsigned i = 0; i < 2 && !knows_shell(&p->joiner); i++) {
        STATION_CALL(joiner,
                     engine_join(joiner->engine, p->now_us, station_ticket(joiner), &invite));
        pair_run_ms(p, 5000);
    }
}

/* --- the transfer -------------------------------------------------------------------------------------------------- */

void pair_open(struct pair *p, unsigned n_files)
{
    struct station *st = &p->joiner.station;
    p->n_files = n_files;
    STATION_CALL(st, engine_session_open(st->engine, p->now_us, station_ticket(st), pair_shell(p),
                                         p->provider.station.config.peer_id.text, true,
                                         pair_session, "mods"));
    pair_settle(p);
}

static struct body_file file_of(unsigned n, bool done)
{
    char path[8];
    snprintf(path, sizeof path, "f%02u", n);
    struct body_file f = file_done(path, "ABCD", FILE_BYTES);
    f.done = done;
    return f;
}

void pair_set_manifest(struct pair *p)
{
    struct station *st = &p->provider.station;
    struct body_file_list files = {0};
    for (unsigned i = 0; i < p->n_files; i++)
        files_add(&files, file_of(i, false));
    STATION_CALL(st, engine_session_set_manifest(st->engine, p->now_us, station_ticket(st),
                                                 pair_session, &files));
    body_file_list_deinit(&files);
    pair_settle(p);
}

void pair_report(struct pair *p, unsigned file)
{
    struct body_file_list files = {0};
    files_add(&files, file_of(file, true));
    p->report_tickets[file] = p->joiner.station.ticket + 1;
    station_report(&p->joiner.station, pair_session, &files);
    pair_settle(p);
}

void pair_link_lost(struct pair *p)
{
    tell_link(&p->joiner, SYNCSHELL_LINK_LOST);
    tell_link(&p->provider, SYNCSHELL_LINK_LOST);
    pair_settle(p);
}

void pair_close(struct side *s)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_close(st->engine, s->pair->now_us, station_ticket(st),
                                          pair_session, SYNCSHELL_OUTCOME_COMPLETED));
    pair_settle(s->pair);
}
