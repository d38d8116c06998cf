/* A TURN server's answer to the doctor, from whoever answers at that address. */
#include "fuzz.h"

#include <string.h>

#include "app/doctor/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t transaction[STUN_TRANSACTION_SIZE] = "transaction";
    struct stun_response r;
    if (stun_response_parse(&r, data, size, transaction)) {
        fuzz_check(size >= 20 && memcmp(data + 8, transaction, sizeof transaction) == 0);
        fuzz_check(strlen(r.realm) < sizeof r.realm && strlen(r.nonce) < sizeof r.nonce);
        fuzz_check(r.error_code >= 0 && r.error_code < 1000);
        fuzz_check(r.relayed.size == 0 || r.relayed.size == 4 || r.relayed.size == 16);
        (void)stun_address_is_private(&r.relayed);
    }
    return 0;
}
