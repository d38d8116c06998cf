-- Who makes syncshells and deletes them, for ever, leaves no more than so many tombstones: those of each owner are counted.

CREATE INDEX syncshell_tombstone_by_owner ON syncshell_tombstone (owner_peer_id, expires_unix_ms);
