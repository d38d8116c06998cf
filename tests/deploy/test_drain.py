"""SIGTERM in the middle of the work: nobody new, everybody told, nothing acknowledged lost, and it ends in time."""

import asyncio
import signal
import time

import pytest

from support.raw import Group, RawPeer
from test_recovery import FILES, acknowledged, begin, finish, report

DRAIN_MS = 6000  # while it lasts, a newcomer has come, asked, and was answered


def test_a_drain_under_load_loses_nothing(world):
    world.restart_relay(timing_drain_ms=DRAIN_MS)
    provider, joiner, session = begin(world)
    marks = provider.events.mark(), joiner.events.mark()

    async def newcomer():
        """Was connected before, and wants to join while the relay drains."""
        peer = await RawPeer(world.relay.url).connect()
        group = Group()
        await peer.create(group)
        report(joiner, session, FILES[400:500])  # again: a load across the signal
        world.relay.process.child.send_signal(signal.SIGTERM)
        await peer.expect("GoAway")
        with pytest.raises(ConnectionRefusedError):
            await RawPeer(world.relay.url).connect()
        reply = await peer.join(group, "Error")
        await peer.close()
        return reply

    reply = asyncio.run(newcomer())
    assert (reply["code"], reply["retryable"]) == ("shutting_down", True)
    began = time.monotonic()
    assert world.relay.process.wait() == 0
    assert time.monotonic() - began < 30
    world.relay.collect()
    for side, mark in zip((provider, joiner), marks):
        side.event("relay_disconnected", since=mark)
    joiner.send("link", session=session, generation=1, state="lost")
    world.start_relay()
    for side, mark in zip((provider, joiner), marks):
        assert side.event("syncshell_joined", since=mark)["recovered"] is True
    finish(world, provider, joiner, session, marks[0], marks[1], acknowledged(joiner))


def test_what_is_queued_is_committed_although_nobody_waits(world):
    """The writer is gone before its answers could come: the entries are on the disk all the same."""
    world.restart_relay(timing_drain_ms=0, timing_close_timeout_ms=100)
    group, session, n = Group(), "session-1", 50

    async def run():
        peer, other = await RawPeer(world.relay.url).connect(), await RawPeer(world.relay.url).connect()
        await peer.create(group)
        await peer.join(group)
        await other.join(group)
        await peer.open_session(group, session, peer.id, other.id)
        for version in range(1, n + 1):
            await peer.send("SessionProgress", b"sealed", syncshellId=group.id, recoverySessionId=session,
                            baseVersion=version, bodyFormat="sealed")
        await peer.expect("Stored", version=n + 1)  # so that the relay has read all of them
        for version in range(n + 1, n + 11):
            await peer.send("SessionProgress", b"sealed", syncshellId=group.id, recoverySessionId=session,
                            baseVersion=version, bodyFormat="sealed")
        world.relay.process.child.send_signal(signal.SIGTERM)
        code = await peer.closed()
        stored = [m["version"] for m in peer.backlog if m["type"] == "Stored"]
        await other.close()
        return peer.key, code, max(stored, default=n + 1)

    key, code, acknowledged_version = asyncio.run(run())
    assert code == 4000
    assert world.relay.process.wait() == 0
    world.relay.collect()
    world.start_relay()

    async def look():
        peer = await RawPeer(world.relay.url, key).connect()
        joined = await peer.join(group)
        await peer.close()
        return joined["sessions"][0]["version"]

    assert asyncio.run(look()) >= acknowledged_version
