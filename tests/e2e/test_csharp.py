"""The C# binding, compiled by mono's compiler and run on the built library; each check is a mode of tests/bindings/csharp."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from support.process import BUILD, INHERITED, Relay, runtimes_of, syncshell
from support.raw import Group, RawPeer, invite
from support.wait import LIMIT_S

REPOSITORY = Path(__file__).resolve().parents[2]
BINDING = REPOSITORY / "shared/bindings/csharp/Syncshell.cs"
PROBE = REPOSITORY / "tests/bindings/csharp"
LIBRARY = BUILD / "shared/transport/libsyncshell.so"


def environment():
    # mono has memory of its own that it never gives back, and turns a SIGSEGV in managed code into an exception.
    asan = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0", "handle_segv=0"]))
    return {**INHERITED, "ASAN_OPTIONS": asan, "LD_PRELOAD": " ".join(runtimes_of(LIBRARY)),
            "LD_LIBRARY_PATH": str(LIBRARY.parent)}


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    program = tmp_path_factory.mktemp("csharp") / "probe.exe"
    # C# 6: the oldest that the binding promises.
    subprocess.run(["mcs", "-langversion:6", "-warn:4", "-warnaserror", f"-out:{program}", BINDING, *PROBE.glob("*.cs")],
                   check=True, timeout=LIMIT_S)

    def run(mode, *arguments, status=0):
        done = subprocess.run(["mono", "--debug", program, mode, *map(str, arguments)], env=environment(),
                              capture_output=True, text=True, timeout=3 * LIMIT_S)
        assert done.returncode == status, f"{mode}: {done.returncode}\n{done.stdout}\n{done.stderr}"

    return run


def test_the_enums_are_those_of_the_library(probe):
    probe("names")


@pytest.mark.parametrize("mode", ["arguments", "life", "waits", "domains"])
def test_a_client_without_a_relay(probe, tmp_path, mode):
    probe(mode, tmp_path / "state")


SERVERS = """
[[ice.server]]
urls = ["turn:turn.example:3478?transport=udp", "stun:turn.example"]
username = "guild"
credential = "pass word"
"""


@contextlib.contextmanager
def running(folder, **options):
    """A relay, in order to its end."""
    folder.mkdir()
    relay = Relay(folder, **options)
    relay.start()
    try:
        yield relay
    finally:
        status = relay.stop()
    assert status == 0
    assert not relay.reports, "\n".join(relay.reports)


def test_two_clients_recover(probe, tmp_path):
    with running(tmp_path / "relay", ice=SERVERS) as relay:
        probe("pair", relay.url, tmp_path)


def test_a_passphrase_makes_members(probe, tmp_path):
    with running(tmp_path / "relay") as relay:
        probe("passphrase", relay.url, tmp_path)


def test_a_pinned_key_is_the_only_one(probe, tmp_path, certificate):
    with running(tmp_path / "relay", tls=certificate) as relay:
        probe("pin", relay.url, tmp_path, certificate.authority)


def test_an_end_is_told_until_its_handler_has_returned(probe, tmp_path):
    """The handler is killed on the first telling. Told again, and handled, it is not told a third time."""
    state = tmp_path / "member"

    async def remove(relay):
        owner, group = RawPeer(relay.url), Group()
        await owner.connect()
        await owner.create(group)
        await owner.join(group)
        text = invite(relay.url, group, owner)
        await asyncio.to_thread(syncshell, "join", text, "--state", state)
        member = (await owner.expect("PeerPresence"))["peerId"]
        await owner.owner("RemoveMember", group, 1, member)
        await owner.close()

    with running(tmp_path / "relay") as relay:
        asyncio.run(remove(relay))
        probe("die-at-the-end", state, relay.url, status=-signal.SIGKILL)
        probe("hear-the-end", state, relay.url)
    with sqlite3.connect(state / "journal.sqlite3") as journal:
        assert "ended" not in {kind for kind, in journal.execute("SELECT DISTINCT kind FROM record")}
