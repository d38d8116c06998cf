#include "transport/command.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>

struct command *command_new(enum command_kind kind)
{
    struct command *c = calloc(1, sizeof *c);

    if (c) {
        c->kind = kind;
        c->bytes = sizeof *c;
    }
    return c;
}

struct command *command_free(struct command *c)
{
    if (!c)
        return NULL;
    free(c->text);
    free(c->sdp_mid);
    body_file_list_deinit(&c->files);
    OPENSSL_cleanse(&c->invite, sizeof c->invite);
    free(c);
    return NULL;
}

int command_run(struct command *c, struct engine *e, uint64_t now_us)
{
    const char *session = c->session_id.text;

    switch (c->kind) {
    case COMMAND_CREATE:
        return *c->invite.secret.text
                   ? engine_create_syncshell_with(e, now_us, c->ticket, &c->invite.syncshell_id,
                                                  &c->invite.secret)
                   : engine_create_syncshell(e, now_us, c->ticket);
    case COMMAND_JOIN:
        return engine_join(e, now_us, c->ticket, &c->invite);
    case COMMAND_LEAVE:
        return engine_leave(e, now_us, c->ticket, c->syncshell_id.text);
    case COMMAND_NETWORK_CHANGED:
        return engine_network_changed(e, now_us);
    case COMMAND_OPEN:
        return engine_session_open(e, now_us, c->ticket, c->syncshell_id.text, c->peer_id.text,
                                   c->as_joiner, *session ? session : NULL, c->text);
    case COMMAND_MANIFEST:
        return engine_session_set_manifest(e, now_us, c->ticket, session, &c->files);
    case COMMAND_REPORT:
        return engine_session_report(e, now_us, c->ticket, session, &c->files);
    case COMMAND_OFFER:
        return engine_session_offer(e, now_us, c->ticket, session, c->generation, c->text);
    case COMMAND_ANSWER:
        return engine_session_answer(e, now_us, c->ticket, session, c->generation, c->text);
    case COMMAND_CANDIDATE:
        return engine_session_candidate(e, now_us, c->ticket, session, c->generation, c->text,
                                        c->sdp_mid, c->number);
    case COMMAND_LINK:
        return engine_session_link(
            e, now_us, c->ticket, session, c->generation,
            &(struct engine_link){.state = c->number, .cause = c->cause, .ice_server = c->text});
    case COMMAND_RECOVER:
        return engine_session_request_recovery(e, now_us, c->ticket, session);
    case COMMAND_CLOSE:
        return engine_session_close(e, now_us, c->ticket, session, c->number);
    case COMMAND_CODE:
        return engine_session_issue_code(e, now_us, c->ticket, session);
    case COMMAND_REDEEM:
        return engine_redeem_code(e, now_us, c->ticket, c->syncshell_id.text, &c->recovery_code);
    case COMMAND_OWNER:
        return engine_owner_operation(e, now_us, c->ticket, c->syncshell_id.text,
                                      (enum message_type)c->number,
                                      *c->peer_id.text ? c->peer_id.text : NULL);
    }
    return -EINVAL;
}
