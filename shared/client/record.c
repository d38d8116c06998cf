#include "client/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/str.h"
#include "client/ending.h"
#include "client/group_key.h"
#include "client/owner.h"
#include "client/session.h"
#include "client/syncshell.h"
#include "wire/body_json.h"
#include "wire/strict_json.h"

enum {
    RECORD_VERSION = 1,
    RECORD_BYTES_MAX = 64 * 1024 * 1024,
    RECORD_DEPTH_MAX = 8,
    RECORD_KEY_MAX = WIRE_ID_MAX + 1 + BODY_PATH_MAX,
    NUMBER_DIGITS = 20, /* so that the journal has them in their order */
};

const char *const engine_record_kinds[] = {
    RECORD_CLIENT,   RECORD_SYNCSHELL, RECORD_SESSION, RECORD_FILE,
    RECORD_MANIFEST, RECORD_REQUEST,   RECORD_ENDED,   NULL};

/* ---- writing ---- */

/* Takes `object` (NULL: memory ran out before). */
static void put(struct engine *e, const char *kind, const char *key, json_t *takes_object)
{
    struct buf text = BUF_INIT(RECORD_BYTES_MAX);
    int r =
        takes_object ? json_object_set_new(takes_object, "v", json_integer(RECORD_VERSION)) : -1;
    if (r == 0)
        r = strict_json_append(&text, takes_object);
    if (r == 0)
        r = effects_put(&e->effects, kind, key, text.data, text.size);
    json_decref(takes_object);
    buf_deinit(&text);
    engine_check(e, r == 0 ? 0 : -ENOMEM);
}

static void file_key(const struct session *s, const char *path, char *ret_key)
{
    snprintf(ret_key, RECORD_KEY_MAX + 1, "%s/%s", s->id.text, path);
}

static void part_key(const struct session *s, uint32_t part, char *ret_key)
{
    snprintf(ret_key, RECORD_KEY_MAX + 1, "%s/%" PRIu32, s->id.text, part);
}

void record_put_client(struct engine *e)
{
    const char *pin = *e->certificate_pin.text ? e->certificate_pin.text : NULL;
    put(e, RECORD_CLIENT, "",
        json_pack("{s:s, s:s*}", "relayUrl", e->relay_url, "certificatePin", pin));
}

static json_t *key_to_json(const struct group_key *k)
{
    return json_pack("{s:s, s:I}", "secret", k->secret.text, "epoch", (json_int_t)k->epoch);
}

static int add_old_keys(const struct syncshell *y, json_t *o)
{
    json_t *array = json_array();
    if (json_object_set_new(o, "oldKeys", array) != 0)
        return -ENOMEM;
    list_for_each_safe (n, next, &y->old_keys) {
        if (json_array_append_new(array, key_to_json(container_of(n, struct group_key, node))) != 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_operations(const struct syncshell *y, json_t *o)
{
    json_t *array = json_array();
    if (json_object_set_new(o, "operations", array) != 0)
        return -ENOMEM;
    list_for_each_safe (n, next, &y->operations) {
        const struct owner_operation *op = container_of(n, struct owner_operation, node);
        if (json_array_append_new(
                array, json_pack("{s:s, s:s, s:I}", "type", message_type_name(op->type), "peer",
                                 op->peer_id.text, "sequence", (json_int_t)op->sequence)) != 0)
            return -ENOMEM;
    }
    return 0;
}

void record_put_syncshell(struct syncshell *y)
{
    json_t *o =
        json_pack("{s:s, s:s, s:i, s:I, s:s, s:I}", "secret", y->key->secret.text, "owner",
                  y->owner.text, "state", (int)y->state, "keyEpoch", (json_int_t)y->key->epoch,
                  "storeEpoch", y->store_epoch.text, "inboxCursor", (json_int_t)y->inbox_cursor);
    bool own_next = y->next_key && !y->next_key_invited;
    if (o && ((y->n_old_keys > 0 && add_old_keys(y, o) != 0) ||
              (y->n_operations > 0 && add_operations(y, o) != 0) ||
              (own_next && json_object_set_new(o, "nextKey", key_to_json(y->next_key)) != 0))) {
        json_decref(o);
        o = NULL;
    }
    put(y->engine, RECORD_SYNCSHELL, y->id.text, o);
}

void record_delete_syncshell(struct syncshell *y)
{
    engine_check(y->engine, effects_delete(&y->engine->effects, RECORD_SYNCSHELL, y->id.text));
}

void record_put_session(struct session *s)
{
    json_t *o = json_pack(
        "{s:s, s:s, s:b, s:i, s:i, s:I, s:I, s:I, s:b}", "syncshell", s->syncshell->id.text,
        "other", s->other.text, "joiner", (int)s->joiner, "phase", (int)s->phase, "outcome",
        (int)s->outcome, "version", (json_int_t)s->version, "generation", (json_int_t)s->generation,
        "storedSeq", (json_int_t)s->stored_seq, "checkpoint", (int)s->checkpoint_needed);
    if (o && *s->cause.text && json_object_set_new(o, "cause", json_string(s->cause.text)) != 0) {
        json_decref(o);
        o = NULL;
    }
    if (o && s->label && json_object_set_new(o, "label", json_string(s->label)) != 0) {
        json_decref(o);
        o = NULL;
    }
    put(s->syncshell->engine, RECORD_SESSION, s->id.text, o);
}

void record_put_file(struct session *s, const struct held_file *f)
{
    char key[RECORD_KEY_MAX + 1];
    file_key(s, f->file.path, key);
    put(s->syncshell->engine, RECORD_FILE, key,
        json_pack("{s:I, s:b, s:o}", "seq", (json_int_t)f->seq, "restored", (int)f->restored,
                  "file", body_file_to_json(&f->file)));
}

void record_delete_file(struct session *s, const char *path)
{
    char key[RECORD_KEY_MAX + 1];
    file_key(s, path, key);
    engine_check(s->syncshell->engine,
                 effects_delete(&s->syncshell->engine->effects, RECORD_FILE, key));
}

static json_t *list_to_json(const struct body_file_list *l)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < l->n_files; i++) {
        if (json_array_append_new(array, body_file_to_json(&l->files[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

void record_put_manifest(struct session *s)
{
    put(s->syncshell->engine, RECORD_MANIFEST, s->id.text,
        json_pack("{s:o}", "files", list_to_json(&s->manifest)));
}

void record_put_request(struct session *s, const struct body_recovery_request *r)
{
    char key[RECORD_KEY_MAX + 1];
    part_key(s, r->part, key);
    put(s->syncshell->engine, RECORD_REQUEST, key,
        json_pack("{s:s, s:I, s:I, s:o}", "requestId", r->request_id.text, "part",
                  (json_int_t)r->part, "parts", (json_int_t)r->parts, "files",
                  list_to_json(&r->files)));
}

void record_delete_requests(struct session *s)
{
    char key[RECORD_KEY_MAX + 1];
    struct engine *e = s->syncshell->engine;
    for (uint32_t part = 1; part <= s->request_gathered; part++) {
        part_key(s, part, key);
        engine_check(e, effects_delete(&e->effects, RECORD_REQUEST, key));
    }
}

void record_delete_session(struct session *s)
{
    struct engine *e = s->syncshell->engine;
    for (struct map_node *n = map_next(&s->files, NULL); n; n = map_next(&s->files, n))
        record_delete_file(s, n->key);
    if (s->has_manifest)
        engine_check(e, effects_delete(&e->effects, RECORD_MANIFEST, s->id.text));
    record_delete_requests(s);
    engine_check(e, effects_delete(&e->effects, RECORD_SESSION, s->id.text));
}

static void number_key(uint64_t number, char *ret_key)
{
    snprintf(ret_key, NUMBER_DIGITS + 1, "%0*" PRIu64, NUMBER_DIGITS, number);
}

void record_put_ended(struct engine *e, uint64_t number, const struct record_ended *ended)
{
    char key[NUMBER_DIGITS + 1];
    number_key(number, key);
    if (ended->code) {
        put(e, RECORD_ENDED, key,
            json_pack("{s:s, s:s}", "syncshell", ended->syncshell_id.text, "code", ended->code));
        return;
    }
    put(e, RECORD_ENDED, key,
        json_pack("{s:s, s:s, s:s, s:b, s:I, s:i, s:s*, s:s*}", "syncshell",
                  ended->syncshell_id.text, "session", ended->session_id.text, "other",
                  ended->other.text, "joiner", (int)ended->joiner, "generation",
                  (json_int_t)ended->generation, "outcome", (int)ended->outcome, "cause",
                  ended->cause, "label", ended->label));
}

void record_delete_ended(struct engine *e, uint64_t number)
{
    char key[NUMBER_DIGITS + 1];
    number_key(number, key);
    engine_check(e, effects_delete(&e->effects, RECORD_ENDED, key));
}

/* ---- reading ---- */

static int get_number(const json_t *o, const char *key, uint64_t max, uint64_t *ret_number)
{
    const json_t *value = json_object_get(o, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > max)
        return ENGINE_E_RECORD;
    *ret_number = (uint64_t)json_integer_value(value);
    return 0;
}

static const char *get_text(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key)); /* NULL when absent or no text */
}

static int load_client(struct engine *e, const json_t *o)
{
    const char *url = get_text(o, "relayUrl");
    const char *pin = get_text(o, "certificatePin");
    if (pin && (!wire_key_valid(pin, strlen(pin)) ||
                str_copy(e->certificate_pin.text, sizeof e->certificate_pin.text, pin) != 0))
        return ENGINE_E_RECORD;
    return url && str_copy(e->relay_url, sizeof e->relay_url, url) == 0 ? 0 : ENGINE_E_RECORD;
}

static int record_error(int r)
{
    return r > 0 ? ENGINE_E_RECORD : r;
}

static int load_key(struct syncshell *y, const json_t *o, struct group_key **ret_key)
{
    const char *secret = get_text(o, "secret");
    uint64_t epoch;
    if (!secret || !wire_key_valid(secret, strlen(secret)) ||
        get_number(o, "epoch", WIRE_INTEGER_MAX, &epoch) != 0 || epoch == 0)
        return ENGINE_E_RECORD;
    return record_error(group_key_new(y->engine, &y->id, secret, epoch, ret_key));
}

static int load_keys(struct syncshell *y, const json_t *o)
{
    const json_t *old = json_object_get(o, "oldKeys");
    const json_t *next = json_object_get(o, "nextKey");
    struct group_key *key;
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(old); i++) {
        r = load_key(y, json_array_get(old, i), &key);
        if (r == 0)
            group_key_keep_old(y, key);
    }
    if (r == 0 && next) {
        r = load_key(y, next, &key);
        if (r == 0)
            group_key_propose(y, key, false);
    }
    return r;
}

static int load_operations(struct syncshell *y, const json_t *o)
{
    const json_t *array = json_object_get(o, "operations");
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        const char *type_name = get_text(item, "type");
        const char *peer_text = get_text(item, "peer");
        struct wire_peer_id peer = {.text = ""};
        uint64_t sequence;
        enum message_type type =
            type_name ? message_type_from_name(type_name, strlen(type_name)) : MESSAGE_NONE;
        if ((type != MESSAGE_REMOVE_MEMBER && type != MESSAGE_ROTATE_GROUP_KEY &&
             type != MESSAGE_TRANSFER_OWNERSHIP && type != MESSAGE_DELETE_SYNCSHELL) ||
            !peer_text || (*peer_text && wire_peer_id_set(&peer, peer_text) != 0) ||
            get_number(item, "sequence", WIRE_INTEGER_MAX, &sequence) != 0)
            return ENGINE_E_RECORD;
        r = record_error(owner_add(y, type, &peer, sequence, 0));
    }
    return r;
}

static int load_syncshell(struct engine *e, const char *key, const json_t *o)
{
    struct wire_id id;
    struct wire_peer_id owner = {.text = ""}; /* so it stays where it was never told */
    const char *secret = get_text(o, "secret");
    const char *owner_text = get_text(o, "owner");
    const char *epoch = get_text(o, "storeEpoch");
    uint64_t state, cursor, key_epoch;
    if (wire_id_set(&id, key) != 0 || !secret || !wire_key_valid(secret, strlen(secret)) ||
        !owner_text || (*owner_text && wire_peer_id_set(&owner, owner_text) != 0) || !epoch ||
        get_number(o, "state", SYNCSHELL_LEAVING, &state) != 0 || state < SYNCSHELL_CREATING ||
        get_number(o, "inboxCursor", WIRE_INTEGER_MAX, &cursor) != 0 ||
        get_number(o, "keyEpoch", WIRE_INTEGER_MAX, &key_epoch) != 0)
        return ENGINE_E_RECORD;
    struct syncshell *y;
    int r = syncshell_new(e, &id, secret, key_epoch, &owner, (enum syncshell_state)state, &y);
    if (r == 0)
        r = load_keys(y, o);
    if (r == 0)
        r = load_operations(y, o);
    if (r != 0)
        return record_error(r);
    y->inbox_cursor = cursor;
    return str_copy(y->store_epoch.text, sizeof y->store_epoch.text, epoch) == 0 ? 0
                                                                                 : ENGINE_E_RECORD;
}

static int load_session(struct engine *e, const char *key, const json_t *o)
{
    struct wire_id id;
    struct wire_peer_id other;
    const char *other_text = get_text(o, "other");
    const char *syncshell_text = get_text(o, "syncshell");
    struct syncshell *y = syncshell_text ? engine_find_syncshell(e, syncshell_text) : NULL;
    uint64_t phase, outcome;
    if (!y || wire_id_set(&id, key) != 0 || !other_text ||
        wire_peer_id_set(&other, other_text) != 0 ||
        get_number(o, "phase", SESSION_CLOSING, &phase) != 0 || phase < SESSION_OPENING ||
        get_number(o, "outcome", SESSION_OUTCOME_CANCELLED, &outcome) != 0)
        return ENGINE_E_RECORD;
    struct session *s;
    int r = session_new(y, &id, &other, json_is_true(json_object_get(o, "joiner")),
                        get_text(o, "label"), &s);
    if (r != 0)
        return r < 0 ? r : ENGINE_E_RECORD;
    s->phase = (enum session_phase)phase;
    s->outcome = (enum session_outcome)outcome;
    s->checkpoint_needed = json_is_true(json_object_get(o, "checkpoint"));
    const char *cause = s->phase == SESSION_CLOSING ? get_text(o, "cause") : NULL;
    if (cause && str_copy(s->cause.text, sizeof s->cause.text, cause) != 0)
        return ENGINE_E_RECORD;
    if (get_number(o, "version", WIRE_INTEGER_MAX, &s->version) != 0 ||
        get_number(o, "generation", WIRE_INTEGER_MAX, &s->generation) != 0 ||
        get_number(o, "storedSeq", WIRE_INTEGER_MAX, &s->stored_seq) != 0)
        return ENGINE_E_RECORD;
    s->next_seq = s->stored_seq + 1;
    return 0;
}

/* The session of a key "<session>/..." or "<session>", and where the rest begins. */
static struct session *session_of_key(struct engine *e, const char *key, const char **ret_rest)
{
    char id[WIRE_ID_MAX + 1];
    const char *slash = strchr(key, '/');
    size_t length = slash ? (size_t)(slash - key) : strlen(key);
    if (length > WIRE_ID_MAX)
        return NULL;
    memcpy(id, key, length);
    id[length] = '\0';
    *ret_rest = slash ? slash + 1 : "";
    return engine_find_session(e, id);
}

static int load_file(struct engine *e, const char *key, const json_t *o)
{
    const char *path;
    struct session *s = session_of_key(e, key, &path);
    struct body_file file = {0};
    uint64_t seq;
    if (!s || get_number(o, "seq", WIRE_INTEGER_MAX, &seq) != 0)
        return ENGINE_E_RECORD;
    int r = body_file_from_json(&file, json_object_get(o, "file"));
    if (r == 0 && !str_equal(file.path, path))
        r = ENGINE_E_RECORD;
    if (r == 0)
        r = session_add_loaded_file(s, &file, seq, json_is_true(json_object_get(o, "restored")));
    body_file_deinit(&file);
    return record_error(r);
}

static int list_from_json(struct body_file_list *ret_list, const json_t *array)
{
    struct body_file_list l = {0};
    int r = json_is_array(array) ? 0 : ENGINE_E_RECORD;
    for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
        struct body_file file = {0};
        r = body_file_from_json(&file, json_array_get(array, i));
        if (r == 0)
            r = body_file_list_append(&l, &file);
        body_file_deinit(&file);
    }
    if (r != 0) {
        body_file_list_deinit(&l);
        return r;
    }
    *ret_list = l;
    return 0;
}

static int load_manifest(struct engine *e, const char *key, const json_t *o)
{
    const char *rest;
    struct session *s = session_of_key(e, key, &rest);
    if (!s || s->has_manifest)
        return ENGINE_E_RECORD;
    int r = list_from_json(&s->manifest, json_object_get(o, "files"));
    s->has_manifest = r == 0;
    return record_error(r);
}

static int load_request(struct engine *e, const char *key, const json_t *o)
{
    const char *rest;
    struct session *s = session_of_key(e, key, &rest);
    const char *request_id = get_text(o, "requestId");
    struct body_recovery_request request = {0};
    uint64_t part, parts;
    if (!s || !request_id || wire_id_set(&request.request_id, request_id) != 0 ||
        get_number(o, "part", UINT32_MAX, &part) != 0 ||
        get_number(o, "parts", UINT32_MAX, &parts) != 0)
        return ENGINE_E_RECORD;
    request.part = (uint32_t)part;
    request.parts = (uint32_t)parts;
    int r = list_from_json(&request.files, json_object_get(o, "files"));
    if (r == 0)
        r = session_gather_request(s, &request);
    body_file_list_deinit(&request.files);
    return record_error(r);
}

static int parse_number_key(const char *key, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (strlen(key) != NUMBER_DIGITS)
        return ENGINE_E_RECORD;
    for (; *key; key++) {
        if (*key < '0' || *key > '9' || number > (WIRE_INTEGER_MAX - 9) / 10)
            return ENGINE_E_RECORD;
        number = number * 10 + (uint64_t)(*key - '0');
    }
    *ret_number = number;
    return number > 0 ? 0 : ENGINE_E_RECORD;
}

static int load_ended(struct engine *e, const char *key, const json_t *o)
{
    const char *syncshell = get_text(o, "syncshell");
    const char *session = get_text(o, "session");
    const char *other = get_text(o, "other");
    struct record_ended ended = {.code = get_text(o, "code"),
                                 .joiner = json_is_true(json_object_get(o, "joiner")),
                                 .cause = get_text(o, "cause"),
                                 .label = get_text(o, "label")};
    uint64_t number, outcome;
    if (parse_number_key(key, &number) != 0 || !syncshell ||
        wire_id_set(&ended.syncshell_id, syncshell) != 0)
        return ENGINE_E_RECORD;
    if (ended.code)
        return ending_load(e, number, &ended);
    if (!session || !other || wire_id_set(&ended.session_id, session) != 0 ||
        wire_peer_id_set(&ended.other, other) != 0 ||
        get_number(o, "generation", WIRE_INTEGER_MAX, &ended.generation) != 0 ||
        get_number(o, "outcome", SESSION_OUTCOME_CANCELLED, &outcome) != 0 ||
        outcome == SESSION_OUTCOME_NONE)
        return ENGINE_E_RECORD;
    ended.outcome = (enum session_outcome)outcome;
    return ending_load(e, number, &ended);
}

static int load(struct engine *e, const char *kind, const char *key, const json_t *o)
{
    if (str_equal(kind, RECORD_CLIENT))
        return load_client(e, o);
    if (str_equal(kind, RECORD_SYNCSHELL))
        return load_syncshell(e, key, o);
    if (str_equal(kind, RECORD_SESSION))
        return load_session(e, key, o);
    if (str_equal(kind, RECORD_FILE))
        return load_file(e, key, o);
    if (str_equal(kind, RECORD_MANIFEST))
        return load_manifest(e, key, o);
    if (str_equal(kind, RECORD_REQUEST))
        return load_request(e, key, o);
    if (str_equal(kind, RECORD_ENDED))
        return load_ended(e, key, o);
    return ENGINE_E_RECORD_NEWER;
}

int record_load(struct engine *e, const char *kind, const char *key, const void *value, size_t size)
{
    json_t *o = NULL;
    uint64_t version;
    int r = strict_json_load(&o, value, size, RECORD_DEPTH_MAX);
    if (r != 0)
        return record_error(r);
    if (get_number(o, "v", UINT32_MAX, &version) != 0)
        r = ENGINE_E_RECORD;
    else if (version <= RECORD_VERSION)
        r = load(e, kind, key, o);
    else
        r = ENGINE_E_RECORD_NEWER;
    json_decref(o);
    return r;
}
