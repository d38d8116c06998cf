"""The operator's access keys, on a relay that runs all the while."""

import asyncio
import subprocess

import pytest

from support.command import relay_command
from support.process import INHERITED, RELAY, SYNCSHELL
from support.raw import Group, RawPeer
from support.wait import LIMIT_S


@pytest.fixture
def keys(world):
    """`syncshell-relay access-key ...` on the world's database."""
    world.restart_relay(create_policy="access-key")

    def run(*words, status=0):
        done = subprocess.run(
            [RELAY, "--set", f"store.path={world.relay.database}", "access-key", *words], capture_output=True, text=True,
            timeout=LIMIT_S, env=INHERITED, check=False)
        assert done.returncode == status, done
        return done
    return run


def key_file(world, text):
    path = world.folder / "access.key"
    path.write_text(text)
    return path


def create(world, name, *arguments, check=True):
    return world.command(name, "create", "--relay", world.url, *arguments, check=check)


def create_by(world, name, **giving):
    """With a key from the standard input or the environment."""
    return subprocess.run(
        [SYNCSHELL, "create", "--state", world.folder / name, "--relay", world.url, *(["--ca", world.ca] if world.ca else []),
         *(["--access-key-file", "-"] if "input" in giving else [])],
        capture_output=True, text=True, timeout=LIMIT_S, check=False, **giving)


def test_a_key_creates_until_it_is_revoked(world, keys):
    done = create(world, "nobody", check=False)
    assert done.returncode == 1 and "access_key_required" in done.stderr, done
    added = keys("add", "Ann's laptop")
    key = added.stdout.strip()
    assert key.startswith("syncshell-key.") and key not in added.stderr
    file = key_file(world, added.stdout)
    assert create(world, "ann", "--access-key-file", file).stdout.startswith("syncshell1.")
    listed = keys("list").stdout.splitlines()
    assert len(listed) == 2 and "Ann's laptop" in listed[1] and key.rsplit(".", 1)[1] not in listed[1]
    key_id, _, last_used, expires, revoked, _ = listed[1].split("\t")
    assert last_used != "-" and expires == revoked == "-" and key.split(".")[1] == key_id
    assert set(key_id) <= set("0123456789abcdef"), "it must never look like an option"
    assert keys("revoke", key_id).stdout == "Revoked 1 access key.\n"
    done = create(world, "ben", "--access-key-file", file, check=False)
    assert done.returncode == 1 and "access_key_revoked" in done.stderr, done
    # What was created with it stays, and its holder connects as before.
    assert world.command("ann", "members", "--access-key-file", file).returncode == 0
    assert "access-key list" in keys("revoke", "Ann's laptop", status=1).stderr


def test_a_key_from_the_standard_input_and_the_environment(world, keys):
    key = keys("add", "Ann").stdout
    assert create_by(world, "ann", input=key, env=INHERITED).returncode == 0
    assert create_by(world, "ben", env={**INHERITED, "SYNCSHELL_ACCESS_KEY": key.strip()}).returncode == 0
    done = create_by(world, "eve", env={**INHERITED, "SYNCSHELL_ACCESS_KEY": "x"})
    assert done.returncode == 1 and "bad_access_key" in done.stderr, done
    # The operator reads why, and never the key.
    world.relay.process.listening.wait(where=lambda e: "bad_access_key" in e["line"])
    assert not any(key.strip() in line or key.rsplit(".", 1)[1].strip() in line for line in world.relay.process.errors)


def kill_relay(world):
    world.relay.kill()
    world.start_relay()


def test_what_was_said_holds_after_a_kill(world, keys):
    key = keys("add", "Ann").stdout.strip()
    kill_relay(world)

    async def ask(code=None):
        peer = RawPeer(world.url, ssl=world.tls.client_context() if world.tls else None)
        await peer.dial()
        await peer.ask("Authenticate", "Welcome", **peer.authenticate_fields(accessKey=key))
        group = Group()
        reply = await peer.create(group, "Error" if code else "Stored")
        assert reply.get("code") == code
        return peer, group

    async def run():
        peer, group = await ask()
        await asyncio.to_thread(kill_relay, world)
        await peer.close()
        await peer.connect()
        assert (await peer.join(group))["ownerPeerId"] == peer.id
        await peer.close()
        await asyncio.to_thread(keys, "revoke", "Ann")
        await asyncio.to_thread(kill_relay, world)
        refused, _ = await ask("access_key_revoked")
        await refused.close()
    asyncio.run(run())


def test_a_key_revoked_meanwhile_creates_no_more(world, keys):
    """On a connection that showed it when it was good; what it created it keeps."""
    key = keys("add", "Ann").stdout.strip()

    async def run():
        peer = RawPeer(world.url, ssl=world.tls.client_context() if world.tls else None)
        await peer.dial()
        await peer.ask("Authenticate", "Welcome", **peer.authenticate_fields(accessKey=key))
        mine = Group()
        await peer.create(mine)
        await asyncio.to_thread(keys, "revoke", "Ann")
        assert (await peer.create(Group(), "Error"))["code"] == "access_key_revoked"
        await peer.create(mine)
        await peer.join(mine)
        await peer.close()
    asyncio.run(run())


def test_the_database_keeps_no_key(world, keys):
    secret = keys("add", "Ann").stdout.strip().rsplit(".", 1)[1]
    world.relay.stop()
    for path in world.relay_folder.iterdir():
        assert secret.encode() not in path.read_bytes(), path
    world.start_relay()


def test_expired_and_invented_keys(world, keys):
    good = keys("add", "Ann", "--expires-days", "1").stdout.strip()
    subprocess.run(
        ["/usr/bin/python3", "-c", "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], timeout=60);"
         "d.execute('UPDATE access_key SET expires_unix_ms = 1'); d.commit()", world.relay.database], check=True)

    async def run():
        for key, code in ((good, "access_key_expired"), (good[:-1] + "~", "bad_access_key"), ("x", "bad_access_key")):
            peer = RawPeer(world.url, ssl=world.tls.client_context() if world.tls else None)
            await peer.dial()
            await peer.ask("Authenticate", "Welcome", **peer.authenticate_fields(accessKey=key))
            assert (await peer.create(Group(), "Error"))["code"] == code
            await peer.close()
    asyncio.run(run())


def test_words_that_are_no_command(world, keys):
    for words in ((), ("add",), ("add", "a", "b"), ("remove", "x"), ("list", "x"), ("add", "bell\a"), ("add", "x" * 65),
                  ("revoke", "x", "--expires-days", "3"), ("add", "x", "--expires-days", "0")):
        assert keys(*words, status=2).stderr.startswith("syncshell-relay: ")


def test_where_no_relay_has_been(tmp_path):
    """Whoever forgot to name the settings hears it, instead of getting a key that opens nothing."""
    database = tmp_path / "syncshell-relay-data/relay.db"
    for words in (("list",), ("revoke", "Ann")):
        done = relay_command("access-key", *words, status=1, cwd=tmp_path)
        assert done.stderr == ("syncshell-relay: syncshell-relay-data/relay.db does not exist: no relay has begun to use it yet "
                               "(--config or SYNCSHELL_RELAY_CONFIG names a relay's settings)\n"), done
        assert not database.parent.exists()
    done = relay_command("access-key", "add", "Ann", cwd=tmp_path)
    assert f' for "Ann" to {database}, which is new: no relay has used it yet. ' in done.stderr, done
    done = relay_command("access-key", "add", "Ben", cwd=tmp_path)
    assert f' for "Ben" to {database}. ' in done.stderr, done
    assert len(relay_command("access-key", "list", cwd=tmp_path).stdout.splitlines()) == 3
