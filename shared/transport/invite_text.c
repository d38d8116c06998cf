#include "transport/invite_text.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "transport/base64url.h"

enum { PREFIX_LENGTH = sizeof(INVITE_PREFIX) - 1 };

static int encode(char *ret_text, size_t size, size_t *ret_size, const struct buf *json)
{
    size_t needed = PREFIX_LENGTH + base64url_length(json->size) + 1;

    *ret_size = needed;
    if (size < needed)
        return INVITE_TEXT_E_BUFFER;
    memcpy(ret_text, INVITE_PREFIX, PREFIX_LENGTH);
    base64url_encode(ret_text + PREFIX_LENGTH, size - PREFIX_LENGTH, json->data, json->size);
    return 0;
}

int invite_text_encode(char *ret_text, size_t size, size_t *ret_size, const struct invite *i)
{
    struct buf json = BUF_INIT(INVITE_TEXT_MAX);
    int r = invite_encode_json(&json, i);

    /* The longest URL, ids and keys stay far below the maximum, so BUF_E_FULL cannot come. */
    if (!r)
        r = encode(ret_text, size, ret_size, &json);
    if (json.data)
        OPENSSL_cleanse(json.data, json.size);
    buf_deinit(&json);
    return r;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int invite_text_decode(struct invite *ret_invite, const char *text, size_t length)
{
    uint8_t json[INVITE_TEXT_MAX];
    size_t size;
    int r;

    while (length > 0 && is_blank(text[0])) {
        text++;
        length--;
    }
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    if (length <= PREFIX_LENGTH || length > INVITE_TEXT_MAX ||
        memcmp(text, INVITE_PREFIX, PREFIX_LENGTH) != 0)
        return INVITE_E_INVALID;
    if (base64url_decode(json, sizeof json, &size, text + PREFIX_LENGTH, length - PREFIX_LENGTH) <
        0)
        return INVITE_E_INVALID;
    r = invite_decode_json(ret_invite, json, size);
    OPENSSL_cleanse(json, sizeof json);
    return r;
}
