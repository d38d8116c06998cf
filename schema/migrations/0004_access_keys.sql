-- The keys with which the operator lets people create syncshells. A key is 32 random bytes, so its SHA-256 needs no salt and
-- no slow hash. Revoked ones stay, so that their holders hear why.

CREATE TABLE access_key (
    id                INTEGER PRIMARY KEY,
    key_id            TEXT NOT NULL UNIQUE, -- the part of the key that is no secret
    name              TEXT NOT NULL,        -- for the operator
    sha256            TEXT NOT NULL,        -- of the whole key, lower-case hex
    created_unix_ms   INTEGER NOT NULL,
    expires_unix_ms   INTEGER,              -- NULL: never
    revoked_unix_ms   INTEGER,
    last_used_unix_ms INTEGER
) STRICT;
