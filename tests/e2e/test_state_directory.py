"""A state directory that fails while its client runs. The client stops with a sentence instead of going on without a memory;
nothing that it called saved is lost (P2), and the next start recovers (P3)."""

import contextlib
import shutil

import pytest

from support.process import syncshell
from support.sick_disk import FAILS_READS, FAILS_SYNCS, FAILS_WRITES, READ_ONLY, STALLS, WELL
from test_recovery import FILES, acknowledged, connect, finish, open_session, report

DISK_BYTES = 16 << 20


def report_to_its_end(peer, session, files):
    with contextlib.suppress(BrokenPipeError):  # it may have ended before it was told all
        report(peer, session, files)


def assert_stopped(peer, provider, since):
    """The journal could not be written: said once, the process ended, and the other side saw it go."""
    stopped = peer.event("stopped")
    assert stopped["code"] == "journal_failed"
    assert "state directory" in stopped["message"] and "disk is full" in stopped["message"]
    assert peer.wait() != 0
    provider.event("peer_presence", since=since, peerId=peer.peer_id, presence="away")


def test_a_full_disk_stops_the_client_and_loses_nothing_saved(world):
    disk = world.small_disk("joiner", DISK_BYTES)
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner)
    connect(joiner, provider, session)
    report(joiner, session, FILES[:200])
    joiner.events.wait(where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == 200)
    provider_mark = provider.events.mark()

    disk.fill()
    report_to_its_end(joiner, session, FILES[200:500])
    assert_stopped(joiner, provider, provider_mark)
    saved = acknowledged(joiner)
    assert len(saved) >= 200

    disk.make_room()
    joiner = world.peer("joiner")
    finish(world, provider, joiner, session, provider_mark, 0, saved)


def begin_on_a_sick_disk(world):
    """A joiner whose disk may fall ill, with 200 files stored."""
    disk = world.sick_disk("joiner")
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner)
    connect(joiner, provider, session)
    report(joiner, session, FILES[:200])
    joiner.events.wait(where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == 200)
    return disk, provider, joiner, session


@pytest.mark.parametrize("illness", [FAILS_WRITES, FAILS_SYNCS, READ_ONLY], ids=["writes", "syncs", "read_only"])
def test_a_failing_disk_stops_the_client_and_loses_nothing_saved(world, illness):
    disk, provider, joiner, session = begin_on_a_sick_disk(world)
    provider_mark = provider.events.mark()
    disk.becomes(illness)
    report_to_its_end(joiner, session, FILES[200:500])
    assert_stopped(joiner, provider, provider_mark)
    saved = acknowledged(joiner)
    assert len(saved) >= 200

    disk.becomes(FAILS_READS)
    refused = world.command("joiner", "invite", check=False, env=disk.environment)
    assert refused.returncode != 0
    assert "E_STATE_DIR" in refused.stderr, refused.stderr
    disk.becomes(WELL)
    joiner = world.peer("joiner")
    finish(world, provider, joiner, session, provider_mark, 0, saved)


def test_a_disk_that_stands_still_is_waited_for(world):
    """Nothing is called saved meanwhile; the application's calls, and the other side, do not wait."""
    disk, provider, joiner, session = begin_on_a_sick_disk(world)
    mark, provider_mark = joiner.events.mark(), provider.events.mark()
    disk.becomes(STALLS)
    for file in FILES[200:500]:
        joiner.send("report", session=session, files=[{**file, "done": True}])
    provider.send("manifest", session=session, files=FILES)
    provider.event("manifest_saved", since=provider_mark)
    assert not joiner.events.all(since=mark, event="progress_saved")
    disk.becomes(WELL)
    joiner.events.wait(since=mark, where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == 500)


def test_a_disk_that_never_answers_does_not_keep_a_client_from_ending(world):
    disk, provider, joiner, session = begin_on_a_sick_disk(world)
    provider_mark = provider.events.mark()
    disk.becomes(STALLS)
    joiner.send("report", session=session, files=[{**FILES[200], "done": True}])
    joiner.stop()
    provider.event("peer_presence", since=provider_mark, peerId=joiner.peer_id, presence="away")
    disk.becomes(WELL)
    world.peer("joiner").event("session_resumed", sessionId=session)


def test_a_removed_state_directory_stops_the_client(world):
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner)
    connect(joiner, provider, session)
    report(joiner, session, FILES[:10])
    joiner.events.wait(where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == 10)
    provider_mark, mark = provider.events.mark(), joiner.events.mark()

    shutil.rmtree(world.folder / "joiner")
    report_to_its_end(joiner, session, FILES[10:20])
    assert_stopped(joiner, provider, provider_mark)
    assert not joiner.events.all(since=mark, event="progress_saved"), "called saved, in a file that nobody can read"


def test_a_read_only_state_directory_is_said_at_the_start(world):
    disk = world.small_disk("member", DISK_BYTES)

    def member(*arguments, check=True):
        extra = ["--ca", world.ca] if world.ca else []
        return syncshell(*arguments, "--state", world.folder / "member", *extra, check=check, prefix=disk.prefix)

    created = member("create", "--relay", world.url)
    disk.make_read_only()
    refused = member("invite", check=False)
    assert refused.returncode != 0
    assert "state directory" in refused.stderr and "E_STATE_DIR" in refused.stderr

    disk.make_read_only(False)
    assert member("invite").stdout.strip() in created.stdout
