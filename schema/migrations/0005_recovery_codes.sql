-- Codes that hand an open session to another device: of a code its hash alone. It is of 80 random bits and more, so its SHA-256
-- needs no salt and no slow hash.

ALTER TABLE session ADD COLUMN former_peer_id TEXT NOT NULL DEFAULT ''; -- who was joiner before the last handing over

CREATE TABLE recovery_code (
    id              INTEGER PRIMARY KEY,
    session         INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    sha256          TEXT NOT NULL UNIQUE,
    expires_unix_ms INTEGER NOT NULL, -- stays for a day after that, so that its holder hears why
    redeemed_by     TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX recovery_code_by_session ON recovery_code (session);
CREATE INDEX recovery_code_expiry ON recovery_code (expires_unix_ms);
