#include "adapters/store_sqlite/story.h"

#include <stdio.h>
#include <string.h>

#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/migrate.h"

enum { REASON_MAX = 300 };

static int read_attempts(struct db *db, int64_t session, const struct story_reader *reader)
{
    static const char sql[] =
        "SELECT peer_id, generation, attempt, result, cause, elapsed_ms, ice_server, at_unix_ms"
        " FROM session_attempt WHERE session = ? ORDER BY id";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_int(st, session);
    while ((r = statement_step(st)) == STATEMENT_ROW) {
        struct story_attempt a = {0};
        char result[16];

        statement_text(st, 0, a.peer_id.text, sizeof a.peer_id.text);
        a.generation = statement_uint(st, 1);
        a.attempt = statement_uint(st, 2);
        statement_text(st, 3, result, sizeof result);
        a.connected = strcmp(result, "connected") == 0;
        statement_text(st, 4, a.cause.text, sizeof a.cause.text);
        a.elapsed_ms = statement_uint(st, 5);
        statement_text(st, 6, a.ice_server, sizeof a.ice_server);
        a.at_unix_ms = statement_int(st, 7);
        reader->attempt(reader->userdata, &a);
    }
    return r;
}

static void take_session(struct statement *st, struct story_session *ret_session)
{
    struct story_session *s = ret_session;

    statement_text(st, 1, s->syncshell_id.text, sizeof s->syncshell_id.text);
    statement_text(st, 2, s->recovery_session_id.text, sizeof s->recovery_session_id.text);
    statement_text(st, 3, s->joiner_peer_id.text, sizeof s->joiner_peer_id.text);
    statement_text(st, 4, s->provider_peer_id.text, sizeof s->provider_peer_id.text);
    s->generation = statement_uint(st, 5);
    statement_text(st, 6, s->state, sizeof s->state);
    if (!statement_is_null(st, 7))
        statement_text(st, 7, s->outcome, sizeof s->outcome);
    statement_text(st, 8, s->cause.text, sizeof s->cause.text);
    s->expires_unix_ms = statement_int(st, 9);
}

static int read_sessions(struct db *db, const char *session_id, const struct story_reader *reader)
{
    static const char sql[] =
        "SELECT s.id, y.syncshell_id, s.recovery_session_id, s.joiner_peer_id, s.provider_peer_id,"
        " s.generation, s.state, s.outcome, s.cause, s.expires_unix_ms"
        " FROM session s JOIN syncshell y ON y.id = s.syncshell"
        " WHERE substr(s.recovery_session_id, 1, length(?1)) = ?1"
        " ORDER BY s.recovery_session_id = ?1 DESC, s.id DESC LIMIT ?2";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int n = 0, r;

    statement_bind_text(st, session_id);
    statement_bind_int(st, STORY_SESSIONS_MAX);
    while ((r = statement_step(st)) == STATEMENT_ROW) {
        struct story_session s = {0};

        take_session(st, &s);
        reader->session(reader->userdata, &s);
        r = read_attempts(db, statement_int(st, 0), reader);
        if (r < 0)
            return r;
        n++;
    }
    return r < 0 ? r : n;
}

int story_read(const char *path, const char *session_id, const struct story_reader *reader,
               char *ret_error, size_t error_size)
{
    char reason[REASON_MAX];
    struct db db;
    int r = db_open_reader(&db, path);

    if (r < 0)
        (void)snprintf(reason, sizeof reason, "cannot be opened: %s", db.error);
    else if ((r = migrate_check_owner(&db, reason, sizeof reason)) == 0)
        r = migrate_check_current(&db, reason, sizeof reason);
    if (r == 0) {
        r = db_begin(&db, false); /* one moment for all that is read */
        if (r == 0)
            r = read_sessions(&db, session_id, reader);
        if (r < 0)
            (void)snprintf(reason, sizeof reason, "cannot be read: %s", db.error);
        db_rollback(&db);
    }
    if (r < 0)
        (void)snprintf(ret_error, error_size, "%s %s", path, reason);
    db_close(&db);
    return r;
}
