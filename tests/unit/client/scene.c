#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "wire/seal.h"

struct sent {
    struct list_node node;
    struct frame *frame;
};

static const char relay_url[] = "wss://relay.example:8443/way";

/* --- the port ------------------------------------------------------------------------------------------------------ */

static struct scene *scene_of(struct station *s)
{
    return s->userdata;
}

static void port_dial(struct station *station, const char *url)
{
    struct scene *s = scene_of(station);
    assert_false(s->connected);
    s->dialled = true;
    s->n_dials++;
    s->last_dial_us = s->now_us;
    str_copy(s->url, sizeof s->url, url);
}

static void port_hang_up(struct station *station)
{
    scene_of(station)->hung_up = true;
}

static bool take_by_itself(struct scene *s, const struct frame *frame)
{
    struct message m;
    struct message_refusal refusal;
    if (message_decode(&m, &refusal, true, frame->binary, frame->data, frame->size,
                       &message_limits_to_relay) != 0)
        return false;
    bool report = m.type == MESSAGE_CONNECTION_REPORT && !s->hears_reports;
    bool ice = m.type == MESSAGE_ICE_SERVERS_REQUEST && !s->hears_ice;
    bool code = m.type == MESSAGE_ISSUE_RECOVERY_CODE && !s->hears_codes;
    if (code)
        s->code_request = m.issue_recovery_code.message_id;
    if (ice)
        s->ice_request = m.ice_servers_request.message_id;
    if (report) {
        s->last_report = m.connection_report;
        s->report_waits = true;
        s->n_reports++;
    }
    message_deinit(&m);
    return report || ice || code;
}

static void port_send(struct station *station, struct frame *takes_frame)
{
    struct scene *s = scene_of(station);
    if (take_by_itself(s, takes_frame)) {
        frame_unref(takes_frame);
        return;
    }
    struct sent *sent = calloc(1, sizeof *sent);
    assert_non_null(sent);
    assert_true(s->connected);
    sent->frame = takes_frame;
    list_append(&s->frames, &sent->node);
}

static void port_killed(struct station *station)
{
    struct scene *s = scene_of(station);
    s->connected = s->dialled = s->hung_up = false;
}

/* --- life and time ------------------------------------------------------------------------------------------------- */

void scene_init(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->port = (struct port){
        .dial = port_dial, .hang_up = port_hang_up, .send = port_send, .killed = port_killed};
    s->now_us = 1000000;
    list_init(&s->frames);
    station_init(&s->station, 0, &s->port, s, &s->now_us);
    s->self = s->station.config.peer_id;
    stub_peer_id(1, &s->other);
    memset(s->secret.text, 'S', WIRE_KEY_LENGTH - 1);
    s->secret.text[WIRE_KEY_LENGTH - 1] = 'A';
    memset(s->nonce.text, 'N', WIRE_KEY_LENGTH - 1);
    s->nonce.text[WIRE_KEY_LENGTH - 1] = 'A';
    wire_id_set(&s->store_epoch, "epoch0");
}

static void forget_frames(struct scene *s)
{
    while (scene_hear_any(s))
        ;
}

void scene_deinit(struct scene *s)
{
    forget_frames(s);
    station_deinit(&s->station);
}

int scene_setup(void **state)
{
    struct scene *s = malloc(sizeof *s);
    assert_non_null(s);
    scene_init(s);
    *state = s;
    return 0;
}

int scene_teardown(void **state)
{
    scene_deinit(*state);
    free(*state);
    return 0;
}

static bool step(struct scene *s)
{
    struct station *station = &s->station;
    bool worked = station_work(station);
    if (s->dialled) {
        s->dialled = false;
        s->connected = !s->refuses;
        if (s->refuses)
            STATION_CALL(station, engine_disconnected(station->engine, s->now_us, 0));
        else
            STATION_CALL(station, engine_connected_to(station->engine, s->now_us, s->shows));
        worked = true;
    }
    if (s->report_waits) {
        s->report_waits = false;
        if (s->connected)
            scene_stored(s, &s->last_report.message_id);
        worked = true;
    }
    if (*s->ice_request.text) {
        const struct message m = {.type = MESSAGE_ICE_SERVERS,
                                  .ice_servers = {.in_reply_to = s->ice_request}};
        s->ice_request = (struct wire_id){""};
        if (s->connected)
            scene_say(s, &m);
        worked = true;
    }
    if (*s->code_request.text) {
        const struct message m = {.type = MESSAGE_STORED,
                                  .stored = {.in_reply_to = s->code_request,
                                             .has_valid_for_ms = true,
                                             .valid_for_ms = 600000}};
        s->code_request = (struct wire_id){""};
        if (s->connected)
            scene_say(s, &m);
        worked = true;
    }
    if (s->hung_up) {
        s->hung_up = false;
        if (s->connected) {
            s->connected = false;
            STATION_CALL(station, engine_disconnected(station->engine, s->now_us, 1000));
        }
        worked = true;
    }
    return worked;
}

void scene_settle(struct scene *s)
{
    for (unsigned i = 0; step(s); i++)
        assert_true(i < 10000);
}

void scene_advance_ms(struct scene *s, uint64_t ms)
{
    uint64_t end_us = s->now_us + ms * 1000;
    unsigned n_turns = 0;
    scene_settle(s);
    while (s->station.engine && engine_deadline_us(s->station.engine) <= end_us) {
        uint64_t due_us = engine_deadline_us(s->station.engine);
        if (due_us > s->now_us)
            s->now_us = due_us;
        STATION_CALL(&s->station, engine_tick(s->station.engine, s->now_us));
        scene_settle(s);
        assert_true(++n_turns < 100000); /* a deadline that stays due would spin for ever */
    }
    s->now_us = end_us;
}

void scene_drop(struct scene *s, uint16_t close_code)
{
    s->connected = false;
    STATION_CALL(&s->station, engine_disconnected(s->station.engine, s->now_us, close_code));
    scene_settle(s);
}

void scene_restart(struct scene *s)
{
    station_kill(&s->station);
    forget_frames(s);
    station_forget(&s->station);
    station_boot(&s->station, NULL);
    scene_settle(s);
}

/* --- the wire ------------------------------------------------------------------------------------------------------ */

static void forget_current(struct scene *s)
{
    if (s->current_frame)
        message_deinit(&s->current);
    s->current_frame = frame_unref(s->current_frame);
}

const struct message *scene_hear_any(struct scene *s)
{
    struct list_node *n = list_first(&s->frames);
    struct message_refusal refusal;
    forget_current(s);
    if (!n)
        return NULL;
    struct sent *sent = container_of(n, struct sent, node);
    list_unlink(n);
    s->current_frame = sent->frame;
    free(sent);
    const struct frame *f = s->current_frame;
    int r = message_decode(&s->current, &refusal, true, f->binary, f->data, f->size,
                           &message_limits_to_relay);
    if (r != 0)
        fail_msg("the engine's frame is refused: %s", refusal.detail);
    return &s->current;
}

const struct message *scene_hear(struct scene *s, enum message_type type)
{
    const struct message *m = scene_hear_any(s);
    if (!m)
        fail_msg("nothing was sent instead of %s", message_type_name(type));
    assert_string_equal(message_type_name(m->type), message_type_name(type));
    return m;
}

void scene_silence(struct scene *s)
{
    const struct message *m = scene_hear_any(s);
    if (m)
        fail_msg("unexpected %s", message_type_name(m->type));
}

void scene_forget(struct scene *s)
{
    forget_frames(s);
    station_forget(&s->station);
}

void scene_say_raw(struct scene *s, bool binary, const void *data, size_t size)
{
    STATION_CALL(&s->station, engine_receive(s->station.engine, s->now_us, binary, data, size));
    scene_settle(s);
}

void scene_say(struct scene *s, const struct message *m)
{
    struct buf out = BUF_INIT(4 * WIRE_BODY_MAX);
    assert_int_equal(message_encode(m, &out), 0);
    scene_say_raw(s, message_has_body(m), out.data, out.size);
    buf_deinit(&out);
}

void scene_stored(struct scene *s, const struct wire_id *in_reply_to)
{
    const struct message m = {.type = MESSAGE_STORED, .stored = {.in_reply_to = *in_reply_to}};
    scene_say(s, &m);
}

void scene_stored_version(struct scene *s, const struct wire_id *in_reply_to, uint64_t version)
{
    const struct message m = {
        .type = MESSAGE_STORED,
        .stored = {.in_reply_to = *in_reply_to, .has_version = true, .version = version}};
    scene_say(s, &m);
}

struct message scene_error_message(const struct wire_id *in_reply_to, enum wire_code code)
{
    struct message m = {.type = MESSAGE_ERROR};
    m.error.in_reply_to = *in_reply_to;
    m.error.code = code;
    m.error.retryable = wire_code_retryable(code);
    str_copy(m.error.text, sizeof m.error.text, wire_code_text(code));
    return m;
}

void scene_error(struct scene *s, const struct wire_id *in_reply_to, enum wire_code code)
{
    const struct message m = scene_error_message(in_reply_to, code);
    scene_say(s, &m);
}

void scene_presence(struct scene *s, enum presence presence)
{
    struct message m = {.type = MESSAGE_PEER_PRESENCE};
    wire_id_set(&m.peer_presence.syncshell_id, SCENE_SHELL);
    m.peer_presence.peer_id = s->other;
    m.peer_presence.presence = presence;
    scene_say(s, &m);
}

/* --- the handshake ------------------------------------------------------------------------------------------------- */

void scene_hello(struct scene *s)
{
    struct message m = {.type = MESSAGE_HELLO};
    m.hello.protocol_version = WIRE_PROTOCOL_VERSION;
    wire_id_set(&m.hello.relay_id, "relay0");
    m.hello.nonce = s->nonce;
    m.hello.server_time_ms = 1700000000000;
    m.hello.heartbeat_ms = 15000;
    m.hello.limits.request_header_bytes = WIRE_REQUEST_HEADER_MAX;
    m.hello.limits.signal_body_bytes = WIRE_SIGNAL_BODY_MAX;
    m.hello.limits.body_bytes = WIRE_BODY_MAX;
    m.hello.limits.offer_ttl_ms = 10000;
    scene_say(s, &m);
}

void scene_welcome(struct scene *s)
{
    struct message m = {.type = MESSAGE_WELCOME};
    m.welcome.in_reply_to = scene_hear(s, MESSAGE_AUTHENTICATE)->authenticate.message_id;
    m.welcome.peer_id = s->self;
    m.welcome.server_time_ms = 1700000000000;
    m.welcome.store_epoch = s->store_epoch;
    m.welcome.may_create = true;
    scene_say(s, &m);
}

void scene_boot(struct scene *s)
{
    struct invite invite = {.secret = s->secret, .owner_peer_id = s->other};
    str_copy(invite.relay_url, sizeof invite.relay_url, relay_url);
    wire_id_set(&invite.syncshell_id, SCENE_SHELL);
    station_boot(&s->station, NULL);
    STATION_CALL(&s->station,
                 engine_join(s->station.engine, s->now_us, station_ticket(&s->station), &invite));
    scene_settle(s);
    scene_hello(s);
    scene_welcome(s);
}

void scene_joined(struct scene *s, const struct scene_joined *how)
{
    struct message_member members[2] = {{.peer_id = s->self, .presence = PRESENCE_ONLINE},
                                        {.peer_id = s->other, .presence = how->other}};
    struct message_session_summary sessions[WIRE_SESSIONS_MAX];
    struct message m = {.type = MESSAGE_SYNCSHELL_JOINED};
    struct message_syncshell_joined *j = &m.syncshell_joined;
    j->in_reply_to = scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id;
    wire_id_set(&j->syncshell_id, SCENE_SHELL);
    j->store_epoch = s->store_epoch;
    j->owner_peer_id = how->owned ? s->self : s->other;
    j->key_epoch = how->key_epoch ? how->key_epoch : 1;
    j->has_owner_sequence = true;
    j->owner_sequence = how->owner_sequence;
    j->recovered = !how->not_recovered;
    j->members = members;
    j->n_members = how->alone ? 1 : 2;
    assert_true(how->n_sessions <= sizeof sessions / sizeof sessions[0]);
    for (size_t i = 0; i < how->n_sessions; i++)
        sessions[i] = how->sessions[i];
    j->sessions = sessions;
    j->n_sessions = how->n_sessions;
    scene_say(s, &m);
}

struct message_session_summary scene_summary(const struct scene *s, bool joiner,
                                             uint64_t generation, uint64_t version)
{
    struct message_session_summary summary = {.joiner_peer_id = joiner ? s->self : s->other,
                                              .provider_peer_id = joiner ? s->other : s->self,
                                              .generation = generation,
                                              .version = version,
                                              .state = SESSION_STATE_OPEN};
    wire_id_set(&summary.recovery_session_id, SCENE_SESSION);
    return summary;
}

void scene_session(struct scene *s, bool joiner)
{
    struct station *st = &s->station;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    STATION_CALL(st, engine_session_open(st->engine, s->now_us, station_ticket(st), SCENE_SHELL,
                                         s->other.text, joiner, SCENE_SESSION, "label"));
    scene_settle(s);
    scene_stored_version(s, &scene_hear(s, MESSAGE_SESSION_OPEN)->session_open.message_id, 1);
    if (joiner) {
        scene_stored(s, &scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id);
        station_skip_to(st, SYNCSHELL_EVENT_OFFER_NEEDED);
    }
    scene_forget(s);
}

/* --- bodies -------------------------------------------------------------------------------------------------------- */

static void associated(const struct scene *s, enum message_type type, bool theirs,
                       uint64_t generation, uint64_t version, struct buf *out)
{
    const char *source = theirs ? s->other.text : s->self.text;
    const char *target = theirs ? s->self.text : s->other.text;
    assert_int_equal(seal_associated_data(out, type, SCENE_SHELL, source, target, SCENE_SESSION,
                                          generation, version),
                     0);
}

/* The other side's crypto: the same secret. */
static struct engine_group *group_of(const struct scene *s, struct stub_crypto *ret_crypto,
                                     struct engine_crypto *ret_services)
{
    struct engine_group *group;
    stub_crypto_init(ret_crypto, &s->other, 5 + s->n_messages);
    *ret_services = stub_crypto_services(ret_crypto);
    assert_int_equal(ret_services->group_new(ret_crypto, s->secret.text, SCENE_SHELL, &group), 0);
    return group;
}

static uint64_t generation_of(const struct message *m)
{
    bool entry = m->type == MESSAGE_SESSION_OPEN || m->type == MESSAGE_SESSION_PROGRESS ||
                 m->type == MESSAGE_SESSION_CHECKPOINT;
    return entry ? 0 : m->routed.generation;
}

void scene_seal(struct scene *s, const struct message *m, bool theirs, uint64_t version,
                const void *plain, size_t size, struct buf *ret_sealed)
{
    struct stub_crypto crypto;
    struct engine_crypto services;
    struct engine_group *group = group_of(s, &crypto, &services);
    struct buf data = BUF_INIT(1024);
    s->n_messages++;
    associated(s, m->type, theirs, generation_of(m), version, &data);
    assert_int_equal(services.seal(&crypto, group, data.data, data.size, plain, size, ret_sealed),
                     0);
    services.group_free(&crypto, group);
    buf_deinit(&data);
}

void scene_open(struct scene *s, const struct message *m, uint64_t version, struct buf *ret_plain)
{
    struct stub_crypto crypto;
    struct engine_crypto services;
    struct engine_group *group = group_of(s, &crypto, &services);
    struct buf data = BUF_INIT(1024);
    associated(s, m->type, false, generation_of(m), version, &data);
    assert_int_equal(
        services.open(&crypto, group, data.data, data.size, m->body, m->body_size, ret_plain), 0);
    services.group_free(&crypto, group);
    buf_deinit(&data);
}

struct message scene_routed(struct scene *s, enum message_type type, uint64_t generation)
{
    struct message m = {.type = type};
    snprintf(m.routed.message_id.text, sizeof m.routed.message_id.text, "theirs-%u",
             s->n_messages++);
    wire_id_set(&m.routed.syncshell_id, SCENE_SHELL);
    wire_id_set(&m.routed.recovery_session_id, SCENE_SESSION);
    m.routed.source_peer_id = s->other;
    m.routed.target_peer_id = s->self;
    m.routed.generation = generation;
    m.routed.body_format = BODY_FORMAT_SEALED;
    return m;
}

void scene_signal(struct scene *s, enum message_type type, uint64_t generation, const char *sdp)
{
    char text[64];
    str_copy(text, sizeof text, sdp);
    struct message m = scene_routed(s, type, generation);
    struct buf plain = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    struct buf sealed = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    const struct body_signal signal = {.sdp = text, .sdp_mline_index = -1};
    int r = type == MESSAGE_RECONNECT_OFFER    ? body_offer_encode(&plain, &signal)
            : type == MESSAGE_RECONNECT_ANSWER ? body_answer_encode(&plain, &signal)
                                               : body_candidate_encode(&plain, &signal);
    assert_int_equal(r, 0);
    scene_seal(s, &m, true, 0, plain.data, plain.size, &sealed);
    m.body = sealed.data;
    m.body_size = sealed.size;
    scene_say(s, &m);
    buf_deinit(&plain);
    buf_deinit(&sealed);
}

void scene_entry(struct scene *s, const struct message *m, struct body_session_entry *ret_entry)
{
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    scene_open(s, m, m->session_entry.base_version + 1, &plain);
    assert_int_equal(body_session_entry_decode(ret_entry, plain.data, plain.size), 0);
    buf_deinit(&plain);
}

void scene_request(struct scene *s, const struct message *m,
                   struct body_recovery_request *ret_request)
{
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    scene_open(s, m, 0, &plain);
    assert_int_equal(body_recovery_request_decode(ret_request, plain.data, plain.size), 0);
    buf_deinit(&plain);
}

void scene_deliver(struct scene *s, uint64_t inbox_seq, const struct message *m, const void *plain,
                   size_t size)
{
    struct buf sealed = BUF_INIT(WIRE_BODY_MAX);
    struct buf inner = BUF_INIT(2 * WIRE_BODY_MAX);
    struct message routed = *m;
    if (m->routed.body_format == BODY_FORMAT_SEALED)
        scene_seal(s, m, true, 0, plain, size, &sealed);
    else
        assert_int_equal(buf_append(&sealed, plain, size), 0);
    routed.body = sealed.data;
    routed.body_size = sealed.size;
    assert_int_equal(message_encode(&routed, &inner), 0);
    struct message delivery = {.type = MESSAGE_INBOX_DELIVERY};
    wire_id_set(&delivery.inbox_delivery.syncshell_id, SCENE_SHELL);
    delivery.inbox_delivery.inbox_seq = inbox_seq;
    delivery.body = inner.data;
    delivery.body_size = inner.size;
    scene_say(s, &delivery);
    buf_deinit(&sealed);
    buf_deinit(&inner);
}

void scene_deliver_request(struct scene *s, uint64_t inbox_seq,
                           const struct body_recovery_request *request)
{
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    const struct message m = scene_routed(s, MESSAGE_RECOVERY_REQUEST, 1);
    assert_int_equal(body_recovery_request_encode(&plain, request), 0);
    scene_deliver(s, inbox_seq, &m, plain.data, plain.size);
    buf_deinit(&plain);
}
