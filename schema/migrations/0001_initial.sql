-- What a relay remembers: who belongs to which syncshell, recovery sessions with their logs, and inboxes.
--
-- Bodies are opaque here: the relay stores what members sealed. Times are milliseconds since the Unix epoch. Rows that
-- hold bodies are in rowid tables, which SQLite writes several times faster than WITHOUT ROWID ones at these sizes.

CREATE TABLE meta (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    relay_id TEXT NOT NULL,             -- made once, part of what clients sign
    epoch    TEXT NOT NULL,             -- made once, and again when a backup is restored
    probes   INTEGER NOT NULL DEFAULT 0 -- writes made only to see whether writing works again
) STRICT;

CREATE TABLE syncshell (
    id               INTEGER PRIMARY KEY,
    syncshell_id     TEXT NOT NULL UNIQUE,
    group_public_key TEXT NOT NULL,
    owner_peer_id    TEXT NOT NULL,
    key_epoch        INTEGER NOT NULL DEFAULT 1,
    inbox_floor      INTEGER NOT NULL DEFAULT 0 -- highest inbox_head of members that are gone: a new one starts there
) STRICT;

CREATE TABLE member (
    id          INTEGER PRIMARY KEY,
    syncshell   INTEGER NOT NULL REFERENCES syncshell (id) ON DELETE CASCADE,
    peer_id     TEXT NOT NULL,
    inbox_head  INTEGER NOT NULL, -- highest sequence number given out; stays when the messages are swept
    inbox_acked INTEGER NOT NULL, -- up to here nothing is held: acknowledged, or expired unread
    UNIQUE (syncshell, peer_id),
    CHECK (inbox_acked <= inbox_head)
) STRICT;

-- An open session, or the tombstone of a closed one. Whatever entries a tombstone still has are garbage.
CREATE TABLE session (
    id                  INTEGER PRIMARY KEY,
    syncshell           INTEGER NOT NULL REFERENCES syncshell (id) ON DELETE CASCADE,
    recovery_session_id TEXT NOT NULL,
    joiner_peer_id      TEXT NOT NULL,
    provider_peer_id    TEXT NOT NULL,
    generation          INTEGER NOT NULL DEFAULT 0,
    version             INTEGER NOT NULL,
    log_bytes           INTEGER NOT NULL,           -- of the entries' bodies
    has_entries         INTEGER NOT NULL DEFAULT 1, -- 0: a tombstone whose entries have been removed
    state               TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
    outcome             TEXT CHECK (outcome IN ('completed', 'failed', 'cancelled')),
    expired             INTEGER NOT NULL DEFAULT 0, -- 1: closed by the sweep, not by a member
    expires_unix_ms     INTEGER NOT NULL,           -- open: idle expiry; closed: the tombstone's end
    UNIQUE (syncshell, recovery_session_id),
    CHECK ((state = 'open') = (outcome IS NULL))
) STRICT;

CREATE INDEX session_expiry ON session (state, expires_unix_ms);
CREATE INDEX session_by_state ON session (syncshell, state, expires_unix_ms);
CREATE INDEX session_garbage ON session (id) WHERE state = 'closed' AND has_entries = 1;

CREATE TABLE session_entry (
    id             INTEGER PRIMARY KEY,
    session        INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    version        INTEGER NOT NULL,
    kind           INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),        -- open, progress, checkpoint
    source_peer_id TEXT NOT NULL,
    message_id     TEXT NOT NULL,
    body_format    INTEGER NOT NULL CHECK (body_format IN (0, 1, 2)), -- none, sealed, json
    body           BLOB, -- NULL once a checkpoint replaced it: the row then only remembers message_id
    UNIQUE (session, version),
    UNIQUE (session, message_id)
) STRICT;

CREATE TABLE inbox_message (
    id              INTEGER PRIMARY KEY,
    target          INTEGER NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    seq             INTEGER NOT NULL,
    source_peer_id  TEXT NOT NULL,
    message_id      TEXT NOT NULL,
    frame_bytes     INTEGER NOT NULL,
    expires_unix_ms INTEGER NOT NULL,
    frame           BLOB, -- NULL once acknowledged: the row then only remembers (source_peer_id, message_id)
    UNIQUE (target, seq),
    UNIQUE (target, source_peer_id, message_id)
) STRICT;

CREATE INDEX inbox_message_expiry ON inbox_message (expires_unix_ms);
CREATE INDEX inbox_message_held ON inbox_message (target, seq, frame_bytes) WHERE frame IS NOT NULL;
