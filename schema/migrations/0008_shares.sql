-- Who pays for what is stored: nobody may take so much of a syncshell's room that others find none.

ALTER TABLE session ADD COLUMN opened_by TEXT NOT NULL DEFAULT ''; -- whose share of the open sessions it is; moves with the joiner
UPDATE session SET opened_by = joiner_peer_id;

CREATE INDEX session_stored ON session (syncshell) WHERE has_entries = 1; -- those whose logs take room
