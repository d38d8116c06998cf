/* Memory runs out once while somebody reports, asks for ICE servers, hands a session over, or orders what only an owner may.
 *
 * Whoever is refused or cut off does what a client does: it comes back and says the same again. The second time it is stored,
 * and in the end everything is as if nothing had happened: done, and done once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "failmalloc.h"
#include "shortage.h"
#include "wire/recovery_code.h"
#include "world.h"

#define CODE       "7YXW4KQ01N8DPZ3MB"
#define ACCESS_KEY "syncshell-key.good.secret"

static char *urls[] = {(char[]){"turn:a.example"}, (char[]){"turns:a.example:443"}, NULL};
static const struct ice_server minting = {.urls = urls,
                                          .username = (char[]){""},
                                          .credential = (char[]){""},
                                          .secret = (char[]){"north"},
                                          .ttl_seconds = 600};
static const struct ice_server fixed = {.urls = urls,
                                        .username = (char[]){"guild"},
                                        .credential = (char[]){"pass"},
                                        .secret = (char[]){""}};
static const struct ice_server *const servers[] = {&minting, &fixed, NULL};

enum { PEERS = 4, TRIES = 3 };

static struct client *peer(struct world *w, unsigned n)
{
    return client_at(w, n);
}

/* --- until it is done ---------------------------------------------------------------------------------------------- */

static void introduce(struct client *c)
{
    struct message m;
    make_authenticate(c, &m);
    str_copy(m.authenticate.access_key, sizeof m.authenticate.access_key, ACCESS_KEY);
    say(c, &m);
}

static bool joins(struct client *c)
{
    if (c->connection)
        say_join(c, "shell");
    for (const struct message *m = hear(c); m; m = hear(c))
        if (m->type == MESSAGE_SYNCSHELL_JOINED)
            return true;
    return false;
}

static bool connects(struct client *c)
{
    client_disconnect(c);
    forget(c);
    if (client_try_connect(c) != 0)
        return false;
    const struct message *m = hear(c);
    if (!m || m->type != MESSAGE_HELLO)
        return false;
    c->nonce = m->hello.nonce;
    introduce(c);
    for (m = hear(c); m; m = hear(c))
        if (m->type == MESSAGE_WELCOME)
            return true;
    return false;
}

/* While the key is being rotated nobody knows which one is right, and either may be tried. */
static bool rotating;

static void use_key(struct world *w, bool next)
{
    w->key = next ? next_group_key : group_key;
    w->key_epoch = next ? 2 : 1;
}

static void come(struct client *c, bool join)
{
    for (unsigned i = 0; i < 2 * TRIES; i++) {
        if (rotating)
            use_key(c->world, i % 2 == 1);
        if (connects(c) && (!join || joins(c)))
            return;
    }
    fail_msg("it does not come back: call %u, allocation %u", shortage.call,
             (unsigned)shortage.n_good);
}

/* Whether it was answered with that. */
static bool answered(struct client *c, const char *id, enum message_type type)
{
    bool found = false;
    for (const struct message *m = hear(c); m; m = hear(c))
        found = found ||
                (m->type == type && type == MESSAGE_STORED &&
                 str_equal(m->stored.in_reply_to.text, id)) ||
                (m->type == type && type == MESSAGE_ICE_SERVERS &&
                 str_equal(m->ice_servers.in_reply_to.text, id));
    return found;
}

/* Says it again, as the same message, for as long as it is not answered. An owner's order is signed for the connection, so
 * it is made anew. */
static void insist(struct client *c, const struct message *what, enum message_type answer)
{
    struct message m = *what;
    for (unsigned i = 0; i < TRIES; i++) {
        char id[WIRE_ID_MAX + 1] = "";
        if (!c->connection)
            come(c, true);
        str_copy(id, sizeof id, say(c, &m));
        if (answered(c, id, answer))
            return;
    }
    fail_msg("%s is not answered", message_type_name(what->type));
}

static void order(struct client *owner, enum message_type type, uint64_t sequence,
                  const struct client *subject)
{
    for (unsigned i = 0; i < TRIES; i++) {
        struct message m;
        char id[WIRE_ID_MAX + 1] = "";
        if (!owner->connection)
            come(owner, true);
        make_owner(owner, type, sequence, subject, &m);
        str_copy(id, sizeof id, say(owner, &m));
        if (answered(owner, id, MESSAGE_STORED))
            return;
    }
    fail_msg("%s is not answered", message_type_name(type));
}

/* --- what is said -------------------------------------------------------------------------------------------------- */

static void create(struct world *w)
{
    struct client *a = peer(w, 0);
    for (unsigned i = 0; i < TRIES; i++) {
        char id[WIRE_ID_MAX + 1] = "";
        if (!a->connection)
            come(a, false);
        str_copy(id, sizeof id, say_create(a, "shell"));
        if (answered(a, id, MESSAGE_STORED))
            return;
    }
    fail_msg("it is not created");
}

static struct message on_session(enum message_type type)
{
    struct message m = {.type = type};
    struct wire_id shell;
    struct wire_id session;
    wire_id_set(&shell, "shell");
    wire_id_set(&session, "session");
    if (type == MESSAGE_CONNECTION_REPORT) {
        m.connection_report.syncshell_id = shell;
        m.connection_report.recovery_session_id = session;
        m.connection_report.generation = m.connection_report.attempt = 1;
    } else if (type == MESSAGE_ICE_SERVERS_REQUEST) {
        m.ice_servers_request.syncshell_id = shell;
        m.ice_servers_request.recovery_session_id = session;
        m.ice_servers_request.attempt = 1;
    } else {
        m.issue_recovery_code.syncshell_id = shell;
        m.issue_recovery_code.recovery_session_id = session;
    }
    return m;
}

static void report(struct client *c, const char *cause)
{
    struct message m = on_session(MESSAGE_CONNECTION_REPORT);
    m.connection_report.result = *cause ? REPORT_RESULT_FAILED : REPORT_RESULT_CONNECTED;
    str_copy(m.connection_report.cause.text, sizeof m.connection_report.cause.text, cause);
    str_copy(m.connection_report.ice_server, sizeof m.connection_report.ice_server,
             "turn:a.example");
    insist(c, &m, MESSAGE_STORED);
}

static void hand_over(struct world *w)
{
    struct message m = on_session(MESSAGE_ISSUE_RECOVERY_CODE);
    struct buf text = BUF_INIT(RECOVERY_CODE_HASHED_MAX);
    assert_int_equal(recovery_code_hashed(&text, "shell", CODE), 0);
    assert_int_equal(w->host.sha256(w->host.userdata, text.data, text.size,
                                    m.issue_recovery_code.code_sha256.text),
                     0);
    buf_deinit(&text);
    insist(peer(w, 0), &m, MESSAGE_STORED);
    m = (struct message){.type = MESSAGE_REDEEM_RECOVERY_CODE};
    wire_id_set(&m.redeem_recovery_code.syncshell_id, "shell");
    str_copy(m.redeem_recovery_code.code.text, sizeof m.redeem_recovery_code.code.text, CODE);
    insist(peer(w, 2), &m, MESSAGE_STORED);
}

static void open_session(struct world *w)
{
    struct message m = {.type = MESSAGE_SESSION_OPEN};
    wire_id_set(&m.session_open.syncshell_id, "shell");
    wire_id_set(&m.session_open.recovery_session_id, "session");
    m.session_open.joiner_peer_id = peer(w, 0)->peer_id;
    m.session_open.provider_peer_id = peer(w, 1)->peer_id;
    insist(peer(w, 0), &m, MESSAGE_STORED);
}

static void offer(struct client *from, struct client *to, uint64_t generation)
{
    if (from->connection)
        say_routed(from, to, MESSAGE_RECONNECT_OFFER, "session", generation);
}

static void converse(struct world *w)
{
    for (unsigned i = 0; i < PEERS; i++) {
        if (i == 0)
            create(w);
        come(peer(w, i), true);
    }
    open_session(w);
    struct message ice = on_session(MESSAGE_ICE_SERVERS_REQUEST);
    insist(peer(w, 0), &ice, MESSAGE_ICE_SERVERS);
    offer(peer(w, 0), peer(w, 1), 1);
    report(peer(w, 0), "turn_unreachable");
    report(peer(w, 1), "attempt_timeout");
    offer(peer(w, 0), peer(w, 1), 2);
    report(peer(w, 0), "");
    hand_over(w);
    order(peer(w, 0), MESSAGE_REMOVE_MEMBER, 1, peer(w, 3));
    order(peer(w, 0), MESSAGE_TRANSFER_OWNERSHIP, 2, peer(w, 1));
    rotating = true;
    order(peer(w, 1), MESSAGE_ROTATE_GROUP_KEY, 3, NULL);
    rotating = false;
    use_key(w, true);
}

/* --- what must be true then ---------------------------------------------------------------------------------------- */

/* Every answered order has been carried out, once: a client finds the relay in the state that it was told. */
static void expect_done(struct world *w)
{
    struct client *device = peer(w, 2);
    for (unsigned i = 0; i < PEERS; i++) {
        client_disconnect(peer(w, i));
        forget(peer(w, i));
    }
    client_connect(device);
    introduce(device);
    expect(device, MESSAGE_WELCOME);
    say_join(device, "shell");
    const struct message_syncshell_joined *joined =
        &expect(device, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined;
    assert_int_equal(joined->n_members, PEERS - 1);
    assert_int_equal(joined->key_epoch, 2);
    assert_int_equal(joined->owner_sequence, 3);
    assert_string_equal(joined->owner_peer_id.text, peer(w, 1)->peer_id.text);
    assert_int_equal(joined->n_sessions, 1);
    assert_string_equal(joined->sessions[0].joiner_peer_id.text, device->peer_id.text);
    assert_false(fake_store_is_member(w->store, "shell", peer(w, 3)->peer_id.text));
    come(peer(w, 1), true);
    order(peer(w, 1), MESSAGE_DELETE_SYNCSHELL, 4, NULL);
}

static bool run(unsigned call, size_t n_good, bool for_good)
{
    struct world *w = malloc(sizeof *w);
    assert_non_null(w);
    world_init(w);
    w->config.create_policy = CORE_CREATE_ACCESS_KEY;
    w->config.ice_servers = servers;
    world_start(w);
    shortage_begin(w, call, n_good, for_good);
    converse(w);
    bool hit = shortage.hit;
    shortage_end(w);
    expect_done(w);
    world_end(w);
    free(w);
    return hit;
}

static void sweep(bool for_good)
{
    unsigned n_faults = 0;
    run(UINT32_MAX, 0, false);
    unsigned n_calls = shortage.n_calls;
    for (unsigned call = 0; call < n_calls; call++)
        for (size_t n_good = 0; run(call, n_good, for_good); n_good++)
            n_faults++;
    assert_true(n_faults > 500);
}

static void p2_an_order_is_carried_out_once_when_one_allocation_fails(void **state)
{
    (void)state;
    sweep(false);
}

static void p2_an_order_is_carried_out_once_when_memory_is_out(void **state)
{
    (void)state;
    sweep(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p2_an_order_is_carried_out_once_when_one_allocation_fails),
        cmocka_unit_test(p2_an_order_is_carried_out_once_when_memory_is_out),
    };
    failmalloc_watch_jansson();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
