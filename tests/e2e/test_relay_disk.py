"""A relay whose disk fails under it: it goes on routing, says what is wrong, and recovers by itself; what it acknowledged is there."""

import asyncio
import contextlib
import sqlite3

import pytest

from support.command import on_store
from support.disk import SmallDisk
from support.process import Relay
from support.raw import Group, RawPeer

DISK_BYTES = 8 << 20
WRITES_MAX = 400
SESSION = "s1"


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


class Pair:
    """Two members with an open session, and what was acknowledged of its log."""

    def __init__(self, relay):
        self.owner, self.member = RawPeer(relay.url), RawPeer(relay.url)
        self.group = Group()
        self.log = []

    async def begin(self):
        await self.owner.connect()
        await self.member.connect()
        await self.owner.create(self.group)
        await self.join()
        await self.owner.open_session(self.group, SESSION, self.member.id, self.owner.id)
        self.version = 1
        return self

    async def join(self):
        await self.owner.join(self.group)
        await self.member.join(self.group)

    async def write(self):
        """One entry; None, or the refusal."""
        body = f"entry {self.version + 1} ".encode() + b"x" * 4000
        message_id = await self.member.send("SessionProgress", body, syncshellId=self.group.id, recoverySessionId=SESSION,
                                            baseVersion=self.version, bodyFormat="sealed")
        while True:
            reply = await self.member.receive()
            if reply.get("inReplyTo") == message_id:
                break
        if reply["type"] == "Error":
            return reply
        self.version += 1
        self.log.append(body)
        return None

    async def write_until_refused(self):
        for _ in range(WRITES_MAX):
            refusal = await self.write()
            if refusal:
                return refusal
        raise AssertionError(f"{WRITES_MAX} writes were taken")

    async def check_routing(self, number):
        await self.member.send("ReconnectOffer", b"sealed", **self.member.route(self.group, self.owner.id, SESSION, number))
        offer = await self.owner.expect("ReconnectOffer")
        assert offer["generation"] == number

    async def check_log(self):
        assert [body for _, _, body in await self.member.snapshot(self.group, SESSION)] == self.log

    async def end(self):
        for peer in (self.owner, self.member):
            await peer.close()


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
        await pair.end()
        pair.owner, pair.member = RawPeer(relay.url, pair.owner.key), RawPeer(relay.url, pair.member.key)
        await pair.owner.connect()
        await pair.member.connect()
        await pair.join()
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
