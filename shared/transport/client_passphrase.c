/* The public functions for syncshells whose secret comes from a passphrase. It is made into the secret here, on the caller's
 * thread: it takes too long for the one that serves the network. The passphrase itself is kept nowhere. */
#include "transport/client.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/str.h"
#include "client/engine.h"
#include "transport/command.h"
#include "transport/io_thread.h"
#include "transport/passphrase.h"

enum { ID_BYTES = 8 };

static bool passphrase_ok(const char *passphrase, size_t *length)
{
    if (!passphrase)
        return false;
    if (*length == SYNCSHELL_ZERO_TERMINATED)
        *length = strnlen(passphrase, PASSPHRASE_BYTES_MAX + 1);
    return *length >= PASSPHRASE_BYTES_MIN && *length <= PASSPHRASE_BYTES_MAX &&
           !memchr(passphrase, '\0', *length) && str_utf8_valid(passphrase, *length);
}

static int32_t with_secret(syncshell_client *client, enum command_kind kind,
                           const struct wire_id *id, const char *passphrase, size_t length,
                           uint64_t *ret_ticket)
{
    struct command *c;
    bool relay_known;
    int r;

    if (!passphrase_ok(passphrase, &length))
        return SYNCSHELL_E_PASSPHRASE;
    c = command_new(kind);
    if (!c)
        return SYNCSHELL_E_NO_MEMORY;
    c->invite.syncshell_id = *id;
    relay_known = str_copy(c->invite.relay_url, sizeof c->invite.relay_url,
                           engine_relay_url(io_thread_lock_engine(client->io))) == 0 &&
                  *c->invite.relay_url;
    io_thread_unlock_engine(client->io);
    r = relay_known ? passphrase_secret(passphrase, length, id, &c->invite.secret) : 0;
    if (!relay_known || r < 0) {
        (void)command_free(c);
        return relay_known ? SYNCSHELL_E_NO_MEMORY : SYNCSHELL_E_ARGUMENT;
    }
    return client_submit(client, c, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_client_create_with_passphrase(syncshell_client *client,
                                                               const char *passphrase,
                                                               size_t length, uint64_t *ret_ticket)
{
    unsigned char bytes[ID_BYTES];
    char text[2 * ID_BYTES + 1];
    struct wire_id id;

    if (!client)
        return SYNCSHELL_E_ARGUMENT;
    /* The salt, so it must be random: nobody may begin with the guesses before there is a syncshell. */
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return SYNCSHELL_E_SYSTEM;
    str_hex(text, bytes, sizeof bytes);
    (void)wire_id_set(&id, text);
    return with_secret(client, COMMAND_CREATE, &id, passphrase, length, ret_ticket);
}

int32_t SYNCSHELL_CALL syncshell_client_join_with_passphrase(syncshell_client *client,
                                                             const char *syncshell_id,
                                                             const char *passphrase, size_t length,
                                                             uint64_t *ret_ticket)
{
    struct wire_id id;

    if (!client || !syncshell_id || wire_id_set(&id, syncshell_id) < 0)
        return SYNCSHELL_E_ARGUMENT;
    return with_secret(client, COMMAND_JOIN, &id, passphrase, length, ret_ticket);
}
