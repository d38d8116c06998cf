-- The table again with checks that are comparisons: for each "IN (1, 2, 3)" SQLite built a temporary tree at each insert, which was a
-- third of what an entry cost.

CREATE TABLE session_entry_next (
    id             INTEGER PRIMARY KEY,
    session        INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    version        INTEGER NOT NULL,
    kind           INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),        -- open, progress, checkpoint
    source_peer_id TEXT NOT NULL,
    message_id     TEXT NOT NULL,
    body_format    INTEGER NOT NULL CHECK (body_format BETWEEN 0 AND 2), -- none, sealed, json
    body           BLOB, -- NULL once a checkpoint replaced it: the row then only remembers message_id
    UNIQUE (session, version),
    UNIQUE (session, message_id)
) STRICT;

INSERT INTO session_entry_next SELECT id, session, version, kind, source_peer_id, message_id, body_format, body FROM session_entry;
DROP TABLE session_entry;
ALTER TABLE session_entry_next RENAME TO session_entry;
