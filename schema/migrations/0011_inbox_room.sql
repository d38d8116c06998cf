-- What the inboxes hold, so that a message more needs no look at those before it: of one inbox, of one sender, of all.

ALTER TABLE member ADD COLUMN held_rows INTEGER NOT NULL DEFAULT 0; -- in its inbox, unacknowledged
ALTER TABLE member ADD COLUMN held_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE syncshell ADD COLUMN held_bytes INTEGER NOT NULL DEFAULT 0; -- in all its inboxes

-- Who sent it. Not a column of member: what a former member sent stays, and is its own if it comes back.
CREATE TABLE inbox_sender (
    id         INTEGER PRIMARY KEY,
    syncshell  INTEGER NOT NULL REFERENCES syncshell (id) ON DELETE CASCADE,
    peer_id    TEXT NOT NULL,
    held_bytes INTEGER NOT NULL,
    UNIQUE (syncshell, peer_id)
) STRICT;

UPDATE member SET (held_rows, held_bytes) = (SELECT count(*), coalesce(sum(frame_bytes), 0)
    FROM inbox_message WHERE target = member.id AND frame IS NOT NULL);
UPDATE syncshell SET held_bytes =
    (SELECT coalesce(sum(held_bytes), 0) FROM member WHERE member.syncshell = syncshell.id);
INSERT INTO inbox_sender (syncshell, peer_id, held_bytes)
    SELECT syncshell, source_peer_id, sum(frame_bytes) FROM inbox_message JOIN member ON member.id = target
    WHERE frame IS NOT NULL GROUP BY syncshell, source_peer_id;

-- Messages go in many ways: acknowledged, expired, with their reader, with the syncshell.
CREATE TRIGGER inbox_message_held_more AFTER INSERT ON inbox_message WHEN NEW.frame IS NOT NULL BEGIN
    UPDATE member SET held_rows = held_rows + 1, held_bytes = held_bytes + NEW.frame_bytes WHERE id = NEW.target;
    UPDATE syncshell SET held_bytes = held_bytes + NEW.frame_bytes
        WHERE id = (SELECT syncshell FROM member WHERE id = NEW.target);
    INSERT INTO inbox_sender (syncshell, peer_id, held_bytes)
        SELECT syncshell, NEW.source_peer_id, NEW.frame_bytes FROM member WHERE id = NEW.target
        ON CONFLICT (syncshell, peer_id) DO UPDATE SET held_bytes = held_bytes + excluded.held_bytes;
END;

CREATE TRIGGER inbox_message_emptied AFTER UPDATE OF frame ON inbox_message
WHEN OLD.frame IS NOT NULL AND NEW.frame IS NULL BEGIN
    UPDATE member SET held_rows = held_rows - 1, held_bytes = held_bytes - OLD.frame_bytes WHERE id = OLD.target;
    UPDATE syncshell SET held_bytes = held_bytes - OLD.frame_bytes
        WHERE id = (SELECT syncshell FROM member WHERE id = OLD.target);
    UPDATE inbox_sender SET held_bytes = held_bytes - OLD.frame_bytes
        WHERE syncshell = (SELECT syncshell FROM member WHERE id = OLD.target) AND peer_id = OLD.source_peer_id;
    DELETE FROM inbox_sender WHERE syncshell = (SELECT syncshell FROM member WHERE id = OLD.target)
        AND peer_id = OLD.source_peer_id AND held_bytes <= 0;
END;

-- A cascade comes when the member is gone already, and would be counted nowhere: its inbox must go before it.
CREATE TRIGGER inbox_message_held_less AFTER DELETE ON inbox_message WHEN OLD.frame IS NOT NULL BEGIN
    UPDATE member SET held_rows = held_rows - 1, held_bytes = held_bytes - OLD.frame_bytes WHERE id = OLD.target;
    UPDATE syncshell SET held_bytes = held_bytes - OLD.frame_bytes
        WHERE id = (SELECT syncshell FROM member WHERE id = OLD.target);
    UPDATE inbox_sender SET held_bytes = held_bytes - OLD.frame_bytes
        WHERE syncshell = (SELECT syncshell FROM member WHERE id = OLD.target) AND peer_id = OLD.source_peer_id;
    DELETE FROM inbox_sender WHERE syncshell = (SELECT syncshell FROM member WHERE id = OLD.target)
        AND peer_id = OLD.source_peer_id AND held_bytes <= 0;
END;
