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

static const char *owner_domain(enum message_type type)
{
    if (type == MESSAGE_REMOVE_MEMBER)
        return "syncshell.v1 remove-member";
    if (type == MESSAGE_TRANSFER_OWNERSHIP)
        return "syncshell.v1 transfer-ownership";
    return type == MESSAGE_ROTATE_GROUP_KEY ? "syncshell.v1 rotate-group-key"
                                            : "syncshell.v1 delete-syncshell";
}

int challenge_owner_operation(struct buf *out, enum message_type type, const char *relay_id,
                              const char *nonce, const struct message_owner_operation *m)
{
    char sequence[sizeof("18446744073709551615")];
    char epoch[sizeof("18446744073709551615")];
    bool key = type == MESSAGE_ROTATE_GROUP_KEY;
    const char *const lines[] = {owner_domain(type),      relay_id, nonce,
                                 m->syncshell_id.text,    sequence, key ? epoch : m->peer_id.text,
                                 m->group_public_key.text};
    size_t n_lines = key ? N_LINES(lines) : N_LINES(lines) - 1;

    if (type == MESSAGE_DELETE_SYNCSHELL)
        n_lines -= 1;
    (void)snprintf(sequence, sizeof(sequence), "%" PRIu64, m->owner_sequence);
    (void)snprintf(epoch, sizeof(epoch), "%" PRIu64, m->key_epoch);
    return lines_append(out, lines, n_lines);
}
