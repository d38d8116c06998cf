/* What clients say and what they expect to hear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "wire/challenge.h"
#include "world.h"

static const char origin[] = "wss://relay.example";

/* --- saying -------------------------------------------------------------------------------------------------------- */

void say_raw(struct client *c, bool binary, const void *data, size_t size)
{
    assert_non_null(c->connection);
    world_enter(c->world);
    core_receive(c->connection, c->world->now_us, binary, data, size);
    world_leave(c->world);
    world_settle(c->world);
}

/* Every message of a client begins with its id. */
const char *say(struct client *c, struct message *m)
{
    struct wire_id *id = &m->routed.message_id;
    struct wire_id *said = &c->world->said[c->world->n_said++ % WORLD_SAID_MAX];
    struct buf out = BUF_INIT(WIRE_BODY_MAX + WIRE_REPLY_HEADER_MAX);
    if (id->text[0] == '\0')
        snprintf(id->text, sizeof id->text, "m%u", ++c->world->n_messages);
    *said = *id;
    assert_int_equal(message_encode(m, &out), 0);
    say_raw(c, message_has_body(m), out.data, out.size);
    buf_deinit(&out);
    return said->text;
}

void make_authenticate(struct client *c, struct message *ret_message)
{
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    *ret_message = (struct message){.type = MESSAGE_AUTHENTICATE};
    struct message_authenticate *a = &ret_message->authenticate;
    a->protocol_version = WIRE_PROTOCOL_VERSION;
    a->peer_id = c->peer_id;
    str_copy(a->origin, sizeof a->origin, origin);
    assert_int_equal(challenge_authenticate(&text, origin, "relay", c->nonce.text, c->peer_id.text),
                     0);
    sign(c->peer_id.text + strlen("ed25519:"), text.data, text.size, &a->signature);
    buf_deinit(&text);
}

const char *say_authenticate(struct client *c)
{
    struct message m;
    make_authenticate(c, &m);
    return say(c, &m);
}

const char *say_create(struct client *c, const char *syncshell)
{
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    struct message m = {.type = MESSAGE_CREATE_SYNCSHELL};
    const struct world *w = c->world;
    wire_id_set(&m.create_syncshell.syncshell_id, syncshell);
    m.create_syncshell.has_key_epoch = w->key_epoch != 1;
    m.create_syncshell.key_epoch = m.create_syncshell.has_key_epoch ? w->key_epoch : 0;
    str_copy(m.create_syncshell.group_public_key.text, sizeof m.create_syncshell.group_public_key,
             w->key);
    assert_int_equal(
        challenge_create(&text, "relay", c->nonce.text, syncshell, c->peer_id.text, w->key), 0);
    sign(w->key, text.data, text.size, &m.create_syncshell.proof);
    buf_deinit(&text);
    return say(c, &m);
}

void make_join(struct client *c, const char *syncshell, struct message *ret_message)
{
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    *ret_message = (struct message){.type = MESSAGE_JOIN_SYNCSHELL};
    struct message_join_syncshell *j = &ret_message->join_syncshell;
    wire_id_set(&j->syncshell_id, syncshell);
    j->key_epoch = c->world->key_epoch;
    assert_int_equal(
        challenge_join(&text, "relay", c->nonce.text, syncshell, c->peer_id.text, j->key_epoch), 0);
    sign(c->world->key, text.data, text.size, &j->proof);
    buf_deinit(&text);
}

const char *say_join(struct client *c, const char *syncshell)
{
    struct message m;
    make_join(c, syncshell, &m);
    return say(c, &m);
}

const char *say_leave(struct client *c, const char *syncshell)
{
    struct message m = {.type = MESSAGE_LEAVE_SYNCSHELL};
    wire_id_set(&m.leave_syncshell.syncshell_id, syncshell);
    return say(c, &m);
}

void make_owner(struct client *c, enum message_type type, uint64_t sequence,
                const struct client *subject, struct message *ret_message)
{
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    *ret_message = (struct message){.type = type};
    struct message_owner_operation *o = &ret_message->owner_operation;
    wire_id_set(&o->syncshell_id, "shell");
    o->owner_sequence = sequence;
    if (subject)
        o->peer_id = subject->peer_id;
    if (type == MESSAGE_ROTATE_GROUP_KEY) {
        o->key_epoch = 2;
        str_copy(o->group_public_key.text, sizeof o->group_public_key, next_group_key);
    }
    assert_int_equal(challenge_owner_operation(&text, type, "relay", c->nonce.text, o), 0);
    sign(c->peer_id.text + strlen("ed25519:"), text.data, text.size, &o->signature);
    buf_deinit(&text);
}

static const char *say_owner(struct client *c, enum message_type type, uint64_t sequence,
                             const struct client *subject)
{
    struct message m;
    make_owner(c, type, sequence, subject, &m);
    return say(c, &m);
}

const char *say_remove(struct client *c, uint64_t sequence, const struct client *subject)
{
    return say_owner(c, MESSAGE_REMOVE_MEMBER, sequence, subject);
}

const char *say_transfer(struct client *c, uint64_t sequence, const struct client *subject)
{
    return say_owner(c, MESSAGE_TRANSFER_OWNERSHIP, sequence, subject);
}

const char *say_rotate(struct client *c, uint64_t sequence)
{
    return say_owner(c, MESSAGE_ROTATE_GROUP_KEY, sequence, NULL);
}

const char *say_delete(struct client *c, uint64_t sequence)
{
    return say_owner(c, MESSAGE_DELETE_SYNCSHELL, sequence, NULL);
}

void make_routed(struct client *c, struct client *to, enum message_type type, const char *session,
                 uint64_t generation, struct message *ret_message)
{
    static const uint8_t body[] = "a sealed body";
    *ret_message = (struct message){.type = type, .body = body, .body_size = sizeof body};
    struct message_routed *r = &ret_message->routed;
    wire_id_set(&r->syncshell_id, "shell");
    r->source_peer_id = c->peer_id;
    r->target_peer_id = to->peer_id;
    wire_id_set(&r->recovery_session_id, session);
    r->generation = generation;
    r->body_format = BODY_FORMAT_SEALED;
}

const char *say_routed(struct client *c, struct client *to, enum message_type type,
                       const char *session, uint64_t generation)
{
    struct message m;
    make_routed(c, to, type, session, generation, &m);
    return say(c, &m);
}

const char *say_open(struct client *joiner, struct client *provider, const char *session)
{
    struct message m = {.type = MESSAGE_SESSION_OPEN};
    wire_id_set(&m.session_open.syncshell_id, "shell");
    wire_id_set(&m.session_open.recovery_session_id, session);
    m.session_open.joiner_peer_id = joiner->peer_id;
    m.session_open.provider_peer_id = provider->peer_id;
    return say(joiner, &m);
}

const char *say_entry(struct client *c, enum message_type type, const char *session,
                      uint64_t base_version, const char *body)
{
    struct message m = {.type = type, .body = (const uint8_t *)body, .body_size = strlen(body)};
    wire_id_set(&m.session_entry.syncshell_id, "shell");
    wire_id_set(&m.session_entry.recovery_session_id, session);
    m.session_entry.base_version = base_version;
    m.session_entry.body_format = BODY_FORMAT_SEALED;
    return say(c, &m);
}

const char *say_snapshot(struct client *c, const char *session, uint64_t after_version)
{
    struct message m = {.type = MESSAGE_SESSION_SNAPSHOT_REQUEST};
    wire_id_set(&m.session_snapshot_request.syncshell_id, "shell");
    wire_id_set(&m.session_snapshot_request.recovery_session_id, session);
    m.session_snapshot_request.after_version = after_version;
    return say(c, &m);
}

const char *say_close(struct client *c, const char *session, enum session_outcome outcome)
{
    struct message m = {.type = MESSAGE_SESSION_CLOSE};
    wire_id_set(&m.session_close.syncshell_id, "shell");
    wire_id_set(&m.session_close.recovery_session_id, session);
    m.session_close.outcome = outcome;
    return say(c, &m);
}

const char *say_ack(struct client *c, uint64_t seq)
{
    struct message m = {.type = MESSAGE_ACK_INBOX};
    wire_id_set(&m.ack_inbox.syncshell_id, "shell");
    m.ack_inbox.inbox_seq = seq;
    return say(c, &m);
}

/* --- hearing ------------------------------------------------------------------------------------------------------- */

static void drop_current(struct client *c)
{
    message_deinit(&c->current);
    c->current_frame = frame_unref(c->current_frame);
}

const struct message *hear(struct client *c)
{
    struct message_refusal refusal;
    struct list_node *n = list_first(&c->heard);
    drop_current(c);
    if (!n)
        return NULL;
    struct heard *h = container_of(n, struct heard, node);
    list_unlink(n);
    c->current_frame = h->frame;
    free(h);
    int r =
        message_decode(&c->current, &refusal, false, c->current_frame->binary,
                       c->current_frame->data, c->current_frame->size, &message_limits_to_client);
    if (r != 0)
        fail_msg("the relay sent a frame that is refused: %s", refusal.detail);
    return &c->current;
}

const struct message *expect(struct client *c, enum message_type type)
{
    if (!hear(c))
        fail_msg("expected %s, heard nothing", message_type_name(type));
    if (c->current.type != type)
        fail_msg("expected %s, heard %s: %.*s", message_type_name(type),
                 message_type_name(c->current.type), (int)c->current_frame->size,
                 (const char *)c->current_frame->data);
    return &c->current;
}

void expect_error(struct client *c, const char *in_reply_to, enum wire_code code)
{
    const struct message_error *e = &expect(c, MESSAGE_ERROR)->error;
    assert_string_equal(wire_code_name(e->code), wire_code_name(code));
    assert_string_equal(e->in_reply_to.text, in_reply_to);
    assert_int_equal(e->retryable, wire_code_retryable(code));
    assert_int_equal(e->has_retry_after, e->retryable);
}

void expect_stored(struct client *c, const char *in_reply_to)
{
    assert_string_equal(expect(c, MESSAGE_STORED)->stored.in_reply_to.text, in_reply_to);
}

void expect_presence(struct client *c, const struct client *of, enum presence presence)
{
    const struct message_peer_presence *p = &expect(c, MESSAGE_PEER_PRESENCE)->peer_presence;
    assert_string_equal(p->peer_id.text, of->peer_id.text);
    assert_string_equal(presence_name(p->presence), presence_name(presence));
}

void expect_ended(struct client *c, enum wire_code code)
{
    const struct message_membership_ended *e =
        &expect(c, MESSAGE_MEMBERSHIP_ENDED)->membership_ended;
    assert_string_equal(e->syncshell_id.text, "shell");
    assert_string_equal(wire_code_name(e->code), wire_code_name(code));
}

void expect_undeliverable(struct client *c, const char *in_reply_to, enum wire_code code)
{
    const struct message_undeliverable *u = &expect(c, MESSAGE_UNDELIVERABLE)->undeliverable;
    assert_string_equal(u->in_reply_to.text, in_reply_to);
    assert_string_equal(wire_code_name(u->code), wire_code_name(code));
}

void expect_held(struct client *c, const char *in_reply_to, uint32_t held_for_ms)
{
    const struct message_held *h = &expect(c, MESSAGE_HELD)->held;
    assert_string_equal(h->in_reply_to.text, in_reply_to);
    assert_int_equal(h->held_for_ms, held_for_ms);
}

void expect_routed(struct client *c, enum message_type type, const char *message_id)
{
    assert_string_equal(expect(c, type)->routed.message_id.text, message_id);
}

void expect_delivery(struct client *c, uint64_t seq, const char *message_id)
{
    const struct message *m = expect(c, MESSAGE_INBOX_DELIVERY);
    struct message inner;
    struct message_refusal refusal;
    assert_int_equal(m->inbox_delivery.inbox_seq, seq);
    assert_int_equal(message_decode(&inner, &refusal, false, true, m->body, m->body_size,
                                    &message_limits_to_client),
                     0);
    assert_string_equal(inner.routed.message_id.text, message_id);
    message_deinit(&inner);
}

void expect_nothing(struct client *c)
{
    if (hear(c))
        fail_msg("expected nothing, heard %.*s", (int)c->current_frame->size,
                 (const char *)c->current_frame->data);
}

void expect_closed(struct client *c, uint16_t close_code)
{
    assert_int_equal(c->close_code, close_code);
}

void forget(struct client *c)
{
    drop_current(c);
    for (struct list_node *n = list_first(&c->heard); n; n = list_first(&c->heard)) {
        struct heard *h = container_of(n, struct heard, node);
        list_unlink(n);
        frame_unref(h->frame);
        free(h);
    }
}
