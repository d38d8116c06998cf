-- Who pays for a syncshell, for as long as anything of it is stored: not its owner, to whom anybody might hand over theirs.

ALTER TABLE syncshell ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
UPDATE syncshell SET created_by = owner_peer_id;

CREATE INDEX syncshell_by_creator ON syncshell (created_by);
