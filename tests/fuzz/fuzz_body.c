/* The plaintext of a body from another member. The first byte chooses the kind of body, the rest is its JSON. What is
 * accepted must encode, decode again and encode to the same bytes. */
#include "fuzz.h"

#include <string.h>

#include "bodies.h"

enum { BODY_BYTES_MAX = 16 * 1024 * 1024 };

static void check_round_trip(const struct body_codec *codec, const union body_any *body)
{
    struct buf first = BUF_INIT(BODY_BYTES_MAX);
    struct buf second = BUF_INIT(BODY_BYTES_MAX);
    union body_any again;

    fuzz_check(codec->encode(&first, body) == 0);
    fuzz_check(codec->decode(&again, first.data, first.size) == 0);
    fuzz_check(codec->encode(&second, &again) == 0);
    fuzz_check(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    codec->deinit(&again);
    buf_deinit(&first);
    buf_deinit(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct body_codec *codec;
    union body_any body;
    int r;

    if (size == 0)
        return 0;
    codec = &body_codecs[data[0] % BODY_CODECS];
    r = codec->decode(&body, data + 1, size - 1);
    if (r == 0) {
        check_round_trip(codec, &body);
        codec->deinit(&body);
    } else {
        fuzz_check(r == BODY_E_INVALID);
    }
    return 0;
}
