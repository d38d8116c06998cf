"""A relay whose disk fails under it: it goes on routing, says what is wrong, and recovers by itself; what it acknowledged is there."""

import asyncio
import contextlib
import signal
import sqlite3
import time

import pytest

from support.command import on_store
from support.disk import SmallDisk
from support.pair import SESSION, Pair
from support.process import Relay
from support.sick_disk import FAILS_READS, FAILS_SYNCS, FAILS_WRITES, READ_ONLY, STALLS, WELL, SickDisk

DISK_BYTES = 8 << 20
STORE_STOP_S = 5  # a relay's patience with it at the end


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "relay"
    disk = SmallDisk(folder, DISK_BYTES)
    relay = Relay(folder)
    relay.prefix = disk.prefix
    relay.start()
    yield disk, relay
    status = relay.stop()
    disk.close()
    assert status in (None, 0)
    assert not relay.reports, "\n".join(relay.reports)


def health(relay, status=0):
    done = on_store(relay.database, "health", prefix=relay.prefix, status=status)
    return done.stdout + done.stderr


def test_a_full_disk_is_said_and_survived(place):
    disk, relay = place

    async def play():
        pair = await Pair(relay).begin()
        assert await pair.write() is None
        disk.fill()
        refusal = await pair.write_until_refused()
        assert (refusal["code"], refusal["retryable"]) == ("store_full", True)
        await pair.check_routing(2)
        assert "full" in health(relay, status=1)
        disk.make_room()
        assert await pair.write() is None
        health(relay)
        relay.kill()
        relay.start()
        await pair.come_back()
        await pair.check_log()
        await pair.end()

    asyncio.run(play())


def test_a_locked_database_is_said_and_survived(tmp_path):
    relay = Relay(tmp_path)
    relay.start()

    async def play():
        pair = await Pair(relay).begin()
        assert await pair.write() is None
        with contextlib.closing(sqlite3.connect(relay.database, isolation_level=None)) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            refused = asyncio.create_task(pair.write())
            await pair.check_routing(2)
            refusal = await refused
            assert (refusal["code"], refusal["retryable"]) == ("store_unavailable", True)
            assert "locked" in health(relay, status=1)
            stranger.execute("ROLLBACK")
        assert await pair.write() is None
        health(relay)
        await pair.check_log()
        await pair.end()

    asyncio.run(play())
    assert relay.stop() == 0
    assert not relay.reports, "\n".join(relay.reports)


@pytest.fixture
def sick(tmp_path):
    """A disk that can fall ill, and a relay on it."""
    disk = SickDisk(tmp_path / "illness")
    relay = Relay(tmp_path)
    relay.environment = disk.environment
    relay.start()
    yield disk, relay
    assert relay.stop() == 0
    assert not relay.reports, "\n".join(relay.reports)


@pytest.mark.parametrize("illness", [FAILS_WRITES, FAILS_SYNCS, READ_ONLY])
def test_a_failing_disk_is_said_and_survived(sick, illness):
    disk, relay = sick

    async def play():
        pair = await Pair(relay).begin()
        assert await pair.write() is None
        disk.becomes(illness)
        refusal = await pair.write_until_refused()
        assert (refusal["code"], refusal["retryable"]) == ("store_unavailable", True)
        await pair.check_routing(2)
        assert "disk I/O error" in health(relay, status=1)
        disk.becomes(WELL)
        assert await pair.write() is None
        health(relay)
        relay.kill()
        relay.start()
        await pair.come_back()
        await pair.check_log()
        await pair.end()

    asyncio.run(play())


def test_a_kill_on_a_failing_disk_loses_nothing(sick):
    """What was refused may be there or not: its sender asks again under the same id."""
    disk, relay = sick

    async def play():
        pair = await Pair(relay).begin()
        for _ in range(5):
            assert await pair.write() is None
        disk.becomes(FAILS_SYNCS)
        await pair.write_until_refused()
        relay.kill()
        disk.becomes(WELL)
        relay.start()
        await pair.come_back()
        log = [body for _, _, body in await pair.member.snapshot(pair.group, SESSION)]
        assert log[:len(pair.log)] == pair.log and len(log) <= len(pair.log) + 1
        await pair.end()

    asyncio.run(play())


def test_a_disk_that_stands_still_is_said(sick):
    disk, relay = sick

    async def play():
        pair = await Pair(relay).begin()
        disk.becomes(STALLS)
        waiting = asyncio.create_task(pair.write())
        generation = 1
        while "has been writing for" not in health(relay, status=None):
            generation += 1
            await pair.check_routing(generation)
            await asyncio.sleep(0.1)
        assert not waiting.done()
        disk.becomes(WELL)
        assert await waiting is None
        health(relay)
        await pair.check_log()
        await pair.end()

    asyncio.run(play())


@pytest.mark.parametrize("waits", [True, False], ids=["a_commit_waits", "nothing_waits"])
def test_a_disk_that_never_answers_does_not_keep_a_relay_from_ending(tmp_path, waits):
    """It ends in its time without the disk, and says so; nothing acknowledged depended on that disk. With no commit in hand it is the
    closing of the database that waits."""
    disk = SickDisk(tmp_path / "illness")
    relay = Relay(tmp_path, timing_drain_ms=100, timing_close_timeout_ms=1000)
    relay.environment = disk.environment
    relay.start()

    async def play():
        pair = await Pair(relay).begin()
        for _ in range(5):
            assert await pair.write() is None
        disk.becomes(STALLS)
        waiting = asyncio.create_task(pair.write()) if waits else None
        await pair.check_routing(2)
        process = relay.process
        status = await asyncio.get_running_loop().run_in_executor(None, relay.stop)
        assert status == 1
        assert any("event=store_abandoned" in line and "the disk does not answer" in line for line in process.errors)
        if waiting:
            await asyncio.gather(waiting, return_exceptions=True)  # its connection was closed
        disk.becomes(WELL)
        relay.start()
        await pair.come_back()
        log = [body for _, _, body in await pair.member.snapshot(pair.group, SESSION)]
        assert log[:len(pair.log)] == pair.log and len(log) <= len(pair.log) + 1
        await pair.end()

    asyncio.run(play())
    assert relay.stop() == 0
    assert not relay.reports, "\n".join(relay.reports)


def test_a_machine_that_stands_still_is_no_disk_that_does_not_answer(tmp_path):
    """The relay waits for its disk, and then cannot look for longer than it would wait; meanwhile the disk is well again."""
    disk = SickDisk(tmp_path / "illness")
    relay = Relay(tmp_path, timing_drain_ms=0)
    relay.environment = disk.environment
    relay.start()
    process = relay.process
    disk.becomes(STALLS)
    process.child.send_signal(signal.SIGTERM)
    process.listening.wait(where=lambda e: "event=draining" in e["line"])
    process.child.send_signal(signal.SIGSTOP)
    time.sleep(STORE_STOP_S + 1)
    disk.becomes(WELL)
    process.child.send_signal(signal.SIGCONT)
    assert process.wait() == 0, process.errors[-3:]
    relay.collect()
    assert not relay.reports, "\n".join(relay.reports)


def test_a_disk_that_cannot_be_read_stops_the_start(tmp_path):
    disk = SickDisk(tmp_path / "illness")
    relay = Relay(tmp_path).start()
    assert relay.stop() == 0
    disk.becomes(FAILS_READS)
    done = on_store(relay.database, status=1, env=disk.environment)
    assert "disk I/O error" in done.stderr, done
    disk.becomes(WELL)
    relay.environment = disk.environment
    relay.start()
    assert relay.stop() == 0
    assert not relay.reports


async def read_until_refused(pair):
    """The log, page by page."""
    after = 0
    while True:
        message_id = await pair.member.send("SessionSnapshotRequest", syncshellId=pair.group.id, recoverySessionId=SESSION, afterVersion=after)
        reply = await pair.member.receive()
        assert reply["inReplyTo"] == message_id
        if reply["type"] == "Error":
            return reply
        assert not reply["complete"], "the whole log was read from a damaged file"
        after = reply["entries"][-1]["version"]


def test_damaged_pages_are_said_and_survived(tmp_path):
    """A part of the file is overwritten under the relay. When it is put back, the relay goes on by itself."""
    relay = Relay(tmp_path).start()
    kept_bytes = 1 << 20

    async def play():
        pair = await Pair(relay).begin()
        for _ in range(200):  # 12 MB: more than the relay's cache of pages
            assert await pair.write(60_000) is None
        with contextlib.closing(sqlite3.connect(relay.database)) as stranger:
            stranger.execute("PRAGMA wal_checkpoint(PASSIVE)")
        whole = relay.database.read_bytes()
        with open(relay.database, "r+b") as file:
            file.seek(kept_bytes)
            file.write(b"\xa5" * (len(whole) - kept_bytes))
        refusal = await read_until_refused(pair)
        assert (refusal["code"], refusal["retryable"]) == ("store_unavailable", True), refusal
        await pair.check_routing(2)
        assert "malformed" in health(relay, status=1)
        with open(relay.database, "r+b") as file:
            file.write(whole)
        await pair.check_log()
        assert await pair.write() is None
        while health(relay, status=None) != "ready\n":  # told for a while: what is damaged is not always read
            await asyncio.sleep(0.1)
        await pair.check_log()
        await pair.end()

    asyncio.run(play())
    assert relay.stop() == 0
    assert not relay.reports, "\n".join(relay.reports)
