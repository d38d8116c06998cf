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


def make_database(file, n_migrations):
    """As a program left it that knew so many migrations, with a syncshell in it."""
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
        "INSERT INTO meta (id, relay_id, epoch) VALUES (1, '11111111111111111111111111111111', '22222222222222222222222222222222');"
        "INSERT INTO syncshell (syncshell_id, group_public_key, owner_peer_id) VALUES ('old', 'key', 'ed25519:old');")
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
    relay.start()
    assert relay.stop() == 0 and not relay.reports
    assert facts(relay.database) == [len(MIGRATIONS), *before[1:]]


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
