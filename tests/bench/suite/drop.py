"""What the relay and the library put between a lost link and an open data channel, as a count and not a time: real peers and a
relay, on a network where every way takes so long that all else takes nothing beside it, or with a disk of which this is true."""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from paths import BUILD, REPOSITORY

os.environ["SYNCSHELL_BUILD_DIR"] = str(BUILD)  # before the import: it looks there for the programs
sys.path.insert(0, str(REPOSITORY / "tests/e2e"))
from support import schemas
from support.tap import Sniffer, Tap
from support.world import World

SLOW_S = 0.2  # all else takes milliseconds: what is counted is not off by one
DURABLE = {"Stored", "InboxDelivery"}  # the relay sends these after a commit
FILE = {"path": "mods/armour.tex", "size": 4000, "hash": "ab" * 32, "algorithm": "sha256"}


class SlowFrames(Sniffer):
    """Hears a connection like any sniffer, and passes on what it heard, frame for frame: what follows a commit is not in the way
    of what does not."""

    def __init__(self, tap, direction, writer):
        super().__init__(tap, direction)
        self.queues = [asyncio.Queue(), asyncio.Queue()]
        self.tasks = [asyncio.create_task(self.pass_on(queue, writer)) for queue in self.queues]

    def put(self, data, durable=False):
        due = time.monotonic() + self.tap.way_s + self.tap.commit_s * durable
        self.queues[durable].put_nowait((due, data))

    def feed(self, data):
        if not self.upgraded:
            end = (self.head + data).find(b"\r\n\r\n")
            self.put(data if end < 0 else data[:end + 4 - len(self.head)])
        super().feed(data)

    def take(self, frame):
        seen = self.tap.log.mark()
        super().take(frame)
        durable = self.direction == "to_client" and any(e["type"] in DURABLE for e in self.tap.log.all(since=seen))
        self.put(frame.serialize(mask=self.direction == "to_relay"), durable)

    async def pass_on(self, queue, writer):
        try:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0, due - time.monotonic()))
                writer.write(data)
                await writer.drain()
        except (ConnectionError, OSError):
            pass


class SlowTap(Tap):
    """Each way through it takes `way_s`, and `commit_s` more what the relay says of a commit."""

    way_s = commit_s = 0

    async def pump(self, reader, writer, sniffer):
        frames = SlowFrames(self, sniffer.direction, writer)
        try:
            while data := await reader.read(65536):
                frames.feed(data)
        except (ConnectionError, OSError):
            pass
        finally:
            for task in frames.tasks:
                task.cancel()
            writer.close()


def handshake(joiner, provider, session, marks):
    """As two WebRTC stacks would drive it; the generation."""
    since_joiner, since_provider = marks
    generation = joiner.event("offer_needed", since=since_joiner, sessionId=session)["generation"]
    joiner.send("offer", session=session, generation=generation, sdp="v=0 offer")
    provider.event("offer", since=since_provider, sessionId=session, generation=generation)
    provider.send("answer", session=session, generation=generation, sdp="v=0 answer")
    joiner.event("answer", since=since_joiner, sessionId=session, generation=generation)
    return generation


def begin(world):
    """A pair whose link is up, in the middle of a transfer."""
    provider, joiner, _ = world.pair()
    joiner.send("open", peer=provider.peer_id, role="joiner", label="mods")
    session = joiner.event("session_opened")["sessionId"]
    provider.event("session_opened", sessionId=session)
    provider.send("manifest", session=session, files=[FILE])
    provider.event("manifest_saved", sessionId=session)
    generation = handshake(joiner, provider, session, (0, 0))
    for side in (joiner, provider):
        side.send("link", session=session, generation=generation, state="up")
    joiner.send("report", session=session, files=[{**FILE, "done": True}])
    joiner.event("progress_stored")
    return provider, joiner, session, generation


def link_lost(world, pair):
    provider, joiner, session, generation = pair
    marks = joiner.events.mark(), provider.events.mark()
    for side in (provider, joiner):
        side.post("link", session=session, generation=generation, state="lost")
    handshake(joiner, provider, session, marks)


def joiner_killed(world, pair):
    provider, joiner, session, _ = pair
    mark = provider.events.mark()
    joiner.kill()
    handshake(world.peer("joiner"), provider, session, (0, mark))


def seconds(scene, **slow):
    """From the drop until the joiner has the answer."""
    with tempfile.TemporaryDirectory(prefix="bench-drop-") as folder:
        world = World(Path(folder), schemas.known(), None, SlowTap)
        world.start_relay()
        try:
            pair = begin(world)
            vars(world.tap).update(slow)
            since = time.monotonic()
            scene(world, pair)
            return time.monotonic() - since
        finally:
            world.end()


def count(scene):
    rest_s = seconds(scene)
    ways, commits = (round((seconds(scene, **{name: SLOW_S}) - rest_s) / SLOW_S) for name in ("way_s", "commit_s"))
    # A figure that is 0 has no ratio, and a bar of its own.
    return {"round_trips": ways / 2, "commits": commits}


def lost_link(_):
    return count(link_lost)


def killed_joiner(_):
    return count(joiner_killed)
