-- Why recoveries fail: a session's cause, which both sides hear, and the attempts that led there, for the operator.

ALTER TABLE session ADD COLUMN cause TEXT NOT NULL DEFAULT '';               -- '' while nothing is wrong
ALTER TABLE session ADD COLUMN cause_generation INTEGER NOT NULL DEFAULT 0;  -- of the attempt that was last judged
ALTER TABLE session ADD COLUMN cause_peer_id TEXT NOT NULL DEFAULT '';       -- whose report it was

-- What the two sides reported of their attempts, the newest ones of each session.
CREATE TABLE session_attempt (
    id         INTEGER PRIMARY KEY,
    session    INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    peer_id    TEXT NOT NULL,
    message_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    result     TEXT NOT NULL CHECK (result IN ('connected', 'failed')),
    cause      TEXT NOT NULL,
    elapsed_ms INTEGER NOT NULL,
    ice_server TEXT NOT NULL,
    at_unix_ms INTEGER NOT NULL,
    UNIQUE (session, peer_id, message_id)
) STRICT;
