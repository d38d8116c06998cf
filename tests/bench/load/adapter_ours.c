/* syncshell.v1 as schema/README.md describes it, with real keys: every endpoint authenticates, and joins a group with a proof
 * of its key; pairs have open recovery sessions. Offers are answered, candidates follow an answered offer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/die.h"
#include "bench/load/load.h"
#include "bench/load/signing.h"
#include "bench/load/text.h"

enum {
    CANDIDATES_MAX = 64, /* that the relay takes from each side of an attempt */
    CHECKPOINT_EVERY = 8000,
    ID_SIZE = 65,
    HEADER_MAX = 1024
};

/* A recovery session of a pair, kept by its first endpoint, which is the joiner. */
struct lane {
    uint64_t generation;
    bool answered;
    size_t candidates[2]; /* of the live attempt, by side */
    uint64_t version;
    uint64_t entries; /* since the last checkpoint */
};

struct group {
    char id[ID_SIZE];
    struct signing_key key;
    size_t first; /* the endpoint that creates it */
    bool created;
};

struct ours {
    struct signing_key key;
    char peer_id[ID_SIZE];
    char relay_id[ID_SIZE];
    char nonce[ID_SIZE];
    bool welcome;
    bool joined;
    struct lane *lanes; /* of the pair's first endpoint */
    size_t n_opened;
    uint64_t sent;
};

struct shared {
    char origin[64];
    struct group *groups;
    size_t n_groups;
};

static struct ours *state_of(const struct endpoint *e)
{
    return e->state;
}

static struct group *group_of(const struct endpoint *e)
{
    const struct shared *s = e->load->shared;
    size_t pairs = e->load->n_pairs;
    if (endpoint_in_pair(e))
        return &s->groups[e->index / 2];
    size_t idle = e->index - 2 * pairs;
    return &s->groups[e->load->options.company ? idle % pairs
                                               : pairs + idle / e->load->options.members];
}

static struct lane *lane_of(const struct endpoint *e, size_t lane)
{
    return &state_of(&e->load->endpoints[e->index & ~(size_t)1])->lanes[lane];
}

static void prepare(struct load *load)
{
    const struct options *o = &load->options;
    struct shared *s = calloc(1, sizeof *s);
    if (!s)
        die("no memory");
    load->shared = s;
    snprintf(s->origin, sizeof s->origin, "%s://127.0.0.1:%u", o->tls ? "wss" : "ws", o->port);
    s->n_groups = load->n_pairs;
    if (!o->company)
        s->n_groups += (o->idle + o->members - 1) / o->members;
    else if (load->n_pairs == 0)
        die("--company: of pairs");
    s->groups = calloc(s->n_groups + 1, sizeof *s->groups);
    if (!s->groups)
        die("no memory");
    for (size_t i = 0; i < s->n_groups; i++) {
        struct group *g = &s->groups[i];
        signing_key_make(&g->key);
        snprintf(g->id, sizeof g->id, "%.16s", g->key.public_text);
        g->first = i < load->n_pairs ? 2 * i : 2 * load->n_pairs + (i - load->n_pairs) * o->members;
    }
    for (size_t i = 0; i < load->n_endpoints; i++) {
        struct ours *u = load->endpoints[i].state;
        signing_key_make(&u->key);
        snprintf(u->peer_id, sizeof u->peer_id, "ed25519:%.43s", u->key.public_text);
        if (i < 2 * load->n_pairs && i % 2 == 0)
            u->lanes = calloc(load->n_lanes, sizeof *u->lanes);
    }
}

__attribute__((format(printf, 2, 3))) static void write_text(struct endpoint *e, const char *format,
                                                             ...)
{
    char text[HEADER_MAX];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ws_write(&e->link, WS_TEXT, text, (size_t)n, NULL, 0);
    link_flush(&e->link);
}

/* ---- getting ready ---- */

static void authenticate(struct endpoint *e, const char *hello, size_t size)
{
    struct ours *u = e->state;
    const struct shared *s = e->load->shared;
    char text[HEADER_MAX];
    char signature[SIGNATURE_TEXT + 1];
    text_value(hello, size, "relayId", u->relay_id, sizeof u->relay_id);
    text_value(hello, size, "nonce", u->nonce, sizeof u->nonce);
    snprintf(text, sizeof text, "syncshell.v1 authenticate\n%s\n%s\n%s\n%s", s->origin, u->relay_id,
             u->nonce, u->peer_id);
    signing_sign(&u->key, text, signature);
    write_text(
        e,
        "{\"type\":\"Authenticate\",\"messageId\":\"auth\",\"protocolVersion\":1,\"peerId\":\"%s\","
        "\"origin\":\"%s\",\"signature\":\"%s\"}",
        u->peer_id, s->origin, signature);
}

static void create(struct endpoint *e)
{
    const struct ours *u = e->state;
    const struct group *g = group_of(e);
    char text[HEADER_MAX];
    char proof[SIGNATURE_TEXT + 1];
    snprintf(text, sizeof text, "syncshell.v1 create\n%s\n%s\n%s\n%s\n%.43s", u->relay_id, u->nonce,
             g->id, u->peer_id, g->key.public_text);
    signing_sign(&g->key, text, proof);
    write_text(e,
               "{\"type\":\"CreateSyncshell\",\"messageId\":\"create\",\"syncshellId\":\"%s\","
               "\"groupPublicKey\":\"%.43s\",\"proof\":\"%s\"}",
               g->id, g->key.public_text, proof);
}

static void join(struct endpoint *e)
{
    const struct ours *u = e->state;
    const struct group *g = group_of(e);
    char text[HEADER_MAX];
    char proof[SIGNATURE_TEXT + 1];
    snprintf(text, sizeof text, "syncshell.v1 join\n%s\n%s\n%s\n%s\n1", u->relay_id, u->nonce,
             g->id, u->peer_id);
    signing_sign(&g->key, text, proof);
    write_text(
        e,
        "{\"type\":\"JoinSyncshell\",\"messageId\":\"join\",\"syncshellId\":\"%s\",\"keyEpoch\":1,"
        "\"proof\":\"%s\"}",
        g->id, proof);
}

static void on_welcome(struct endpoint *e)
{
    const struct group *g = group_of(e);
    state_of(e)->welcome = true;
    if (g->created)
        join(e);
    else if (e->index == g->first)
        create(e);
}

static void on_created(struct endpoint *e)
{
    struct group *g = group_of(e);
    g->created = true;
    for (size_t i = 0; i < e->load->n_dialled; i++) {
        struct endpoint *member = &e->load->endpoints[i];
        if (group_of(member) == g && state_of(member)->welcome)
            join(member);
    }
}

static void open_session(struct endpoint *e)
{
    struct ours *u = e->state;
    write_text(e,
               "{\"type\":\"SessionOpen\",\"messageId\":\"open\",\"syncshellId\":\"%s\","
               "\"recoverySessionId\":\"s%zu\",\"joinerPeerId\":\"%s\",\"providerPeerId\":\"%s\"}",
               group_of(e)->id, u->n_opened, u->peer_id, state_of(endpoint_partner(e))->peer_id);
}

static void on_joined(struct endpoint *e)
{
    state_of(e)->joined = true;
    if (!endpoint_in_pair(e)) {
        endpoint_ready(e);
        return;
    }
    struct endpoint *first = e->index % 2 == 0 ? e : endpoint_partner(e);
    if (state_of(endpoint_partner(e))->joined)
        open_session(first);
}

static void on_opened(struct endpoint *e)
{
    struct ours *u = e->state;
    u->lanes[u->n_opened++].version = 1;
    if (u->n_opened < e->load->n_lanes) {
        open_session(e);
        return;
    }
    endpoint_ready(e);
    endpoint_ready(endpoint_partner(e));
}

static void on_stored(struct endpoint *e, const char *header, size_t size)
{
    char reply[ID_SIZE];
    text_value(header, size, "inReplyTo", reply, sizeof reply);
    if (strcmp(reply, "create") == 0)
        on_created(e);
    else if (strcmp(reply, "open") == 0)
        on_opened(e);
    else if (strcmp(reply, "ack") != 0)
        endpoint_stored(e, strtoul(reply + 1, NULL, 10));
}

/* The youngest stay unacknowledged. */
static void on_delivery(struct endpoint *e, const char *header, size_t size)
{
    uint64_t seq = text_number(header, size, "inboxSeq");
    if (seq > e->load->options.inbox)
        write_text(e,
                   "{\"type\":\"AckInbox\",\"messageId\":\"ack\",\"syncshellId\":\"%s\","
                   "\"inboxSeq\":%lu}",
                   group_of(e)->id, seq - e->load->options.inbox);
}

static void received(struct endpoint *e, enum ws_opcode opcode, const char *data, size_t size)
{
    const size_t prefix = strlen("{\"type\":\"");
    const char *type = data + prefix;
    size_t rest = size - prefix;
    if (size < 16 || memcmp(data, "{\"type\":\"", prefix) != 0)
        text_unexpected(data, size);
    if (text_starts(type, rest, "ReconnectOffer\"") ||
        text_starts(type, rest, "ReconnectAnswer\"") || text_starts(type, rest, "IceCandidate\""))
        endpoint_routed(e);
    else if (text_starts(type, rest, "Stored\""))
        on_stored(e, data, size);
    else if (text_starts(type, rest, "InboxDelivery\""))
        on_delivery(e, data, size);
    else if (text_starts(type, rest, "Hello\""))
        authenticate(e, data, size);
    else if (text_starts(type, rest, "Welcome\""))
        on_welcome(e);
    else if (text_starts(type, rest, "SyncshellJoined\""))
        on_joined(e);
    else if (!text_starts(type, rest, "PeerPresence\"") &&
             !text_starts(type, rest, "SessionChanged\""))
        text_unexpected(data, size);
}

/* The groups stay: whoever comes back joins what it knows. */
static void closed(struct endpoint *e)
{
    struct ours *u = e->state;
    u->welcome = u->joined = false;
    u->n_opened = 0;
}

/* ---- the load ---- */

static void route(struct endpoint *e, size_t lane, const char *type)
{
    struct ours *u = e->state;
    char header[HEADER_MAX];
    int n = snprintf(
        header, sizeof header,
        "{\"type\":\"%s\",\"messageId\":\"r%lu\",\"syncshellId\":\"%s\",\"sourcePeerId\":\"%s\","
        "\"targetPeerId\":\"%s\",\"recoverySessionId\":\"s%zu\",\"generation\":%lu,"
        "\"bodyFormat\":\"sealed\"}\n",
        type, u->sent++, group_of(e)->id, u->peer_id, state_of(endpoint_partner(e))->peer_id, lane,
        lane_of(e, lane)->generation);
    ws_write(&e->link, WS_BINARY, header, (size_t)n, e->load->payload, e->load->options.size);
}

static void send_offer(struct endpoint *e, size_t lane)
{
    struct lane *l = lane_of(e, lane);
    l->generation++;
    l->answered = false;
    l->candidates[0] = l->candidates[1] = 0;
    route(e, lane, "ReconnectOffer");
}

/* The first of a pair offers, the second answers; in between, where candidates are asked for, these. A new attempt begins
 * when the relay would take no more of them. */
static void send(struct endpoint *e, size_t lane)
{
    size_t side = e->index % 2;
    struct lane *l = lane_of(e, lane);
    bool candidates = e->load->options.kind == KIND_CANDIDATE;
    size_t most =
        CANDIDATES_MAX - 1; /* of the side that began, and so is the first to need a new attempt */
    if (side == 0 && (!candidates || l->generation == 0 || l->candidates[0] >= most)) {
        send_offer(e, lane);
    } else if (side == 1 && !l->answered) {
        l->answered = true;
        route(e, lane, "ReconnectAnswer");
    } else {
        l->candidates[side]++;
        route(e, lane, "IceCandidate");
    }
}

static void store_message(struct endpoint *e, size_t lane)
{
    struct ours *u = e->state;
    char header[HEADER_MAX];
    int n = snprintf(
        header, sizeof header,
        "{\"type\":\"RecoveryRequest\",\"messageId\":\"w%zu-%lu\",\"syncshellId\":\"%s\","
        "\"sourcePeerId\":\"%s\",\"targetPeerId\":\"%s\",\"recoverySessionId\":\"s%zu\","
        "\"generation\":1,\"bodyFormat\":\"sealed\"}\n",
        lane, u->sent++, group_of(e)->id, u->peer_id, state_of(endpoint_partner(e))->peer_id, lane);
    ws_write(&e->link, WS_BINARY, header, (size_t)n, e->load->payload, e->load->options.size);
}

static void store(struct endpoint *e, size_t lane)
{
    if (e->load->options.inbox > 0) {
        store_message(e, lane);
        return;
    }
    struct ours *u = e->state;
    struct lane *l = lane_of(e, lane);
    char header[HEADER_MAX];
    bool compacts = ++l->entries >= CHECKPOINT_EVERY;
    if (compacts)
        l->entries = 0;
    int n = snprintf(
        header, sizeof header,
        "{\"type\":\"%s\",\"messageId\":\"w%zu-%lu\",\"syncshellId\":\"%s\",\"recoverySessionId\":"
        "\"s%zu\",\"baseVersion\":%lu,\"bodyFormat\":\"sealed\"}\n",
        compacts ? "SessionCheckpoint" : "SessionProgress", lane, u->sent++, group_of(e)->id, lane,
        l->version++);
    ws_write(&e->link, WS_BINARY, header, (size_t)n, e->load->payload, e->load->options.size);
}

const struct adapter adapter_ours = {.name = "ours",
                                     .subprotocol = "syncshell.v1",
                                     .state_size = sizeof(struct ours),
                                     .prepare = prepare,
                                     .closed = closed,
                                     .received = received,
                                     .send = send,
                                     .store = store};
