"""Backups are whole while a relay works, and putting one back is honest about it."""

import fcntl
import os
import resource
import signal
import sqlite3
import stat

import pytest

from support.command import on_store
from test_recovery import FILES, N_FILES, acknowledged, begin, connect, paths, report


def one(database, query):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchone()[0]


def restore(world, backup):
    """Ends the relay, puts the backup in its place, and starts it again."""
    assert world.relay.stop() == 0
    done = on_store(world.relay.database, "restore", backup)
    world.start_relay()
    return done


def test_a_backup_under_load_comes_back(world):
    """Reports are on their way all the time; what had been stored when the backup began is in it, and a recovery from
    it ends whole, with the epoch's change told."""
    provider, joiner, session = begin(world)
    backup = world.folder / "backup.db"
    report(joiner, session, FILES[500:800])
    joiner.events.wait(where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] > 520)
    versions = [one(world.relay.database, "SELECT version FROM session")]
    done = on_store(world.relay.database, "backup", backup)
    joiner.events.wait(where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == 800)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert done.stdout == f"Saved {world.relay.database} as {backup}, {backup.stat().st_size} bytes.\n"
    assert one(backup, "PRAGMA integrity_check") == "ok" and one(backup, "PRAGMA journal_mode") == "delete"
    versions += [one(backup, "SELECT version FROM session"), one(world.relay.database, "SELECT version FROM session")]
    assert versions == sorted(versions)

    marks = provider.events.mark(), joiner.events.mark()
    relay_id, epoch = (one(backup, f"SELECT {what} FROM meta") for what in ("relay_id", "epoch"))
    text = restore(world, backup).stdout
    assert one(world.relay.database, "SELECT relay_id FROM meta") == relay_id
    assert one(world.relay.database, "SELECT epoch FROM meta") != epoch
    [kept] = world.relay.database.parent.glob("relay.db.before-*")
    assert str(kept) in text and one(kept, "SELECT version FROM session") >= versions[-1]
    for side, mark in zip((provider, joiner), marks):
        assert side.event("syncshell_joined", since=mark)["recovered"] is False
    saved = acknowledged(joiner)
    joiner.send("link", session=session, generation=1, state="lost")
    request = provider.event("recovery_request", since=marks[0], sessionId=session)
    assert saved <= paths(request["held"])
    connect(joiner, provider, session, marks[1], marks[0])
    mark = joiner.events.mark()
    report(joiner, session, [f for f in FILES if f["path"] in paths(request["needed"])])
    joiner.events.wait(since=mark, where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == N_FILES)
    joiner.send("close", session=session, outcome="completed")
    provider.event("session_closed", sessionId=session, outcome="completed")


def rotated(provider, joiner):
    """A new key, with which the joiner is in again; the invite."""
    invite = provider.event("key_rotated", ticket=provider.send("rotate_key"))["invite"]
    joiner.event("membership_ended", code="wrong_key_epoch")
    mark = joiner.events.mark()
    joiner.send("join", invite=invite)
    joiner.event("syncshell_ready", since=mark)
    return invite


@pytest.mark.parametrize("policy", ["open", "nobody"])
def test_a_backup_from_before_a_rotation_is_healed_by_the_owner(world, policy):
    """The relay knows a key that is not the members' any more. The owner registers the new one, whatever the policy for new syncshells
    is; the others come back by themselves, and who knows the old secret only stays out."""
    provider, joiner, session = begin(world)
    old = world.command("stranger", "join", provider.event("syncshell_created")["invite"])
    backup = world.folder / "backup.db"
    on_store(world.relay.database, "backup", backup)
    rotated(provider, joiner)
    invite = rotated(provider, joiner)
    marks = provider.events.mark(), joiner.events.mark()
    joiner_ended = len(joiner.events.all(event="membership_ended"))
    world.relay.settings["create_policy"] = policy
    restore(world, backup)
    for side, mark in zip((provider, joiner), marks):
        side.event("syncshell_ready", since=mark)
    assert len(joiner.events.all(event="membership_ended")) == joiner_ended
    assert not provider.events.all(event="membership_ended")
    assert one(world.relay.database, "SELECT key_epoch FROM syncshell") == 3
    refused = world.command("stranger", "members", "--timeout", "2", check=False)
    assert refused.returncode == 1, (old, refused)

    joiner.send("link", session=session, generation=1, state="lost")
    provider.event("recovery_request", since=marks[0], sessionId=session)
    connect(joiner, provider, session, marks[1], marks[0])
    world.command("guest", "join", invite)


def test_members_of_a_newer_key_wait_for_the_owner(world):
    """The owner is away when the old backup comes back: its members are told, keep everything, and go on when it has been there."""
    provider, joiner, _ = begin(world)
    backup = world.folder / "backup.db"
    on_store(world.relay.database, "backup", backup)
    rotated(provider, joiner)
    assert provider.stop() == 0
    mark = joiner.events.mark()
    restore(world, backup)
    told = joiner.event("request_failed", since=mark, code="wrong_key_epoch")
    assert told["retryable"] and not joiner.events.all(since=mark, event="membership_ended")
    world.peer("provider")
    joiner.event("syncshell_ready", since=mark)


def test_a_backup_of_a_killed_relay_is_whole(world):
    """What the relay had answered stands only in the write-ahead log when it dies."""
    _, _, session = begin(world)
    world.relay.kill()
    version = one(world.relay.database, "SELECT version FROM session")
    on_store(world.relay.database, "backup", world.folder / "backup.db")
    assert one(world.folder / "backup.db", "SELECT version FROM session") == version
    world.start_relay()


def test_nothing_is_overwritten(world):
    file = world.folder / "backup.db"
    file.write_text("precious")
    done = on_store(world.relay.database, "backup", file, status=1)
    assert done.stderr == f"syncshell-relay: {file} is not replaced: File exists\n"
    assert file.read_text() == "precious"


def test_a_backup_without_room_leaves_nothing(world):
    def little_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that a write fails, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
    before = sorted(os.listdir(world.folder))
    done = on_store(world.relay.database, "backup", world.folder / "backup.db", status=1, preexec_fn=little_room)
    assert "backup.db.partial failed: " in done.stderr
    assert sorted(os.listdir(world.folder)) == before


def test_a_missing_database_is_told(tmp_path):
    done = on_store(tmp_path / "none.db", "backup", tmp_path / "backup.db", status=1)
    assert done.stderr.startswith(f"syncshell-relay: {tmp_path}/none.db cannot be opened: ")
    assert not os.listdir(tmp_path)


def test_an_empty_database_is_no_backup(tmp_path):
    """As it is for a moment before a relay's first start is through: nothing is saved that could not be restored."""
    database, backup = tmp_path / "relay.db", tmp_path / "backup.db"
    database.touch(mode=0o600)
    told = f"syncshell-relay: {database} is empty: no relay has begun to use it yet\n"
    assert on_store(database, "backup", backup, status=1).stderr == told
    assert on_store(database, "explain", "s1", status=1).stderr == told
    assert not backup.exists()


def test_an_access_key_beside_a_first_start_is_told(tmp_path):
    """A relay holds the lock, and has not made its tables yet."""
    database = tmp_path / "relay.db"
    database.touch(mode=0o600)
    with open(f"{database}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = on_store(database, "access-key", "add", "Ann", status=1)
    assert done.stderr == f"syncshell-relay: {database} is empty: no relay has begun to use it yet\n"


def test_a_restore_beside_a_relay_is_refused(world):
    backup = world.folder / "backup.db"
    on_store(world.relay.database, "backup", backup)
    epoch = one(world.relay.database, "SELECT epoch FROM meta")
    done = on_store(world.relay.database, "restore", backup, status=1)
    pid = world.relay.process.child.pid
    assert done.stderr == f"syncshell-relay: {world.relay.database} is in use by a relay (pid {pid}): stop it first\n"
    assert one(world.relay.database, "SELECT epoch FROM meta") == epoch


def refused(world, file, sentence):
    """A restore of that file changes nothing."""
    database = world.relay.database
    before = {f.name: f.read_bytes() for f in database.parent.iterdir()}
    assert sentence in on_store(database, "restore", file, status=1).stderr
    assert {f.name: f.read_bytes() for f in database.parent.iterdir() if f.name != "relay.db.lock"} == {
        name: content for name, content in before.items() if name != "relay.db.lock"}


def test_what_is_no_backup_is_refused(world):
    begin(world)
    backup = world.folder / "backup.db"
    on_store(world.relay.database, "backup", backup)
    assert world.relay.stop() == 0
    refused(world, world.folder / "absent.db", "absent.db cannot be opened: ")
    (world.folder / "empty.db").touch()
    refused(world, world.folder / "empty.db", "empty.db is empty: no relay has begun to use it yet")
    other = world.folder / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE theirs (id)")
    connection.close()
    refused(world, other, "other.db is a database of another program")
    newer = world.folder / "newer.db"
    newer.write_bytes(backup.read_bytes())
    with sqlite3.connect(newer) as connection:
        connection.execute("INSERT INTO schema_migration VALUES (9999, 'later', '')")
    connection.close()
    refused(world, newer, "newer.db is newer than this program: it has schema 9999")
    damaged = world.folder / "damaged.db"
    content = bytearray(backup.read_bytes())
    content[-4096:] = os.urandom(4096)
    damaged.write_bytes(content)
    refused(world, damaged, "relay.db.restoring failed: ")
    world.start_relay()


def test_a_restore_where_nothing_was(world, tmp_path):
    """A new machine: the backup alone makes the relay."""
    begin(world)
    backup = world.folder / "backup.db"
    on_store(world.relay.database, "backup", backup)
    database = tmp_path / "new" / "relay.db"
    assert on_store(database, "restore", backup).stdout.count("\n") == 1
    assert sorted(os.listdir(database.parent)) == ["relay.db", "relay.db.lock"]
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert one(database, "SELECT count(*) FROM session") == 1


@pytest.mark.parametrize("first", ["restore", "access-key"])
def test_what_root_makes_is_the_relay_s(world, tmp_path, first):
    """The service runs as a user of its own, its operator types as root: what root puts into the relay's folder is for that user."""
    assert os.geteuid() == 0, "run this as root"
    begin(world)
    backup = world.folder / "backup.db"
    on_store(world.relay.database, "backup", backup)
    assert backup.stat().st_uid == 0, "a backup in a folder of root's is root's"
    folder = tmp_path / "of-a-user"
    folder.mkdir(mode=0o700)
    os.chown(folder, 10001, 10002)
    database = folder / "relay.db"
    words = {"restore": ["restore", backup], "access-key": ["access-key", "add", "Ann"]}
    on_store(database, *words[first])
    on_store(database, *words["restore"])
    on_store(database, "backup", folder / "backup.db")
    owners = {file.name: (file.stat().st_uid, file.stat().st_gid) for file in folder.iterdir()}
    assert {"relay.db", "relay.db.lock", "backup.db"} < set(owners) and set(owners.values()) == {(10001, 10002)}, owners


def test_a_damaged_database_can_be_replaced(world):
    begin(world)
    backup = world.folder / "backup.db"
    on_store(world.relay.database, "backup", backup)
    assert world.relay.stop() == 0
    world.relay.database.write_bytes(b"not a database" * 1000)
    on_store(world.relay.database, "restore", backup)
    [kept] = world.relay.database.parent.glob("relay.db.before-*")
    assert kept.read_bytes().startswith(b"not a database")
    world.start_relay()
