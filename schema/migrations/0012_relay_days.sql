-- Syncshells expire when nobody used them. While the relay was off nobody could: its days are those on which it ran.

ALTER TABLE meta ADD COLUMN relay_day INTEGER NOT NULL DEFAULT 0; -- one more for each day on which it ran
ALTER TABLE meta ADD COLUMN unix_day INTEGER NOT NULL DEFAULT 0;  -- which one that was
UPDATE meta SET relay_day = (SELECT coalesce(max(used_unix_day), 0) FROM syncshell);
UPDATE meta SET unix_day = relay_day;

ALTER TABLE syncshell RENAME COLUMN used_unix_day TO used_day; -- one of the relay's
