#include "client/restore.h"

#include <stdlib.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/envelope.h"
#include "client/notify.h"
#include "client/progress.h"
#include "client/record.h"
#include "client/request.h"
#include "client/session.h"

void restore_pump(struct session *s)
{
    struct request r;
    struct message m = {.type = MESSAGE_SESSION_SNAPSHOT_REQUEST};
    if (session_in_flight(s, REQUEST_SNAPSHOT) || !session_request(s, REQUEST_SNAPSHOT, m.type, &r))
        return;
    m.session_snapshot_request.message_id = r.message_id;
    m.session_snapshot_request.syncshell_id = s->syncshell->id;
    m.session_snapshot_request.recovery_session_id = s->id;
    m.session_snapshot_request.after_version = s->restore_after;
    request_send(s->syncshell->engine, &m, &r);
}

/* What the application reported since is newer than the log. NULL, or the code of what went wrong. */
static const char *hold_all(struct session *s, struct body_file_list *files)
{
    for (size_t i = 0; i < files->n_files; i++) {
        struct map_node *known = map_find(&s->files, files->files[i].path);
        struct held_file *held;
        if (known && !container_of(known, struct held_file, node)->restored)
            continue;
        int r = progress_hold(s, &files->files[i], &held);
        engine_check(s->syncshell->engine, r < 0 ? r : 0);
        if (r != 0)
            return r > 0 ? CODE_LIBRARY_FULL : NULL;
        held->restored = true;
        record_put_file(s, held);
    }
    return NULL;
}

/* The label is of the side that opened the session, the files are the joiner's: ours. */
static const char *take_plain(struct session *s, const struct message_snapshot_entry *meta,
                              const struct buf *plain, bool own)
{
    struct body_session_entry entry;
    int r = body_session_entry_decode(&entry, plain->data, plain->size);
    engine_check(s->syncshell->engine, r < 0 ? r : 0);
    if (r != 0)
        return CODE_BAD_BODY;
    if (meta->type == MESSAGE_SESSION_OPEN && !s->label) {
        s->label = entry.label;
        entry.label = NULL;
    }
    const char *code = own ? hold_all(s, &entry.files) : NULL;
    body_session_entry_deinit(&entry);
    return code;
}

/* Who wrote entries beside us and the other side: a joiner that handed the session over to us. NULL: nobody. */
static const char *former_joiner(const struct session *s, const struct message_session_snapshot *m)
{
    const char *self = s->syncshell->engine->config.peer_id.text;
    for (size_t i = 0; i < m->n_entries; i++) {
        const char *source = m->entries[i].source_peer_id.text;
        if (!str_equal(source, self) && !str_equal(source, s->other.text))
            return source;
    }
    return NULL;
}

/* An entry that does not open was not made by who should have, or was moved: it is left out, and said. A former joiner's is of
 * files that are on its disk, not here. */
static void take_entry(struct session *s, const struct message_snapshot_entry *meta,
                       const char *former, const uint8_t *data)
{
    struct engine *e = s->syncshell->engine;
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    const char *source = meta->source_peer_id.text;
    const char *self = e->config.peer_id.text;
    bool own = str_equal(source, self);
    bool provider = str_equal(source, s->other.text);
    const char *code = CODE_BAD_SEAL;
    if (own || (provider && meta->type == MESSAGE_SESSION_OPEN))
        code = envelope_open_entry(s, meta, self, data, &plain);
    if (code && former && !own && (!provider || meta->type == MESSAGE_SESSION_OPEN))
        code = envelope_open_entry(s, meta, provider ? former : source, data, &plain);
    if (!code)
        code = take_plain(s, meta, &plain, own);
    if (code && *code)
        notify_failed(e, 0, code, "an entry of the relay's log was not taken", false,
                      s->syncshell->id.text, s->id.text);
    buf_deinit(&plain);
}

void restore_page(struct session *s, const struct message_session_snapshot *m, const uint8_t *body)
{
    size_t at = 0;
    uint64_t before = s->restore_after;
    const char *former = former_joiner(s, m);
    if (s->phase != SESSION_RESTORING)
        return;
    for (size_t i = 0; i < m->n_entries; i++) {
        const struct message_snapshot_entry *entry = &m->entries[i];
        if (entry->version > s->restore_after) { /* not what came before, once more */
            if (entry->size_bytes > 0)
                take_entry(s, entry, former, body + at);
            s->restore_after = entry->version;
        }
        at += entry->size_bytes;
    }
    if (!m->complete && s->restore_after > before)
        return;
    s->phase = SESSION_OPENED;
    progress_checkpoint(s, m->version); /* what is in the journal now becomes the log */
    s->announced = true;
    notify_send(s->syncshell->engine, notify_session(s, SYNCSHELL_EVENT_SESSION_RESUMED, 0));
}
