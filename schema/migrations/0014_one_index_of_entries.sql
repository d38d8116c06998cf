-- The table again without an index of message ids. They are random, so each new entry touched a page of that index that hardly any
-- other did: a third of what a commit with many logs wrote. The store knows the newest message ids of the logs that grow
-- (OP_ENTRY_IDS_KEPT), and what is sent again says by its version where it would be.

CREATE TABLE session_entry_next (
    id             INTEGER PRIMARY KEY,
    session        INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    version        INTEGER NOT NULL,
    kind           INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),        -- open, progress, checkpoint
    source_peer_id TEXT NOT NULL,
    message_id     TEXT NOT NULL,
    body_format    INTEGER NOT NULL CHECK (body_format BETWEEN 0 AND 2), -- none, sealed, json
    body           BLOB, -- NULL once a checkpoint replaced it: the row then only remembers message_id
    UNIQUE (session, version)
) STRICT;

INSERT INTO session_entry_next SELECT id, session, version, kind, source_peer_id, message_id, body_format, body FROM session_entry;
DROP TABLE session_entry;
ALTER TABLE session_entry_next RENAME TO session_entry;
