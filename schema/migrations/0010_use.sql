-- When a member was last in a syncshell: what nobody uses does not stay for ever. A day, so that using it costs a write a day.

ALTER TABLE syncshell ADD COLUMN used_unix_day INTEGER NOT NULL DEFAULT 0;
UPDATE syncshell SET used_unix_day = CAST(strftime('%s', 'now') AS INTEGER) / 86400; -- nobody knows better

CREATE INDEX syncshell_by_use ON syncshell (used_unix_day) WHERE syncshell_id NOT GLOB '~*';
