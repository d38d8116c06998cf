-- What owners have done to their syncshells, and what stays of those that are gone.

ALTER TABLE syncshell ADD COLUMN owner_sequence INTEGER NOT NULL DEFAULT 0; -- the owners' operations, counted
ALTER TABLE syncshell ADD COLUMN owner_operation TEXT NOT NULL DEFAULT ''; -- the last one: knows it when it is repeated

-- Peers that an owner removed: they do not become members again.
CREATE TABLE removed_member (
    id        INTEGER PRIMARY KEY,
    syncshell INTEGER NOT NULL REFERENCES syncshell (id) ON DELETE CASCADE,
    peer_id   TEXT NOT NULL,
    UNIQUE (syncshell, peer_id)
) STRICT;

-- A syncshell that is gone. Its row in the table syncshell has lost its id and is removed in steps.
CREATE TABLE syncshell_tombstone (
    id              INTEGER PRIMARY KEY,
    syncshell_id    TEXT NOT NULL UNIQUE,
    expired         INTEGER NOT NULL, -- 0: deleted by its owner; 1: nobody used it
    owner_peer_id   TEXT NOT NULL,
    expires_unix_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX syncshell_tombstone_expiry ON syncshell_tombstone (expires_unix_ms);

-- Rows whose id was taken away: no id on the wire begins so.
CREATE INDEX syncshell_garbage ON syncshell (id) WHERE syncshell_id GLOB '~*';
