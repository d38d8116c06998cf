#include "wire/body_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum {
    SDP_MID_MAX = 256, /* bytes */
    SDP_MLINE_INDEX_MAX = 65535,
};

void body_signal_deinit(struct body_signal *s)
{
    if (!s)
        return;
    free(s->sdp);
    free(s->sdp_mid);
    memset(s, 0, sizeof(*s));
}

static bool text_valid(const char *text, size_t min, size_t max)
{
    size_t length = text ? strnlen(text, max + 1) : 0;

    return text && length >= min && length <= max && str_utf8_valid(text, length);
}

static int description_encode(struct buf *out, const struct body_signal *s, const char *key)
{
    json_t *object;

    if (!text_valid(s->sdp, 1, BODY_SDP_MAX))
        return BODY_E_INVALID;
    object = json_object();
    return body_json_finish(out, object,
                            object ? body_json_set(object, key, json_string(s->sdp)) : -ENOMEM);
}

static int description_decode(struct body_signal *ret_signal, const char *key, const void *json,
                              size_t size)
{
    struct body_signal s = {.sdp_mline_index = -1};
    json_t *object;
    int r = body_json_load(&object, json, size);

    if (r)
        return r;
    r = body_json_dup(&s.sdp, json_object_get(object, key), 1, BODY_SDP_MAX);
    json_decref(object);
    if (!r)
        *ret_signal = s;
    return r;
}

int body_offer_encode(struct buf *out, const struct body_signal *s)
{
    return description_encode(out, s, "offerSdp");
}

int body_offer_decode(struct body_signal *ret_signal, const void *json, size_t size)
{
    return description_decode(ret_signal, "offerSdp", json, size);
}

int body_answer_encode(struct buf *out, const struct body_signal *s)
{
    return description_encode(out, s, "answerSdp");
}

int body_answer_decode(struct body_signal *ret_signal, const void *json, size_t size)
{
    return description_decode(ret_signal, "answerSdp", json, size);
}

int body_candidate_encode(struct buf *out, const struct body_signal *s)
{
    json_t *object;
    int r;

    /* The empty candidate says that there are no more. */
    if (!text_valid(s->sdp, 0, BODY_SDP_MAX) || s->sdp_mline_index > SDP_MLINE_INDEX_MAX ||
        s->sdp_mline_index < -1 || (s->sdp_mid && !text_valid(s->sdp_mid, 0, SDP_MID_MAX)))
        return BODY_E_INVALID;

    object = json_object();
    r = object ? body_json_set(object, "candidate", json_string(s->sdp)) : -ENOMEM;
    if (!r && s->sdp_mid)
        r = body_json_set(object, "sdpMid", json_string(s->sdp_mid));
    if (!r && s->sdp_mline_index >= 0)
        r = body_json_set(object, "sdpMLineIndex", json_integer(s->sdp_mline_index));
    return body_json_finish(out, object, r);
}

int body_candidate_decode(struct body_signal *ret_signal, const void *json, size_t size)
{
    struct body_signal s = {.sdp_mline_index = -1};
    json_t *object;
    const json_t *mid;
    const json_t *index;
    uint64_t number;
    int r = body_json_load(&object, json, size);

    if (r)
        return r;
    /* Browsers write null for what they do not know. */
    mid = json_object_get(object, "sdpMid");
    index = json_object_get(object, "sdpMLineIndex");
    r = body_json_dup(&s.sdp, json_object_get(object, "candidate"), 0, BODY_SDP_MAX);
    if (!r && mid && !json_is_null(mid))
        r = body_json_dup(&s.sdp_mid, mid, 0, SDP_MID_MAX);
    if (!r && index && !json_is_null(index)) {
        r = body_json_u64(&number, index, 0, SDP_MLINE_INDEX_MAX);
        if (!r)
            s.sdp_mline_index = (int32_t)number;
    }
    json_decref(object);
    if (r)
        body_signal_deinit(&s);
    else
        *ret_signal = s;
    return r;
}
