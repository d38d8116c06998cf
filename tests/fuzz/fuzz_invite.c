/* The JSON inside an invite that a user has pasted. What is accepted must encode and decode to the same invite. */
#include "fuzz.h"

#include <string.h>

#include "wire/invite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf json = BUF_INIT(INVITE_TEXT_MAX);
    struct invite invite;
    struct invite again;
    int r = invite_decode_json(&invite, data, size);

    if (r) {
        fuzz_check(r == INVITE_E_INVALID);
        return 0;
    }
    fuzz_check(invite_encode_json(&json, &invite) == 0);
    fuzz_check(invite_decode_json(&again, json.data, json.size) == 0);
    fuzz_check(memcmp(&invite, &again, sizeof(invite)) == 0);
    buf_deinit(&json);
    return 0;
}
