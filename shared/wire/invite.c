#include "wire/invite.h"

#include <errno.h>
#include <string.h>

#include "wire/field.h"
#include "wire/strict_json.h"

enum { INVITE_DEPTH_MAX = 4 };

/* Printable ASCII behind a scheme that the client can dial; the rest of the syntax is the dialler's. */
static bool relay_url_valid(const char *text, size_t length)
{
    if (strncmp(text, "ws://", 5) != 0 && strncmp(text, "wss://", 6) != 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '!' || text[i] > '~')
            return false;
    }
    return text[length - 1] != ':' && strcmp(text, "ws://") != 0 && strcmp(text, "wss://") != 0;
}

static const struct field invite_fields[] = {
    {FIELD_STRING_AT(struct invite, relay_url, "relay", relay_url_valid)},
    {FIELD_STRING_AT(struct invite, syncshell_id, "id", wire_id_valid)},
    {FIELD_STRING_AT(struct invite, secret, "secret", wire_key_valid)},
    {FIELD_STRING_AT(struct invite, owner_peer_id, "owner", wire_peer_id_valid)},
    {FIELD_U64_AT(struct invite, key_epoch, "epoch", 1),
     FIELD_OPTIONAL_FLAG(struct invite, has_key_epoch)},
    {FIELD_STRING_AT(struct invite, certificate_pin, "pin", wire_key_valid), FIELD_OPTIONAL},
};
static const struct field_group invite_group = FIELD_GROUP(struct invite, invite_fields);

uint64_t invite_key_epoch(const struct invite *i)
{
    return i->has_key_epoch ? i->key_epoch : 1;
}

void invite_set_key_epoch(struct invite *i, uint64_t key_epoch)
{
    i->has_key_epoch = key_epoch != 1;
    i->key_epoch = i->has_key_epoch ? key_epoch : 0;
}

int invite_encode_json(struct buf *out, const struct invite *i)
{
    json_t *object = json_object();
    int r = object ? field_group_write(&invite_group, i, object) : -ENOMEM;

    if (!r)
        r = strict_json_append(out, object);
    json_decref(object);
    return r;
}

int invite_decode_json(struct invite *ret_invite, const void *json, size_t size)
{
    struct field_refusal refusal;
    struct invite invite;
    json_t *object;
    int r;

    if (size > INVITE_TEXT_MAX)
        return INVITE_E_INVALID;
    r = strict_json_load(&object, json, size, INVITE_DEPTH_MAX);
    if (r)
        return r < 0 ? r : INVITE_E_INVALID;

    memset(&invite, 0, sizeof(invite));
    r = field_group_read(&invite_group, &invite, object, &refusal);
    json_decref(object);
    if (r)
        return r < 0 ? r : INVITE_E_INVALID;
    *ret_invite = invite;
    return 0;
}
