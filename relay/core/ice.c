#include "core/ice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/connection.h"
#include "core/reply.h"
#include "core/request.h"
#include "core/session_request.h"

enum { MS_PER_SECOND = 1000 };

/* ---- the order ---- */

/* Smaller goes first: whose turn it was, what is known, and then what decides among equals. */
struct rank {
    bool had_its_turn;
    uint8_t standing; /* worked, unknown, failed */
    uint64_t position;
};

static struct rank rank_of(const struct ice_round *round, uint32_t attempt, size_t n,
                           const struct ice_outcome *outcome, size_t i)
{
    struct rank rank = {.had_its_turn = round->fronts >> i & 1};
    if (!outcome->known) {
        rank.standing = 1;
        rank.position = (i + n - (attempt - 1) % n) % n;
    } else if (outcome->worked) {
        rank.position = UINT64_MAX - outcome->at_us;
    } else {
        rank.standing = 2;
        rank.position = outcome->at_us;
    }
    return rank;
}

static bool before(const struct rank *a, const struct rank *b)
{
    if (a->had_its_turn != b->had_its_turn)
        return b->had_its_turn;
    if (a->standing != b->standing)
        return a->standing < b->standing;
    return a->position < b->position;
}

/* Which attempt of which recovery this is, as far as the numbers tell. */
static void advance(struct ice_round *round, uint32_t attempt, size_t n)
{
    uint32_t all = (UINT32_C(1) << n) - 1;
    round->fronts &= all; /* a reload may have taken some away */
    round->front &= all;
    if (attempt < round->attempt)
        *round = (struct ice_round){0};
    else if (attempt == round->attempt) /* asked again: nothing has failed since */
        round->fronts &= ~round->front;
    else if (round->fronts == all)
        round->fronts = round->front; /* all had their turn */
    round->attempt = attempt;
}

/* The places of `n` providers in the order in which to prefer them, at most ICE_PROVIDERS_MAX. */
static void ice_order(struct ice_round *round, uint32_t attempt, size_t n,
                      const struct ice_outcome *outcomes, uint8_t *ret_order)
{
    struct rank ranks[ICE_PROVIDERS_MAX];
    if (n == 0)
        return;
    advance(round, attempt, n);
    for (size_t i = 0; i < n; i++) {
        struct rank rank = rank_of(round, attempt, n, &outcomes[i], i);
        size_t at = i;
        for (; at > 0 && before(&rank, &ranks[at - 1]); at--) {
            ranks[at] = ranks[at - 1];
            ret_order[at] = ret_order[at - 1];
        }
        ranks[at] = rank;
        ret_order[at] = (uint8_t)i;
    }
    round->front = UINT32_C(1) << ret_order[0];
    round->fronts |= round->front;
}

/* ---- the answer ---- */

static size_t count_providers(const struct ice_server *const *servers)
{
    size_t n = 0;
    while (servers && servers[n])
        n++;
    return n;
}

/* As coturn's use-auth-secret wants them, after draft-uberti-behave-turn-rest: until when and for whom, and the proof. */
static int mint(struct core *core, const struct ice_server *server, const char *peer_id,
                struct message_ice_server *ret_server)
{
    int64_t expires_s = core_wall_now(core).unix_ms / MS_PER_SECOND + server->ttl_seconds;
    snprintf(ret_server->username, sizeof ret_server->username, "%" PRId64 ":%s", expires_s,
             peer_id);
    return core->host.hmac_sha1(core->host.userdata, server->secret, ret_server->username,
                                ret_server->credential);
}

static int add_provider(const struct request *r, const struct ice_server *server,
                        struct message_ice_servers *m)
{
    struct message_ice_server first = {0};
    uint32_t ttl_ms = server->ttl_seconds * MS_PER_SECOND;
    str_copy(first.username, sizeof first.username, server->username);
    str_copy(first.credential, sizeof first.credential, server->credential);
    if (*server->secret) {
        int result = mint(r->core, server, r->connection->peer_id.text, &first);
        if (result < 0)
            return result;
        if (!m->has_ttl_ms || ttl_ms < m->ttl_ms)
            m->ttl_ms = ttl_ms;
        m->has_ttl_ms = true;
    }
    for (char *const *url = server->urls; *url && m->n_servers < WIRE_ICE_SERVERS_MAX; url++) {
        str_copy(first.url, sizeof first.url, *url);
        m->servers[m->n_servers++] = first;
    }
    return 0;
}

static bool answer(const struct request *r, const uint8_t *order, size_t n)
{
    const struct core_config *config = &r->core->config;
    struct message m = {.type = MESSAGE_ICE_SERVERS};
    m.ice_servers.in_reply_to = *r->message_id;
    m.ice_servers.servers = calloc(WIRE_ICE_SERVERS_MAX, sizeof *m.ice_servers.servers);
    bool made = m.ice_servers.servers != NULL;
    for (size_t i = 0; made && i < n; i++)
        made = add_provider(r, config->ice_servers[order[i]], &m.ice_servers) == 0;
    if (made)
        reply_send(r->connection, &m);
    message_deinit(&m);
    return made;
}

void ice_request(const struct request *r)
{
    const struct message_ice_servers_request *m = &r->message->ice_servers_request;
    struct ice_outcome outcomes[ICE_PROVIDERS_MAX];
    uint8_t order[ICE_PROVIDERS_MAX];
    enum session_side side;
    struct session *session = session_participated(r, &m->recovery_session_id, false, &side);
    if (!session)
        return;
    size_t n = count_providers(r->core->config.ice_servers);
    for (size_t i = 0; i < n; i++)
        outcomes[i] = ice_networks_outcome(&r->core->ice_networks, r->core->now_us,
                                           &r->connection->address, i);
    ice_order(&session->ice[side], m->attempt, n, outcomes, order);
    if (!answer(r, order, n))
        request_refuse(r, WIRE_CODE_INTERNAL, NULL);
}

/* ---- what became of it ---- */

static bool has_url(const struct ice_server *server, const char *url)
{
    for (char *const *u = server->urls; *u; u++)
        if (str_equal(*u, url))
            return true;
    return false;
}

void ice_reported(struct connection *c, const struct message_connection_report *report)
{
    struct core *core = c->core;
    size_t n = count_providers(core->config.ice_servers);
    bool worked = report->result == REPORT_RESULT_CONNECTED;
    for (size_t i = 0; *report->ice_server && i < n; i++) {
        if (!has_url(core->config.ice_servers[i], report->ice_server))
            continue;
        ice_networks_note(&core->ice_networks, core->now_us, &c->address, i, worked);
        (worked ? core->ice_worked : core->ice_failed)[i]++;
    }
}

void ice_move_counts(struct core *core, const struct ice_server *const *servers)
{
    const struct ice_server *const *former = core->config.ice_servers;
    uint64_t worked[ICE_PROVIDERS_MAX] = {0}, failed[ICE_PROVIDERS_MAX] = {0};
    size_t n = count_providers(servers), n_former = count_providers(former);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n_former; j++) {
            if (!str_equal(servers[i]->urls[0], former[j]->urls[0]))
                continue;
            worked[i] = core->ice_worked[j];
            failed[i] = core->ice_failed[j];
        }
    }
    memcpy(core->ice_worked, worked, sizeof worked);
    memcpy(core->ice_failed, failed, sizeof failed);
}
