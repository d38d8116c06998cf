#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "wire/seal.h"

/* Replays what the relay's disk holds of a session's log, as a member could: with the syncshell's key. */

static bool open_entry(struct sim *s, const struct transfer *t, const struct ledger_entry *entry,
                       struct buf *out)
{
    struct station *joiner = &s->peers[t->sides[0].peer].station;
    struct station *provider = &s->peers[t->sides[1].peer].station;
    const struct engine_crypto crypto = stub_crypto_services(&joiner->crypto);
    bool by_joiner = strcmp(entry->writer.text, joiner->config.peer_id.text) == 0;
    const char *other = by_joiner ? provider->config.peer_id.text : joiner->config.peer_id.text;
    struct buf associated = BUF_INIT(1024);
    struct engine_group *group;
    if (crypto.group_new(crypto.userdata, s->ledger.secret.text, s->ledger.shell_id, &group) != 0)
        abort();
    int r = seal_associated_data(&associated, entry->type, s->ledger.shell_id, entry->writer.text,
                                 other, t->id, 0, entry->version);
    if (r == 0)
        r = crypto.open(crypto.userdata, group, associated.data, associated.size, entry->body,
                        entry->size, out);
    crypto.group_free(crypto.userdata, group);
    buf_deinit(&associated);
    return r == 0;
}

static void add_files(const struct buf *plain, bool *ret_ok, uint32_t *files)
{
    struct body_session_entry entry;
    *ret_ok = body_session_entry_decode(&entry, plain->data, plain->size) == 0;
    if (!*ret_ok)
        return;
    for (size_t i = 0; i < entry.files.n_files; i++)
        if (entry.files.files[i].done)
            *files |= UINT32_C(1) << strtoul(entry.files.files[i].path + 5, NULL, 10);
    body_session_entry_deinit(&entry);
}

bool transfer_log(struct sim *s, const struct transfer *t, uint32_t *ret_files)
{
    const struct ledger_session *session = ledger_session(&s->ledger, t->id);
    uint32_t files = 0;
    bool ok = true;
    for (size_t i = 0; session && ok && i < session->n_entries; i++) {
        struct buf plain = BUF_INIT(WIRE_BODY_MAX);
        ok = open_entry(s, t, &session->entries[i], &plain);
        if (ok)
            add_files(&plain, &ok, &files);
        buf_deinit(&plain);
    }
    *ret_files = files;
    return ok;
}
