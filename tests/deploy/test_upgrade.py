"""From the database of the version before, by a start and by a restore; and no way back but a backup."""

import hashlib
import sqlite3
import subprocess
from pathlib import Path

import pytest
from support.command import on_store
from support.process import INHERITED, RELAY, Relay
from support.wait import LIMIT_S
from test_recovery import begin

MIGRATIONS = sorted((Path(__file__).resolve().parents[2] / "schema/migrations").glob("*.sql"))
APPLICATION_ID = 0x53796E63


RENAMED = {"former_peer_id": "former_peer_ids", "used_unix_day": "used_day"}

# What a syncshell may have, from the migration on that made room for it.
CONTENT = {
    1: """
        INSERT INTO syncshell (syncshell_id, group_public_key, owner_peer_id) VALUES ('old', 'key', 'ed25519:old');
        INSERT INTO member (syncshell, peer_id, inbox_head, inbox_acked) VALUES (1, 'ed25519:old', 3, 1), (1, 'ed25519:new', 0, 0);
        INSERT INTO session (syncshell, recovery_session_id, joiner_peer_id, provider_peer_id, generation, version, log_bytes,
                             has_entries, state, outcome, expired, expires_unix_ms) VALUES
            (1, 'open', 'ed25519:new', 'ed25519:old', 7, 300, 5, 1, 'open', NULL, 0, 9000000000000),
            (1, 'closed', 'ed25519:old', 'ed25519:new', 1, 1, 4, 1, 'closed', 'failed', 1, 9000000000000),
            (1, 'empty', 'ed25519:old', 'ed25519:new', 1, 1, 0, 0, 'closed', 'completed', 0, 9000000000000);
        INSERT INTO session_entry (session, version, kind, source_peer_id, message_id, body_format, body) VALUES
            (1, 298, 2, 'ed25519:new', 'm298', 1, NULL), (1, 299, 3, 'ed25519:new', 'm299', 1, x'00ff'),
            (1, 300, 2, 'ed25519:new', 'm300', 2, x'7b7d0a'), (2, 1, 1, 'ed25519:old', 'm1', 0, x'');
        INSERT INTO inbox_message (target, seq, source_peer_id, message_id, frame_bytes, expires_unix_ms, frame) VALUES
            (1, 1, 'ed25519:new', 'i1', 3, 9000000000000, NULL), (1, 2, 'ed25519:new', 'i2', 3, 9000000000000, x'010203'),
            (1, 3, 'ed25519:gone', 'i3', 2, 9000000000000, x'0405');""",
    2: """
        UPDATE syncshell SET owner_sequence = 2, owner_operation = 'the last';
        INSERT INTO removed_member (syncshell, peer_id) VALUES (1, 'ed25519:gone');
        INSERT INTO syncshell_tombstone (syncshell_id, expired, owner_peer_id, expires_unix_ms)
            VALUES ('deleted', 0, 'ed25519:old', 9000000000000);""",
    3: """
        UPDATE session SET cause = 'ice_failed', cause_generation = 7, cause_peer_id = 'ed25519:new' WHERE id = 1;
        INSERT INTO session_attempt (session, peer_id, message_id, generation, attempt, result, cause, elapsed_ms, ice_server,
                                     at_unix_ms) VALUES (1, 'ed25519:new', 'a1', 7, 2, 'failed', 'ice_failed', 4000, '', 5);""",
    4: "INSERT INTO access_key (key_id, name, sha256, created_unix_ms) VALUES ('k1', 'a friend', 'ab', 5);",
    5: """
        UPDATE session SET former_peer_id = 'ed25519:old' WHERE id = 2;
        INSERT INTO recovery_code (session, sha256, expires_unix_ms) VALUES (1, 'cd', 9000000000000);""",
    8: "UPDATE session SET opened_by = joiner_peer_id;",
    9: "UPDATE syncshell SET created_by = owner_peer_id;",
    10: "UPDATE syncshell SET used_unix_day = 20000;",
    12: "UPDATE meta SET relay_day = 20000, unix_day = 20000;",
}

# What later migrations made of it, each 1.
CONSEQUENCES = (
    "(SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok')",
    "(SELECT count(*) = 0 FROM pragma_foreign_key_check)",
    "(SELECT min(opened_by = joiner_peer_id) FROM session)",
    "(SELECT min(created_by = owner_peer_id) FROM syncshell)",
    "(SELECT used_day >= 20000 AND held_bytes = 5 FROM syncshell)",
    "(SELECT group_concat(held_rows || ',' || held_bytes, ' ') = '2,5 0,0' FROM member)",
    "(SELECT group_concat(peer_id || ',' || held_bytes, ' ') = 'ed25519:gone,2 ed25519:new,3' FROM"
    "  (SELECT * FROM inbox_sender ORDER BY peer_id))",
)


def columns_of(connection):
    """By table, as it is."""
    tables = [name for name, in connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_migration' ORDER BY name")]
    return {table: [name for name, in connection.execute("SELECT name FROM pragma_table_info(?)", [table])] for table in tables}


def has_column(connection, name):
    return any(name in columns for columns in columns_of(connection).values())


def content_of(file, columns=None):
    """The columns, and all rows: of these columns, whatever they are called by now."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        present = columns_of(connection)
        columns = columns or present
        return columns, {
            table: connection.execute(
                "SELECT " + ", ".join(name if name in present[table] else RENAMED[name] for name in names) +
                f" FROM {table} ORDER BY id").fetchall()
            for table, names in columns.items()}


def make_database(file, n_migrations):
    """As a program left it that knew so many migrations, with a syncshell in it that has some of everything."""
    connection = sqlite3.connect(file)
    connection.executescript(
        "PRAGMA page_size = 2048; PRAGMA journal_mode = WAL;"
        "CREATE TABLE schema_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL) STRICT;")
    for number, path in enumerate(MIGRATIONS[:n_migrations], start=1):
        connection.executescript(path.read_text())
        connection.execute("INSERT INTO schema_migration VALUES (?, ?, ?)",
                           [number, path.stem, hashlib.sha256(path.read_bytes()).hexdigest()])
    connection.executescript(
        f"PRAGMA application_id = {APPLICATION_ID};"
        "INSERT INTO meta (id, relay_id, epoch) VALUES (1, '11111111111111111111111111111111', '22222222222222222222222222222222');")
    for number, sql in CONTENT.items():
        if number <= n_migrations:
            for before, after in RENAMED.items():
                if not has_column(connection, before):
                    sql = sql.replace(before, after)
            connection.executescript(sql)
    connection.commit()
    connection.close()
    file.chmod(0o600)


def facts(file):
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        return [connection.execute(f"SELECT {what}").fetchone()[0] for what in (
            "max(version) FROM schema_migration", "relay_id FROM meta", "epoch FROM meta", "count(*) FROM syncshell")]


@pytest.mark.parametrize("n", range(1, len(MIGRATIONS)))
def test_a_start_brings_an_older_database_up_to_date(tmp_path, n):
    relay = Relay(tmp_path)
    make_database(relay.database, n)
    before = facts(relay.database)
    columns, content = content_of(relay.database)
    relay.start()
    assert relay.stop() == 0 and not relay.reports
    assert facts(relay.database) == [len(MIGRATIONS), *before[1:]]
    assert content_of(relay.database, columns)[1] == content
    with sqlite3.connect(relay.database) as connection:
        assert connection.execute("SELECT " + ", ".join(CONSEQUENCES)).fetchone() == (1,) * len(CONSEQUENCES)


def test_an_older_backup_can_be_restored(world):
    assert world.relay.stop() == 0
    old = world.folder / "old.db"
    make_database(old, len(MIGRATIONS) - 1)
    on_store(world.relay.database, "restore", old)
    world.start_relay()
    version, relay_id, epoch, syncshells = facts(world.relay.database)
    assert (version, relay_id, syncshells) == (len(MIGRATIONS), "1" * 32, 1) and epoch != "2" * 32
    begin(world)  # and it works


def test_a_newer_database_is_refused_unchanged(tmp_path):
    file = tmp_path / "relay.db"
    make_database(file, len(MIGRATIONS))
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO schema_migration VALUES (?, 'later', '')", [len(MIGRATIONS) + 1])
    connection.close()
    before = facts(file)
    done = subprocess.run([RELAY, "--set", f"store.path={file}", "--set", "listen.port=0"], capture_output=True, text=True,
                          timeout=LIMIT_S, env=INHERITED, check=False)
    assert done.returncode == 1 and "is newer than this program" in done.stderr, done
    assert facts(file) == before
