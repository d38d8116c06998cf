#include "cli/command.h"

#include <string.h>

#include "cli/command_field.h"
#include "cli/failure.h"
#include "cli/file_json.h"

static const char SESSION_MISSING[] =
    "\"session\" is missing: the sessionId that session_opened named.";

static int32_t session_id(struct command_call *call, const char **ret_id)
{
    return field_text(call, "session", SESSION_MISSING, ret_id, NULL);
}

/* The syncshell of the line, or the caller's. */
static int32_t syncshell_id(struct command_call *call, const char **ret_id)
{
    int32_t r = field_text(call, "syncshell", NULL, ret_id, NULL);

    if (r)
        return r;
    if (!*ret_id)
        *ret_id = call->syncshell_id;
    if (*ret_id)
        return SYNCSHELL_OK;
    call->problem =
        "\"syncshell\" is missing, and there is not exactly one syncshell that is known yet: name one, or wait "
        "for syncshell_ready.";
    return SYNCSHELL_E_ARGUMENT;
}

static int32_t run_open(struct command_call *call, int32_t parameter)
{
    static const struct word_value ROLES[] = {
        {"joiner", SYNCSHELL_ROLE_JOINER},
        {"provider", SYNCSHELL_ROLE_PROVIDER},
    };
    const char *syncshell, *peer, *session, *label;
    int32_t role, r;

    (void)parameter;
    if ((r = field_text(call, "peer", "\"peer\" is missing: the peer id of the other side.", &peer,
                        NULL)) ||
        (r = field_word(call, "role", ROLES, 2,
                        "\"role\" is this side's: \"joiner\" (receives files) or \"provider\".",
                        &role)) ||
        (r = field_text(call, "session", NULL, &session, NULL)) ||
        (r = field_text(call, "label", NULL, &label, NULL)) || (r = syncshell_id(call, &syncshell)))
        return r;
    return syncshell_session_open(call->client, syncshell, peer, role, session, label,
                                  &call->ticket);
}

/* `parameter` is what the files are for. */
static int32_t run_files(struct command_call *call, int32_t parameter)
{
    enum file_purpose purpose = (enum file_purpose)parameter;
    const json_t *json = call->fields;
    struct file_set set;
    const char *session;
    int32_t r;

    if ((r = session_id(call, &session)))
        return r;
    if (purpose == FILE_PURPOSE_REPORT || purpose == FILE_PURPOSE_MANIFEST)
        json = json_object_get(call->fields, "files");
    if (file_set_init(&set, json, purpose, &call->problem))
        return SYNCSHELL_E_ARGUMENT;
    if (purpose == FILE_PURPOSE_MANIFEST)
        r = syncshell_session_set_manifest(call->client, session, set.files, set.n_files,
                                           &call->ticket);
    else
        r = syncshell_session_report(call->client, session, set.files, set.n_files, &call->ticket);
    file_set_deinit(&set);
    return r;
}

enum { DESCRIPTION_OFFER = 1, DESCRIPTION_ANSWER };

static int32_t run_description(struct command_call *call, int32_t parameter)
{
    const char *session, *sdp;
    uint64_t generation;
    size_t length;
    int32_t r;

    if ((r = session_id(call, &session)) || (r = field_generation(call, &generation)) ||
        (r = field_text(call, "sdp",
                        "\"sdp\" is missing: the description that your WebRTC stack made.", &sdp,
                        &length)))
        return r;
    if (parameter == DESCRIPTION_OFFER)
        return syncshell_session_offer(call->client, session, generation, sdp, length,
                                       &call->ticket);
    return syncshell_session_answer(call->client, session, generation, sdp, length, &call->ticket);
}

static int32_t run_candidate(struct command_call *call, int32_t parameter)
{
    const char *session, *candidate, *mid;
    uint64_t generation;
    size_t length;
    int32_t index, r;

    (void)parameter;
    if ((r = session_id(call, &session)) || (r = field_generation(call, &generation)) ||
        (r = field_text(call, "candidate", "\"candidate\" is missing: the candidate line.",
                        &candidate, &length)) ||
        (r = field_text(call, "sdpMid", NULL, &mid, NULL)) ||
        (r = field_index(call, "sdpMLineIndex", &index)))
        return r;
    return syncshell_session_candidate(call->client, session, generation, candidate, length, mid,
                                       index, &call->ticket);
}

/* `parameter` is the link's state, or 0 when the line names it. */
static int32_t run_link(struct command_call *call, int32_t parameter)
{
    static const struct word_value STATES[] = {
        {"up", SYNCSHELL_LINK_UP},
        {"lost", SYNCSHELL_LINK_LOST},
        {"failed", SYNCSHELL_LINK_FAILED},
    };
    syncshell_link_report report = {.size = sizeof(report)};
    int32_t state = parameter, r;
    const char *session;
    uint64_t generation;

    if ((r = session_id(call, &session)) || (r = field_generation(call, &generation)))
        return r;
    if (!state && (r = field_word(call, "state", STATES, 3,
                                  "\"state\" is \"up\", \"lost\" or \"failed\".", &state)))
        return r;
    report.link = state;
    if ((r = field_text(call, "cause", NULL, &report.cause, NULL)) ||
        (r = field_text(call, "iceServer", NULL, &report.ice_server, NULL)))
        return r;
    return syncshell_session_link_report(call->client, session, generation, &report, &call->ticket);
}

static int32_t run_recover(struct command_call *call, int32_t parameter)
{
    const char *session;
    int32_t r;

    (void)parameter;
    if ((r = session_id(call, &session)))
        return r;
    return syncshell_session_request_recovery(call->client, session, &call->ticket);
}

static int32_t run_issue_code(struct command_call *call, int32_t parameter)
{
    const char *session;
    int32_t r;

    (void)parameter;
    if ((r = session_id(call, &session)))
        return r;
    return syncshell_session_issue_code(call->client, session, &call->ticket);
}

static int32_t run_redeem(struct command_call *call, int32_t parameter)
{
    const char *syncshell, *code;
    size_t length;
    int32_t r;

    (void)parameter;
    if ((r = field_text(call, "code",
                        "\"code\" is missing: the recovery code that the other device shows.",
                        &code, &length)) ||
        (r = syncshell_id(call, &syncshell)))
        return r;
    return syncshell_client_redeem_code(call->client, syncshell, code, length, &call->ticket);
}

static int32_t run_close(struct command_call *call, int32_t parameter)
{
    static const struct word_value OUTCOMES[] = {
        {"completed", SYNCSHELL_OUTCOME_COMPLETED},
        {"failed", SYNCSHELL_OUTCOME_FAILED},
        {"cancelled", SYNCSHELL_OUTCOME_CANCELLED},
    };
    const char *session;
    int32_t outcome, r;

    (void)parameter;
    if ((r = session_id(call, &session)) ||
        (r = field_word(call, "outcome", OUTCOMES, 3,
                        "\"outcome\" is \"completed\", \"failed\" or \"cancelled\".", &outcome)))
        return r;
    return syncshell_session_close(call->client, session, outcome, &call->ticket);
}

static int32_t run_create(struct command_call *call, int32_t parameter)
{
    int32_t r = syncshell_client_create_syncshell(call->client, &call->ticket);

    (void)parameter;
    if (r == SYNCSHELL_E_ARGUMENT)
        call->problem = "No relay is known: start the program with --relay.";
    return r;
}

static int32_t run_join(struct command_call *call, int32_t parameter)
{
    const char *invite;
    size_t length;
    int32_t r;

    (void)parameter;
    if ((r = field_text(call, "invite", "\"invite\" is missing: the text that a member gave you.",
                        &invite, &length)))
        return r;
    return syncshell_client_join(call->client, invite, length, &call->ticket);
}

static int32_t run_leave(struct command_call *call, int32_t parameter)
{
    const char *syncshell;
    int32_t r;

    (void)parameter;
    if ((r = syncshell_id(call, &syncshell)))
        return r;
    return syncshell_client_leave(call->client, syncshell, &call->ticket);
}

enum { OWNER_REMOVE_MEMBER = 1, OWNER_ROTATE_KEY, OWNER_HAND_OVER, OWNER_DELETE };

static int32_t run_owner(struct command_call *call, int32_t parameter)
{
    bool about_peer = parameter == OWNER_REMOVE_MEMBER || parameter == OWNER_HAND_OVER;
    const char *syncshell, *peer = NULL;
    int32_t r;

    if ((about_peer &&
         (r = field_text(call, "peer", "\"peer\" is missing: the peer id of the member.", &peer,
                         NULL))) ||
        (r = syncshell_id(call, &syncshell)))
        return r;
    if (parameter == OWNER_REMOVE_MEMBER)
        return syncshell_client_remove_member(call->client, syncshell, peer, &call->ticket);
    if (parameter == OWNER_ROTATE_KEY)
        return syncshell_client_rotate_group_key(call->client, syncshell, &call->ticket);
    if (parameter == OWNER_HAND_OVER)
        return syncshell_client_hand_over(call->client, syncshell, peer, &call->ticket);
    return syncshell_client_delete_syncshell(call->client, syncshell, &call->ticket);
}

static int32_t run_network_changed(struct command_call *call, int32_t parameter)
{
    (void)parameter;
    return syncshell_client_network_changed(call->client);
}

static int32_t run_quit(struct command_call *call, int32_t parameter)
{
    (void)parameter;
    call->quit = true;
    return SYNCSHELL_OK;
}

#define IDS "1 to 64 of A-Z a-z 0-9 _ -"

const struct command COMMANDS[] = {
    {"create", "", "{\"command\":\"create\",\"tag\":\"1\"}",
     "Creates a syncshell at the relay. syncshell_created brings the invite for its members.",
     run_create, 0, "The syncshell cannot be created."},
    {"join", "invite", "{\"command\":\"join\",\"invite\":\"syncshell1.eyJy...\"}",
     "Becomes a member. syncshell_joined follows, then peer_presence of each member, then syncshell_ready.",
     run_join, 0, "This text is not an invite."},
    {"leave", "[syncshell]", "{\"command\":\"leave\",\"syncshell\":\"k3J9...\"}",
     "Ends the membership and forgets the secret. syncshell_left follows.", run_leave, 0,
     "\"syncshell\" is not an id: " IDS "."},
    {"open", "peer role [session] [label] [syncshell]",
     "{\"command\":\"open\",\"peer\":\"ed25519:Q2x...\",\"role\":\"joiner\",\"label\":\"armour pack\"}",
     "Opens a recovery session with another member; do it when a transfer starts. role is this side's: joiner receives\n"
     "files, provider sends them. session chooses the id, label is for you. session_opened follows on both sides.",
     run_open, 0,
     "A value is not allowed: \"peer\" is another member's id such as ed25519:..., \"session\" and \"syncshell\" are " IDS
     ", \"label\" has up to 200 bytes."},
    {"manifest", "session files",
     "{\"command\":\"manifest\",\"session\":\"s1\",\"files\":[{\"path\":\"a.tex\",\"size\":1000,\"hash\":\"ab12\","
     "\"algorithm\":\"sha256\"}]}",
     "Provider: all files of the transfer; replaces an earlier manifest. manifest_saved follows.",
     run_files, FILE_PURPOSE_MANIFEST,
     "A value is not allowed: \"session\" is " IDS
     ", a path has 1 to 1024 bytes and comes once, a hash is hex digits."},
    {"report", "session files",
     "{\"command\":\"report\",\"session\":\"s1\",\"files\":[{\"path\":\"a.tex\",\"size\":1000,\"hash\":\"ab12\","
     "\"algorithm\":\"sha256\",\"done\":true},{\"path\":\"b.tex\",\"size\":900,\"ranges\":[[0,400]]}]}",
     "Joiner: files that are done, or the ranges [begin, end) that have arrived. progress_saved follows when that is on\n"
     "this disk, progress_stored when the relay has it.",
     run_files, FILE_PURPOSE_REPORT,
     "A value is not allowed: \"session\" is " IDS
     ", a path has 1 to 1024 bytes, a hash is hex digits, ranges are sorted, "
     "within the file and do not overlap."},
    {"done", "session path size [hash] [algorithm]",
     "{\"command\":\"done\",\"session\":\"s1\",\"path\":\"a.tex\",\"size\":1000,\"hash\":\"ab12\",\"algorithm\":\"sha256\"}",
     "Joiner: reports one file that is complete.", run_files, FILE_PURPOSE_DONE,
     "A value is not allowed: \"session\" is " IDS
     ", \"path\" has 1 to 1024 bytes, \"hash\" is hex digits."},
    {"partial", "session path size [hash] [algorithm] ranges",
     "{\"command\":\"partial\",\"session\":\"s1\",\"path\":\"b.tex\",\"size\":900,\"ranges\":[[0,400],[600,700]]}",
     "Joiner: reports one file of which these ranges have arrived.", run_files,
     FILE_PURPOSE_PARTIAL,
     "A value is not allowed: \"session\" is " IDS
     ", \"path\" has 1 to 1024 bytes, \"hash\" is hex digits, ranges are sorted, "
     "within the file and do not overlap."},
    {"offer", "session generation sdp",
     "{\"command\":\"offer\",\"session\":\"s1\",\"generation\":1,\"sdp\":\"v=0...\"}",
     "The offer that offer_needed asked for, with its generation; generation 0 starts a new attempt.",
     run_description, DESCRIPTION_OFFER,
     "A value is not allowed: \"session\" is " IDS ", \"sdp\" is not empty and not too long."},
    {"answer", "session generation sdp",
     "{\"command\":\"answer\",\"session\":\"s1\",\"generation\":1,\"sdp\":\"v=0...\"}",
     "The answer to the offer of that generation.", run_description, DESCRIPTION_ANSWER,
     "A value is not allowed: \"session\" is " IDS
     ", \"generation\" is the offer's, \"sdp\" is not empty and not too long."},
    {"candidate", "session generation candidate [sdpMid] [sdpMLineIndex]",
     "{\"command\":\"candidate\",\"session\":\"s1\",\"generation\":1,\"candidate\":\"candidate:1 1 udp ...\",\"sdpMid\":\"0\","
     "\"sdpMLineIndex\":0}",
     "An ICE candidate of this side's connection of that generation.", run_candidate, 0,
     "A value is not allowed: \"session\" is " IDS
     ", \"generation\" is that of an offer, \"candidate\" is one line."},
    {"link", "session generation state [cause] [iceServer]",
     "{\"command\":\"link\",\"session\":\"s1\",\"generation\":1,\"state\":\"up\"}",
     "What became of the link: up; lost (it was up: recovery starts); failed (the attempt did not get through).",
     run_link, 0,
     "A value is not allowed: \"session\" is " IDS
     ", \"generation\" is that of an offer, \"cause\" is of schema/causes.json and not with up."},
    {"link_up", "session generation [iceServer]",
     "{\"command\":\"link_up\",\"session\":\"s1\",\"generation\":1}", "link with the state up.",
     run_link, SYNCSHELL_LINK_UP,
     "A value is not allowed: \"session\" is " IDS
     ", \"generation\" is that of an offer, \"cause\" is of schema/causes.json and not with up."},
    {"link_lost", "session generation [cause] [iceServer]",
     "{\"command\":\"link_lost\",\"session\":\"s1\",\"generation\":1}", "link with the state lost.",
     run_link, SYNCSHELL_LINK_LOST,
     "A value is not allowed: \"session\" is " IDS
     ", \"generation\" is that of an offer, \"cause\" is of schema/causes.json and not with up."},
    {"link_failed", "session generation [cause] [iceServer]",
     "{\"command\":\"link_failed\",\"session\":\"s1\",\"generation\":1,\"cause\":\"turn_refused\"}",
     "link with the state failed.", run_link, SYNCSHELL_LINK_FAILED,
     "A value is not allowed: \"session\" is " IDS
     ", \"generation\" is that of an offer, \"cause\" is of schema/causes.json and not with up."},
    {"recover", "session", "{\"command\":\"recover\",\"session\":\"s1\"}",
     "Joiner: sends what it has again, although nothing was lost. recovery_requested follows.",
     run_recover, 0, "\"session\" is not an id: " IDS "."},
    {"issue_code", "session", "{\"command\":\"issue_code\",\"session\":\"s1\"}",
     "Joiner: makes a code with which the user goes on at another device. recovery_code follows.",
     run_issue_code, 0, "\"session\" is not an id: " IDS "."},
    {"redeem", "code [syncshell]", "{\"command\":\"redeem\",\"code\":\"7YXW-4KQ0-1N8D-PZ3MB\"}",
     "Goes on here with the session of another device of this user. code_redeemed follows.",
     run_redeem, 0, "\"syncshell\" is not an id: " IDS "."},
    {"close", "session outcome",
     "{\"command\":\"close\",\"session\":\"s1\",\"outcome\":\"completed\"}",
     "Ends the session for both sides: completed, failed or cancelled. session_closed follows.",
     run_close, 0, "\"session\" is not an id: " IDS "."},
    {"remove_member", "peer [syncshell]",
     "{\"command\":\"remove_member\",\"peer\":\"ed25519:Zm8...\"}",
     "Owner: takes the member out, for ever. member_removed follows. It still knows the secret: rotate the key, too.",
     run_owner, OWNER_REMOVE_MEMBER,
     "A value is not allowed: \"peer\" is another member's id such as ed25519:..., \"syncshell\" is " IDS
     "."},
    {"rotate_key", "[syncshell]", "{\"command\":\"rotate_key\"}",
     "Owner: makes a new secret. The others are out until they join with the invite of key_rotated.",
     run_owner, OWNER_ROTATE_KEY, "\"syncshell\" is not an id: " IDS "."},
    {"hand_over", "peer [syncshell]", "{\"command\":\"hand_over\",\"peer\":\"ed25519:Zm8...\"}",
     "Owner: makes another member the owner. owner_changed follows.", run_owner, OWNER_HAND_OVER,
     "A value is not allowed: \"peer\" is another member's id such as ed25519:..., \"syncshell\" is " IDS
     "."},
    {"delete_syncshell", "[syncshell]",
     "{\"command\":\"delete_syncshell\",\"syncshell\":\"k3J9...\"}",
     "Owner: ends the syncshell for everybody, with its sessions. syncshell_deleted follows.",
     run_owner, OWNER_DELETE, "\"syncshell\" is not an id: " IDS "."},
    {"network_changed", "", "{\"command\":\"network_changed\"}",
     "The network is usable (again): what waits is tried at once. Has no ticket (0).",
     run_network_changed, 0, "The library did not take it."},
    {"quit", "", "{\"command\":\"quit\"}",
     "Ends the program, as the end of the input does. Has no ticket (0).", run_quit, 0,
     "The library did not take it."},
};

const size_t COMMANDS_COUNT = sizeof(COMMANDS) / sizeof(COMMANDS[0]);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    return NULL;
}

/* Whether `word` stands in `list`, whose words have blanks between and maybe brackets around. */
static bool stands_in(const char *list, const char *word)
{
    size_t length = strlen(word);

    while (*list) {
        size_t span;

        list += strspn(list, " []");
        span = strcspn(list, " ]");
        if (span == length && strncmp(list, word, length) == 0)
            return true;
        list += span;
        list += strspn(list, " ]");
    }
    return false;
}

static bool fields_are_known(const struct command *command, const json_t *fields)
{
    json_t *object = (json_t *)(uintptr_t)fields; /* the iterator's interface has no const */

    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const char *name = json_object_iter_key(i);

        if (strcmp(name, "command") != 0 && strcmp(name, "tag") != 0 &&
            !stands_in(command->fields, name))
            return false;
    }
    return true;
}

int32_t command_run(struct command_call *call)
{
    const char *name = json_string_value(json_object_get(call->fields, "command"));
    const json_t *tag = json_object_get(call->fields, "tag");
    const struct command *command;
    int32_t r;

    call->problem = NULL;
    call->ticket = 0;
    if (tag && !json_is_string(tag))
        call->problem = "\"tag\" is a text: it comes back in the reply.";
    else if (!name)
        call->problem =
            "\"command\" is missing: the line is an object such as {\"command\":\"create\"}.";
    else if (!(command = command_find(name)))
        call->problem = "There is no such command: \"syncshell peer --help\" lists them.";
    else if (!fields_are_known(command, call->fields))
        call->problem =
            "The command has no such field: \"syncshell peer --help\" lists each command's.";
    if (call->problem)
        return SYNCSHELL_E_ARGUMENT;
    r = command->run(call, command->parameter);
    if (r && !call->problem)
        call->problem = r == SYNCSHELL_E_ARGUMENT ? command->not_allowed : failure_sentence(r);
    return r;
}
