#include "wire/challenge.h"

#include <inttypes.h>
#include <stdio.h>

#include "wire/lines.h"

#define N_LINES(lines) (sizeof(lines) / sizeof((lines)[0]))

int challenge_authenticate(struct buf *out, const char *origin, const char *relay_id,
                           const char *nonce, const char *peer_id)
{
    const char *const lines[] = {"syncshell.v1 authenticate", origin, relay_id, nonce, peer_id};

    return lines_append(out, lines, N_LINES(lines));
}

int challenge_create(struct buf *out, const char *relay_id, const char *nonce,
                     const char *syncshell_id, const char *peer_id, const char *group_public_key)
{
    const char *const lines[] = {"syncshell.v1 create", relay_id, nonce,
                                 syncshell_id,          peer_id,  group_public_key};

    return lines_append(out, lines, N_LINES(lines));
}

int challenge_join(struct buf *out, const char *relay_id, const char *nonce,
                   const char *syncshell_id, const char *peer_id, uint64_t key_epoch)
{
    char epoch[sizeof("18446744073709551615")];
    const char *const lines[] = {"syncshell.v1 join", relay_id, nonce,
                                 syncshell_id,        peer_id,  epoch};

    (void)snprintf(epoch, sizeof(epoch), "%" PRIu64, key_epoch);
    return lines_append(out, lines, N_LINES(lines));
}
