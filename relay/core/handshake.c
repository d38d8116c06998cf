#include "core/handshake.h"

#include "core/access_key.h"
#include "core/guess.h"
#include "core/proof.h"
#include "core/reply.h"

void handshake_hello(struct connection *c)
{
    struct core *core = c->core;
    struct message m = {.type = MESSAGE_HELLO};
    m.hello.protocol_version = WIRE_PROTOCOL_VERSION;
    m.hello.relay_id = core->config.relay_id;
    m.hello.nonce = c->nonce;
    m.hello.server_time_ms = (uint64_t)core_wall_now(core).unix_ms;
    m.hello.heartbeat_ms = core->config.heartbeat_ms;
    m.hello.limits.request_header_bytes = message_limits_to_relay.header_bytes;
    m.hello.limits.signal_body_bytes = message_limits_to_relay.signal_body_bytes;
    m.hello.limits.body_bytes = message_limits_to_relay.body_bytes;
    m.hello.limits.offer_ttl_ms = core->config.offer_ttl_ms;
    reply_send(c, &m);
}

void handshake_authenticate(const struct request *r)
{
    struct core *core = r->core;
    struct connection *c = r->connection;
    const struct message_authenticate *m = &r->message->authenticate;
    struct refusal refusal;
    if (guess_refused(c, &refusal)) {
        request_refuse_by(r, &refusal);
        connection_close(c, refusal.code);
        return;
    }
    enum wire_code code = m->protocol_version == WIRE_PROTOCOL_VERSION
                              ? proof_check_authenticate(c, m)
                              : WIRE_CODE_UNSUPPORTED_VERSION;
    if (code == WIRE_CODE_NONE && m->access_key[0]) {
        c->has_access_key = true;
        if (access_key_read(&core->host, m->access_key, &c->access_key) < 0)
            code = WIRE_CODE_INTERNAL;
    }
    if (code == WIRE_CODE_NONE && connection_authenticated(c, &m->peer_id) != 0)
        code = WIRE_CODE_INTERNAL;
    if (code == WIRE_CODE_BAD_SIGNATURE)
        guess_failed(c);
    if (code != WIRE_CODE_NONE) {
        request_refuse(r, code, NULL);
        connection_close(c, code);
        return;
    }
    struct message welcome = {.type = MESSAGE_WELCOME};
    welcome.welcome.in_reply_to = *r->message_id;
    welcome.welcome.peer_id = c->peer_id;
    welcome.welcome.server_time_ms = (uint64_t)core_wall_now(core).unix_ms;
    welcome.welcome.store_epoch = core->config.store_epoch;
    welcome.welcome.may_create =
        core->config.create_policy == CORE_CREATE_OPEN ||
        (core->config.create_policy == CORE_CREATE_ACCESS_KEY && c->has_access_key);
    reply_send(c, &welcome);
}
