/* The public functions that ask for something: they check it, copy it into a command and queue it. */
#include "transport/client.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "client/engine.h"
#include "transport/command.h"
#include "transport/invite_text.h"
#include "transport/io_thread.h"
#include "transport/relay_url.h"
#include "wire/body.h"

enum {
    LABEL_MAX_BYTES = 200,
    SDP_MID_MAX_BYTES = 256,
    MLINE_INDEX_MAX = 65535,
    FILE_STRUCT_MAX_BYTES = 4096, /* of a later version's syncshell_file */
};

/* ---- queueing ---- */

int32_t client_submit(syncshell_client *client, struct command *takes_command, uint64_t *ret_ticket)
{
    uint64_t ticket;
    int r;

    if (!takes_command)
        return SYNCSHELL_E_NO_MEMORY;
    r = io_thread_command(client->io, takes_command, &ticket);
    if (r)
        return r == IO_THREAD_E_FULL ? SYNCSHELL_E_BUSY : SYNCSHELL_E_STOPPED;
    if (ret_ticket)
        *ret_ticket = ticket;
    return SYNCSHELL_OK;
}

static struct command *session_command(enum command_kind kind, const struct wire_id *session_id)
{
    struct command *c = command_new(kind);

    if (c)
        c->session_id = *session_id;
    return c;
}

/* A copy of `length` bytes and a NUL. Gives up the command when memory ran out. */
static struct command *with_text(struct command *c, char **ret_copy, const char *text,
                                 size_t length)
{
    if (!c || !text)
        return c;
    *ret_copy = strndup(text, length);
    if (!*ret_copy)
        return command_free(c);
    c->bytes += length;
    return c;
}

/* ---- checks ---- */

/* Whether the bytes are a text as the wire takes it; `ret_length` is its length without the NUL. */
static bool text_ok(const char *text, size_t length, size_t min, size_t max, size_t *ret_length)
{
    if (!text)
        return false;
    *ret_length = length == SYNCSHELL_ZERO_TERMINATED ? strnlen(text, max + 1) : length;
    return *ret_length >= min && *ret_length <= max && !memchr(text, '\0', *ret_length) &&
           str_utf8_valid(text, *ret_length);
}

static bool id_ok(struct wire_id *ret_id, const char *text)
{
    return text && wire_id_set(ret_id, text) == 0;
}

/* ---- syncshells ---- */

int32_t SYNCSHELL_CALL syncshell_client_create_syncshell(syncshell_client *client,
                                                         uint64_t *ret_ticket)
{
    bool relay_known;

    if (!client)
        return SYNCSHELL_E_ARGUMENT;
    relay_known = *engine_relay_url(io_thread_lock_engine(client->io)) != '\0';
    io_thread_unlock_engine(client->io);
    if (!relay_known)
        return SYNCSHELL_E_ARGUMENT;
    return client_submit(client, command_new(COMMAND_CREATE), ret_ticket);
}

static bool is_other_relay(syncshell_client *client, const struct relay_url *theirs)
{
    struct relay_url ours;
    bool other;

    other = relay_url_parse(&ours, engine_relay_url(io_thread_lock_engine(client->io))) == 0 &&
            !str_equal(ours.origin, theirs->origin);
    io_thread_unlock_engine(client->io);
    return other;
}

int32_t SYNCSHELL_CALL syncshell_client_join(syncshell_client *client, const char *invite,
                                             size_t length, uint64_t *ret_ticket)
{
    struct command *c;
    struct relay_url url;
    int r;

    if (!client || !invite)
        return SYNCSHELL_E_ARGUMENT;
    c = command_new(COMMAND_JOIN);
    if (!c)
        return SYNCSHELL_E_NO_MEMORY;
    if (length == SYNCSHELL_ZERO_TERMINATED)
        length = strlen(invite);
    r = invite_text_decode(&c->invite, invite, length);
    if (r == 0 && (relay_url_parse(&url, c->invite.relay_url) < 0 ||
                   (*c->invite.certificate_pin.text && !url.tls)))
        r = INVITE_E_INVALID;
    if (r) {
        (void)command_free(c);
        return r < 0 ? SYNCSHELL_E_NO_MEMORY : SYNCSHELL_E_INVITE;
    }
    (void)str_copy(c->invite.relay_url, sizeof c->invite.relay_url, url.origin); /* never longer */
    if (is_other_relay(client, &url)) {
        (void)command_free(c);
        return SYNCSHELL_E_OTHER_RELAY;
    }
    return client_submit(client, c, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_client_leave(syncshell_client *client, const char *syncshell_id,
                                              uint64_t *ret_ticket)
{
    struct command *c;
    struct wire_id id;

    if (!client || !id_ok(&id, syncshell_id))
        return SYNCSHELL_E_ARGUMENT;
    c = command_new(COMMAND_LEAVE);
    if (c)
        c->syncshell_id = id;
    return client_submit(client, c, ret_ticket);
}

/* `other_peer_id`: NULL where it is about nobody. */
static int32_t submit_owner(syncshell_client *client, const char *syncshell_id,
                            enum message_type type, const char *other_peer_id, uint64_t *ret_ticket)
{
    struct command *c;
    struct wire_id id;
    struct wire_peer_id other = {.text = ""};

    if (!client || !id_ok(&id, syncshell_id) ||
        (other_peer_id && (wire_peer_id_set(&other, other_peer_id) < 0 ||
                           str_equal(other.text, client->peer_id.text))))
        return SYNCSHELL_E_ARGUMENT;
    c = command_new(COMMAND_OWNER);
    if (c) {
        c->syncshell_id = id;
        c->number = (int32_t)type;
        c->peer_id = other;
    }
    return client_submit(client, c, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_client_remove_member(syncshell_client *client,
                                                      const char *syncshell_id, const char *peer_id,
                                                      uint64_t *ret_ticket)
{
    if (!peer_id)
        return SYNCSHELL_E_ARGUMENT;
    return submit_owner(client, syncshell_id, MESSAGE_REMOVE_MEMBER, peer_id, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_client_rotate_group_key(syncshell_client *client,
                                                         const char *syncshell_id,
                                                         uint64_t *ret_ticket)
{
    return submit_owner(client, syncshell_id, MESSAGE_ROTATE_GROUP_KEY, NULL, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_client_hand_over(syncshell_client *client,
                                                  const char *syncshell_id, const char *peer_id,
                                                  uint64_t *ret_ticket)
{
    if (!peer_id)
        return SYNCSHELL_E_ARGUMENT;
    return submit_owner(client, syncshell_id, MESSAGE_TRANSFER_OWNERSHIP, peer_id, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_client_delete_syncshell(syncshell_client *client,
                                                         const char *syncshell_id,
                                                         uint64_t *ret_ticket)
{
    return submit_owner(client, syncshell_id, MESSAGE_DELETE_SYNCSHELL, NULL, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_client_redeem_code(syncshell_client *client,
                                                    const char *syncshell_id, const char *code,
                                                    size_t length, uint64_t *ret_ticket)
{
    struct recovery_code read;
    struct wire_id id;
    struct command *c;

    if (!client || !id_ok(&id, syncshell_id) || !code)
        return SYNCSHELL_E_ARGUMENT;
    if (length == SYNCSHELL_ZERO_TERMINATED)
        length = strlen(code);
    if (recovery_code_read(&read, code, length) != 0)
        return SYNCSHELL_E_CODE;
    c = command_new(COMMAND_REDEEM);
    if (c) {
        c->syncshell_id = id;
        c->recovery_code = read;
    }
    return client_submit(client, c, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_client_network_changed(syncshell_client *client)
{
    if (!client)
        return SYNCSHELL_E_ARGUMENT;
    return client_submit(client, command_new(COMMAND_NETWORK_CHANGED), NULL);
}

/* ---- sessions ---- */

int32_t SYNCSHELL_CALL syncshell_session_open(syncshell_client *client, const char *syncshell_id,
                                              const char *other_peer_id, int32_t role,
                                              const char *session_id, const char *label,
                                              uint64_t *ret_ticket)
{
    struct wire_id syncshell, session = {.text = ""};
    struct wire_peer_id other;
    size_t label_length = 0;
    struct command *c;

    if (!client || !id_ok(&syncshell, syncshell_id) || !other_peer_id ||
        wire_peer_id_set(&other, other_peer_id) < 0 || str_equal(other.text, client->peer_id.text))
        return SYNCSHELL_E_ARGUMENT;
    if (role != SYNCSHELL_ROLE_JOINER && role != SYNCSHELL_ROLE_PROVIDER)
        return SYNCSHELL_E_ARGUMENT;
    if ((session_id && !id_ok(&session, session_id)) ||
        (label && !text_ok(label, SYNCSHELL_ZERO_TERMINATED, 0, LABEL_MAX_BYTES, &label_length)))
        return SYNCSHELL_E_ARGUMENT;
    c = session_command(COMMAND_OPEN, &session);
    if (c) {
        c->syncshell_id = syncshell;
        c->peer_id = other;
        c->as_joiner = role == SYNCSHELL_ROLE_JOINER;
        c = with_text(c, &c->text, label, label_length);
    }
    return client_submit(client, c, ret_ticket);
}

/* The wire's shape of a public file, whose texts and ranges it borrows. */
static bool file_view(const syncshell_file *in, uint32_t flags_allowed, struct body_file *ret_view,
                      void *ranges)
{
    union {
        const char *in;
        char *out;
    } path = {.in = in->path}, hash = {.in = in->hash}, algorithm = {.in = in->algorithm};

    if ((in->flags & ~flags_allowed) || !in->path || !in->hash != !in->algorithm ||
        (!in->ranges && in->n_ranges > 0))
        return false;
    *ret_view = (struct body_file){
        .path = path.out,
        .hash = hash.out,
        .algorithm = algorithm.out,
        .size_bytes = in->size_bytes,
        .done = (in->flags & SYNCSHELL_FILE_DONE) != 0,
        .ranges = ranges,
        .n_ranges = in->n_ranges,
    };
    return body_file_valid(ret_view);
}

static int32_t copy_file(struct command *c, const syncshell_file *in, uint32_t flags_allowed)
{
    union {
        const syncshell_range *in;
        void *out;
    } ranges = {.in = in->ranges};
    struct body_file view, copy;
    int r;

    if (!file_view(in, flags_allowed, &view, ranges.out))
        return SYNCSHELL_E_ARGUMENT;
    r = body_file_copy(&copy, &view);
    if (r == 0) {
        c->bytes += body_file_encoded_bytes_max(&copy);
        r = body_file_list_append(&c->files, &copy);
        if (r != 0)
            body_file_deinit(&copy);
    }
    if (r == BODY_E_INVALID)
        return SYNCSHELL_E_ARGUMENT;
    return r ? SYNCSHELL_E_NO_MEMORY : SYNCSHELL_OK;
}

/* An array of a later version's files has larger elements. */
static int32_t copy_files(struct command *c, const syncshell_file *files, size_t n_files,
                          uint32_t flags_allowed)
{
    const char *at = (const char *)files;
    int32_t r = SYNCSHELL_OK;
    uint32_t stride;

    if ((!files && n_files > 0) || n_files > BODY_FILES_MAX)
        return SYNCSHELL_E_ARGUMENT;
    if (n_files == 0)
        return SYNCSHELL_OK;
    stride = files->size;
    if (stride < sizeof *files || stride > FILE_STRUCT_MAX_BYTES ||
        stride % alignof(syncshell_file) != 0)
        return SYNCSHELL_E_ARGUMENT;
    for (size_t i = 0; i < n_files && r == SYNCSHELL_OK; i++, at += stride) {
        const syncshell_file *f = (const void *)at;
        r = f->size == stride ? copy_file(c, f, flags_allowed) : SYNCSHELL_E_ARGUMENT;
    }
    return r;
}

static int compare_paths(const void *a, const void *b)
{
    const struct body_file *const *one = a, *const *other = b;

    return strcmp((*one)->path, (*other)->path);
}

/* A manifest is of whole files, and of each once: it is kept as a list. (A report's files go into a map.) */
static int32_t check_manifest(const struct body_file_list *l)
{
    const struct body_file **sorted = calloc(l->n_files + 1, sizeof *sorted);
    int32_t r = SYNCSHELL_OK;

    if (!sorted)
        return SYNCSHELL_E_NO_MEMORY;
    for (size_t i = 0; i < l->n_files; i++) {
        sorted[i] = &l->files[i];
        if (l->files[i].n_ranges > 0)
            r = SYNCSHELL_E_ARGUMENT;
    }
    qsort(sorted, l->n_files, sizeof *sorted, compare_paths);
    for (size_t i = 1; i < l->n_files; i++) {
        if (compare_paths(&sorted[i - 1], &sorted[i]) == 0)
            r = SYNCSHELL_E_ARGUMENT;
    }
    free(sorted);
    return r;
}

static int32_t submit_files(syncshell_client *client, enum command_kind kind,
                            const char *session_id, const syncshell_file *files, size_t n_files,
                            uint64_t *ret_ticket)
{
    struct wire_id session;
    struct command *c;
    int32_t r;

    if (!client || !id_ok(&session, session_id))
        return SYNCSHELL_E_ARGUMENT;
    c = session_command(kind, &session);
    if (!c)
        return SYNCSHELL_E_NO_MEMORY;
    r = copy_files(c, files, n_files, kind == COMMAND_REPORT ? SYNCSHELL_FILE_DONE : 0);
    if (r == SYNCSHELL_OK && kind == COMMAND_MANIFEST)
        r = check_manifest(&c->files);
    if (r != SYNCSHELL_OK) {
        (void)command_free(c);
        return r;
    }
    return client_submit(client, c, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_session_set_manifest(syncshell_client *client,
                                                      const char *session_id,
                                                      const syncshell_file *files, size_t n_files,
                                                      uint64_t *ret_ticket)
{
    return submit_files(client, COMMAND_MANIFEST, session_id, files, n_files, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_session_report(syncshell_client *client, const char *session_id,
                                                const syncshell_file *files, size_t n_files,
                                                uint64_t *ret_ticket)
{
    return submit_files(client, COMMAND_REPORT, session_id, files, n_files, ret_ticket);
}

static int32_t submit_sdp(syncshell_client *client, enum command_kind kind, const char *session_id,
                          uint64_t generation, const char *sdp, size_t sdp_length,
                          uint64_t *ret_ticket)
{
    struct wire_id session;
    struct command *c;
    size_t length;

    if (!client || !id_ok(&session, session_id) || generation > WIRE_INTEGER_MAX ||
        (generation == 0 && kind != COMMAND_OFFER) ||
        !text_ok(sdp, sdp_length, 1, BODY_SDP_MAX, &length))
        return SYNCSHELL_E_ARGUMENT;
    c = session_command(kind, &session);
    if (c) {
        c->generation = generation;
        c = with_text(c, &c->text, sdp, length);
    }
    return client_submit(client, c, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_session_offer(syncshell_client *client, const char *session_id,
                                               uint64_t generation, const char *sdp,
                                               size_t sdp_length, uint64_t *ret_ticket)
{
    return submit_sdp(client, COMMAND_OFFER, session_id, generation, sdp, sdp_length, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_session_answer(syncshell_client *client, const char *session_id,
                                                uint64_t generation, const char *sdp,
                                                size_t sdp_length, uint64_t *ret_ticket)
{
    return submit_sdp(client, COMMAND_ANSWER, session_id, generation, sdp, sdp_length, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_session_candidate(syncshell_client *client, const char *session_id,
                                                   uint64_t generation, const char *candidate,
                                                   size_t candidate_length, const char *sdp_mid,
                                                   int32_t sdp_mline_index, uint64_t *ret_ticket)
{
    struct wire_id session;
    struct command *c;
    size_t length, mid_length = 0;

    if (!client || !id_ok(&session, session_id) || generation < 1 ||
        generation > WIRE_INTEGER_MAX ||
        !text_ok(candidate, candidate_length, 0, BODY_SDP_MAX, &length) ||
        sdp_mline_index > MLINE_INDEX_MAX ||
        (sdp_mid &&
         !text_ok(sdp_mid, SYNCSHELL_ZERO_TERMINATED, 0, SDP_MID_MAX_BYTES, &mid_length)))
        return SYNCSHELL_E_ARGUMENT;
    c = session_command(COMMAND_CANDIDATE, &session);
    if (c) {
        c->generation = generation;
        c->number = sdp_mline_index < 0 ? -1 : sdp_mline_index;
        c = with_text(c, &c->text, candidate, length);
    }
    if (c)
        c = with_text(c, &c->sdp_mid, sdp_mid, mid_length);
    return client_submit(client, c, ret_ticket);
}

/* A cause goes with what did not work, and is one of the list. */
static bool cause_ok(const syncshell_link_report *report, enum cause *ret_cause)
{
    *ret_cause = report->cause ? cause_from_name(report->cause) : CAUSE_NONE;
    return !report->cause || (*ret_cause != CAUSE_NONE && report->link != SYNCSHELL_LINK_UP);
}

int32_t SYNCSHELL_CALL syncshell_session_link_report(syncshell_client *client,
                                                     const char *session_id, uint64_t generation,
                                                     const syncshell_link_report *report,
                                                     uint64_t *ret_ticket)
{
    struct wire_id session;
    struct command *c;
    enum cause cause;
    size_t length = 0;

    if (!client || !id_ok(&session, session_id) || generation < 1 ||
        generation > WIRE_INTEGER_MAX || !report || report->size < sizeof *report ||
        report->link < SYNCSHELL_LINK_UP || report->link > SYNCSHELL_LINK_FAILED ||
        !cause_ok(report, &cause))
        return SYNCSHELL_E_ARGUMENT;
    if (report->ice_server) {
        length = strnlen(report->ice_server, WIRE_ICE_URL_MAX + 1);
        if (!wire_ice_url_valid(report->ice_server, length))
            return SYNCSHELL_E_ARGUMENT;
    }
    c = session_command(COMMAND_LINK, &session);
    if (c) {
        c->generation = generation;
        c->number = report->link;
        c->cause = cause;
        c = with_text(c, &c->text, report->ice_server, length);
    }
    return client_submit(client, c, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_session_link(syncshell_client *client, const char *session_id,
                                              uint64_t generation, int32_t link,
                                              uint64_t *ret_ticket)
{
    const syncshell_link_report report = {.size = sizeof report, .link = link};

    return syncshell_session_link_report(client, session_id, generation, &report, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_session_request_recovery(syncshell_client *client,
                                                          const char *session_id,
                                                          uint64_t *ret_ticket)
{
    struct wire_id session;

    if (!client || !id_ok(&session, session_id))
        return SYNCSHELL_E_ARGUMENT;
    return client_submit(client, session_command(COMMAND_RECOVER, &session), ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_session_issue_code(syncshell_client *client,
                                                    const char *session_id, uint64_t *ret_ticket)
{
    struct wire_id session;

    if (!client || !id_ok(&session, session_id))
        return SYNCSHELL_E_ARGUMENT;
    return client_submit(client, session_command(COMMAND_CODE, &session), ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_session_close(syncshell_client *client, const char *session_id,
                                               int32_t outcome, uint64_t *ret_ticket)
{
    struct wire_id session;
    struct command *c;

    if (!client || !id_ok(&session, session_id) ||
        (outcome != SYNCSHELL_OUTCOME_COMPLETED && outcome != SYNCSHELL_OUTCOME_FAILED &&
         outcome != SYNCSHELL_OUTCOME_CANCELLED))
        return SYNCSHELL_E_ARGUMENT;
    c = session_command(COMMAND_CLOSE, &session);
    if (c)
        c->number = outcome;
    return client_submit(client, c, ret_ticket);
}
