-- A session may be handed over more than once while a device is away: the last few joiners before, with a blank between.

ALTER TABLE session RENAME COLUMN former_peer_id TO former_peer_ids;
