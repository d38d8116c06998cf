/* The application's commands: checked, turned into state, and left to the pumps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/attempt.h"
#include "client/engine_state.h"
#include "client/group_key.h"
#include "client/handover.h"
#include "client/link.h"
#include "client/notify.h"
#include "client/owner.h"
#include "client/pin.h"
#include "client/progress.h"
#include "client/record.h"
#include "client/recovery.h"
#include "client/session.h"
#include "client/syncshell.h"

enum { SYNCSHELL_ID_BYTES = 8, SESSION_ID_BYTES = 16 };

static int finish(struct engine *e)
{
    engine_settle(e);
    return e->stopped ? -ENOMEM : 0;
}

static int refuse(struct engine *e, uint64_t ticket, const char *code, const char *text,
                  const char *syncshell_id, const char *session_id)
{
    notify_failed(e, ticket, code, text, false, syncshell_id, session_id);
    return finish(e);
}

static const char *code_of(int result)
{
    return result == ENGINE_E_FULL ? CODE_LIBRARY_FULL : CODE_BAD_ARGUMENT;
}

static void add_syncshell(struct engine *e, uint64_t ticket, const struct wire_id *id,
                          const char *secret, uint64_t key_epoch, const struct wire_peer_id *owner,
                          enum syncshell_state state)
{
    struct syncshell *y;
    int r = syncshell_new(e, id, secret, key_epoch, owner, state, &y);
    engine_check(e, r < 0 ? r : 0);
    if (r > 0)
        notify_failed(e, ticket, code_of(r), "the syncshell could not be added", false, id->text,
                      NULL);
    if (r != 0)
        return;
    y->ticket = ticket;
    record_put_syncshell(y);
}

int engine_create_syncshell(struct engine *e, uint64_t now_us, uint64_t ticket)
{
    struct wire_id id;
    struct wire_key secret;
    engine_enter(e, now_us);
    if (!*e->relay_url)
        return refuse(e, ticket, CODE_NO_RELAY, "no relay is known: give its URL", NULL, NULL);
    int r = e->crypto.secret_new(e->crypto.userdata, &secret);
    engine_check(e, r < 0 ? r : 0);
    if (r == 0 && engine_random_id(e, SYNCSHELL_ID_BYTES, &id) == 0)
        add_syncshell(e, ticket, &id, secret.text, 1, &e->config.peer_id, SYNCSHELL_CREATING);
    return finish(e);
}

int engine_create_syncshell_with(struct engine *e, uint64_t now_us, uint64_t ticket,
                                 const struct wire_id *id, const struct wire_key *secret)
{
    engine_enter(e, now_us);
    if (!*e->relay_url)
        return refuse(e, ticket, CODE_NO_RELAY, "no relay is known: give its URL", NULL, NULL);
    add_syncshell(e, ticket, id, secret->text, 1, &e->config.peer_id, SYNCSHELL_CREATING);
    return finish(e);
}

/* Known already: joined again, in whatever state it is. */
static int join_again(struct engine *e, uint64_t ticket, struct syncshell *y)
{
    struct syncshell_event *event = notify_new(e, SYNCSHELL_EVENT_SYNCSHELL_JOINED, ticket);
    if (y->state == SYNCSHELL_LEAVING) {
        event_free(event);
        return refuse(e, ticket, CODE_BUSY, "it is being left", y->id.text, NULL);
    }
    if (!y->joined) {
        event_free(event);
        syncshell_command(y, ticket);
        return finish(e);
    }
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, y->id.text);
    notify_text(event, SYNCSHELL_FIELD_OWNER_PEER_ID, y->owner.text);
    notify_integer(event, SYNCSHELL_FIELD_RECOVERED, 1);
    notify_send(e, event);
    return finish(e);
}

/* Known, with another secret: the key was rotated since, or since the invite was made. */
static int join_with_key(struct engine *e, uint64_t ticket, struct syncshell *y,
                         const struct invite *invite)
{
    uint64_t epoch = invite_key_epoch(invite);
    struct group_key *key;
    if (epoch < y->key->epoch)
        return refuse(e, ticket, wire_code_name(WIRE_CODE_WRONG_KEY_EPOCH),
                      "the invite is from before the key was rotated: ask the owner for a new one",
                      y->id.text, NULL);
    if (epoch == y->key->epoch)
        return refuse(e, ticket, CODE_BAD_ARGUMENT, "the invite does not fit the syncshell",
                      y->id.text, NULL);
    if (y->state == SYNCSHELL_LEAVING || y->n_operations > 0)
        return refuse(e, ticket, CODE_BUSY, "another command about it is under way", y->id.text,
                      NULL);
    int r = group_key_new(e, &y->id, invite->secret.text, epoch, &key);
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    if (r == 0) {
        syncshell_command(y, ticket);
        group_key_propose(y, key, true);
        y->pause_us = 0; /* it was for the key before */
    }
    return finish(e);
}

int engine_join(struct engine *e, uint64_t now_us, uint64_t ticket, const struct invite *invite)
{
    char ours[WIRE_ORIGIN_MAX + 1], theirs[WIRE_ORIGIN_MAX + 1];
    engine_enter(e, now_us);
    if (link_origin(invite->relay_url, theirs, sizeof theirs) != 0)
        return refuse(e, ticket, CODE_BAD_ARGUMENT, "the invite's relay is not ws:// or wss://",
                      NULL, NULL);
    struct syncshell *known = engine_find_syncshell(e, invite->syncshell_id.text);
    bool member = known && str_equal(known->key->secret.text, invite->secret.text);
    if (!pin_fits(e, invite, member))
        return refuse(e, ticket, CODE_WRONG_CERTIFICATE_PIN,
                      "the invite is for a relay with another key than ours has",
                      invite->syncshell_id.text, NULL);
    pin_take(e, invite, member);
    if (member)
        return join_again(e, ticket, known);
    if (known && known->state >= SYNCSHELL_MEMBER)
        return join_with_key(e, ticket, known, invite);
    if (!*e->relay_url) {
        engine_check(
            e, str_copy(e->relay_url, sizeof e->relay_url, invite->relay_url) == 0 ? 0 : -EINVAL);
        record_put_client(e);
    } else if (e->syncshells.n_entries > 0 &&
               (link_origin(e->relay_url, ours, sizeof ours) != 0 || !str_equal(ours, theirs))) {
        return refuse(e, ticket, "other_relay",
                      "the invite is for another relay than this client's", NULL, NULL);
    }
    add_syncshell(e, ticket, &invite->syncshell_id, invite->secret.text, invite_key_epoch(invite),
                  &invite->owner_peer_id, SYNCSHELL_JOINING);
    return finish(e);
}

int engine_leave(struct engine *e, uint64_t now_us, uint64_t ticket, const char *syncshell_id)
{
    engine_enter(e, now_us);
    struct syncshell *y = engine_find_syncshell(e, syncshell_id);
    if (!y)
        return refuse(e, ticket, wire_code_name(WIRE_CODE_UNKNOWN_SYNCSHELL), "no such syncshell",
                      syncshell_id, NULL);
    syncshell_command(y, ticket);
    y->state = SYNCSHELL_LEAVING;
    record_put_syncshell(y);
    return finish(e);
}

static const char *owner_fault(const struct engine *e, const struct syncshell *y,
                               enum message_type type, const char *peer_id,
                               struct wire_peer_id *ret_peer)
{
    bool self = peer_id && str_equal(peer_id, e->config.peer_id.text);
    if (!y)
        return wire_code_name(WIRE_CODE_UNKNOWN_SYNCSHELL);
    if (!str_equal(y->owner.text, e->config.peer_id.text))
        return wire_code_name(WIRE_CODE_NOT_OWNER);
    if (self && type == MESSAGE_REMOVE_MEMBER)
        return wire_code_name(WIRE_CODE_OWNER_CANNOT_LEAVE);
    if (self || (peer_id && wire_peer_id_set(ret_peer, peer_id) != 0))
        return CODE_BAD_ARGUMENT;
    return y->state == SYNCSHELL_LEAVING || y->next_key_invited ? CODE_BUSY : NULL;
}

int engine_owner_operation(struct engine *e, uint64_t now_us, uint64_t ticket,
                           const char *syncshell_id, enum message_type type, const char *peer_id)
{
    struct wire_peer_id peer = {.text = ""};
    engine_enter(e, now_us);
    struct syncshell *y = engine_find_syncshell(e, syncshell_id);
    const char *fault = owner_fault(e, y, type, peer_id, &peer);
    if (fault)
        return refuse(e, ticket, fault, "the owner's operation was refused", syncshell_id, NULL);
    int r = owner_add(y, type, &peer, 0, ticket);
    engine_check(e, r < 0 ? r : 0);
    if (r > 0)
        return refuse(e, ticket, CODE_LIBRARY_FULL, "too many operations wait", syncshell_id, NULL);
    if (r == 0)
        record_put_syncshell(y);
    return finish(e);
}

int engine_redeem_code(struct engine *e, uint64_t now_us, uint64_t ticket, const char *syncshell_id,
                       const struct recovery_code *code)
{
    engine_enter(e, now_us);
    struct syncshell *y = engine_find_syncshell(e, syncshell_id);
    if (!y)
        return refuse(e, ticket, wire_code_name(WIRE_CODE_UNKNOWN_SYNCSHELL), "no such syncshell",
                      syncshell_id, NULL);
    handover_redeem(y, ticket, code);
    return finish(e);
}

int engine_network_changed(struct engine *e, uint64_t now_us)
{
    engine_enter(e, now_us);
    link_now(e);
    for (struct map_node *n = map_next(&e->sessions, NULL); n; n = map_next(&e->sessions, n))
        attempt_now(container_of(n, struct session, node));
    return finish(e);
}

/* ---- sessions ---- */

static const char *open_fault(struct engine *e, const struct syncshell *y, const char *other,
                              const char *session_id)
{
    struct wire_peer_id peer;
    struct wire_id id;
    if (!y)
        return wire_code_name(WIRE_CODE_UNKNOWN_SYNCSHELL);
    if (wire_peer_id_set(&peer, other) != 0 || str_equal(other, e->config.peer_id.text))
        return CODE_BAD_ARGUMENT;
    if (session_id && wire_id_set(&id, session_id) != 0)
        return CODE_BAD_ARGUMENT;
    return session_id && engine_find_session(e, session_id)
               ? wire_code_name(WIRE_CODE_SESSION_EXISTS)
               : NULL;
}

int engine_session_open(struct engine *e, uint64_t now_us, uint64_t ticket,
                        const char *syncshell_id, const char *other_peer_id, bool as_joiner,
                        const char *session_id, const char *label)
{
    struct wire_peer_id other;
    struct wire_id id;
    struct session *s;
    engine_enter(e, now_us);
    struct syncshell *y = engine_find_syncshell(e, syncshell_id);
    const char *fault = open_fault(e, y, other_peer_id, session_id);
    if (fault)
        return refuse(e, ticket, fault, "the session could not be opened", syncshell_id,
                      session_id);
    wire_peer_id_set(&other, other_peer_id);
    if (session_id)
        wire_id_set(&id, session_id);
    else if (engine_random_id(e, SESSION_ID_BYTES, &id) != 0)
        return finish(e);
    int r = session_new(y, &id, &other, as_joiner, label, &s);
    engine_check(e, r < 0 ? r : 0);
    if (r > 0)
        return refuse(e, ticket, code_of(r), "the session could not be opened", syncshell_id,
                      id.text);
    if (r == 0) {
        s->ticket = ticket;
        session_begin_episode(s);
        record_put_session(s);
    }
    return finish(e);
}

/* The session of a command; NULL after the refusal was told. */
static struct session *session_for(struct engine *e, uint64_t now_us, uint64_t ticket,
                                   const char *session_id)
{
    engine_enter(e, now_us);
    struct session *s = engine_find_session(e, session_id);
    if (!s)
        notify_failed(e, ticket, wire_code_name(WIRE_CODE_UNKNOWN_SESSION), "no such session",
                      false, NULL, session_id);
    return s;
}

int engine_session_set_manifest(struct engine *e, uint64_t now_us, uint64_t ticket,
                                const char *session_id, struct body_file_list *takes_files)
{
    struct session *s = session_for(e, now_us, ticket, session_id);
    if (s)
        recovery_set_manifest(s, ticket, takes_files);
    body_file_list_deinit(takes_files);
    return finish(e);
}

int engine_session_report(struct engine *e, uint64_t now_us, uint64_t ticket,
                          const char *session_id, struct body_file_list *takes_files)
{
    struct session *s = session_for(e, now_us, ticket, session_id);
    if (s)
        progress_report(s, ticket, takes_files);
    body_file_list_deinit(takes_files);
    return finish(e);
}

int engine_session_offer(struct engine *e, uint64_t now_us, uint64_t ticket, const char *session_id,
                         uint64_t generation, const char *sdp)
{
    struct session *s = session_for(e, now_us, ticket, session_id);
    if (s)
        attempt_offer(s, ticket, generation, sdp);
    return finish(e);
}

int engine_session_answer(struct engine *e, uint64_t now_us, uint64_t ticket,
                          const char *session_id, uint64_t generation, const char *sdp)
{
    struct session *s = session_for(e, now_us, ticket, session_id);
    if (s)
        attempt_answer(s, ticket, generation, sdp);
    return finish(e);
}

int engine_session_candidate(struct engine *e, uint64_t now_us, uint64_t ticket,
                             const char *session_id, uint64_t generation, const char *candidate,
                             const char *sdp_mid, int32_t sdp_mline_index)
{
    struct session *s = session_for(e, now_us, ticket, session_id);
    if (s)
        attempt_candidate(s, ticket, generation, candidate, sdp_mid, sdp_mline_index);
    return finish(e);
}

int engine_session_link(struct engine *e, uint64_t now_us, uint64_t ticket, const char *session_id,
                        uint64_t generation, const struct engine_link *link)
{
    struct session *s = session_for(e, now_us, ticket, session_id);
    if (s && (link->state < SYNCSHELL_LINK_UP || link->state > SYNCSHELL_LINK_FAILED))
        notify_failed(e, ticket, CODE_BAD_ARGUMENT, "no such state of a link", false, NULL,
                      session_id);
    else if (s)
        attempt_link(s, ticket, generation, link);
    return finish(e);
}

int engine_session_request_recovery(struct engine *e, uint64_t now_us, uint64_t ticket,
                                    const char *session_id)
{
    struct session *s = session_for(e, now_us, ticket, session_id);
    if (s && s->joiner)
        recovery_ask(s, ticket);
    else if (s)
        notify_failed(e, ticket, CODE_WRONG_ROLE, "only the joiner asks", false, NULL, session_id);
    return finish(e);
}

int engine_session_issue_code(struct engine *e, uint64_t now_us, uint64_t ticket,
                              const char *session_id)
{
    struct session *s = session_for(e, now_us, ticket, session_id);
    if (s)
        handover_issue(s, ticket);
    return finish(e);
}

int engine_session_close(struct engine *e, uint64_t now_us, uint64_t ticket, const char *session_id,
                         int32_t outcome)
{
    struct session *s = session_for(e, now_us, ticket, session_id);
    bool known = outcome >= SYNCSHELL_OUTCOME_COMPLETED && outcome <= SYNCSHELL_OUTCOME_CANCELLED;
    if (s && known)
        session_close(s, ticket, (enum session_outcome)outcome);
    else if (s)
        notify_failed(e, ticket, CODE_BAD_ARGUMENT, "no such outcome", false, NULL, session_id);
    return finish(e);
}
