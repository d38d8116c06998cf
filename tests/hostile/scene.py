"""What a case runs in: a relay, a pair of bystanders that must be served as if nothing happened, and the actors.

A case is `async def name(world, owner, other, group)`: two members of a syncshell of its own, with the open session SESSION.
After each one the bystanders must reach one another, and the relay must hold exactly what it held before: connections, loaded
syncshells, bytes held, queued and charged (it logs them on SIGUSR1), and descriptors. Cases with the same settings share a
relay; those without any run over TLS too."""

import asyncio
import contextlib
import re
import secrets
import signal

from support.bare import Usage
from support.process import Relay
from support.raw import Group, RawPeer
from support.wait import LIMIT_S

SESSION = "transfer-1"
STATE = re.compile(r"\bevent=state (.*)")
CASES = []


class Case:
    def __init__(self, function, name, settings):
        self.function = function
        self.name = name
        self.settings = settings


def case(function=None, name=None, **settings):
    """Registers a case; with settings of the relay, if it needs any."""
    if function is None:
        return lambda f: case(f, name, **settings)
    CASES.append(Case(function, name or function.__name__, settings))
    return function


def stranger(world, address=None):
    """A peer that nobody knows yet, from an address of its own if one is given."""
    peer = RawPeer(world.relay.url, ssl=world.tls.client_context() if world.tls else None)
    if address:
        dial = peer.dial
        peer.dial = lambda **options: dial(local_addr=(address, 0), **options)
    return peer


class Scene:
    def __init__(self, folder, tls, settings):
        folder.mkdir(parents=True)
        self.tls = tls
        self.relay = Relay(folder, tls, **{"timing_offer_ttl_ms": 500, **settings})
        self.group = Group()
        self.pair = None
        self.usage = None

    async def start(self):
        await asyncio.to_thread(self.relay.start)
        self.usage = Usage(self.relay.process.child.pid)
        self.pair = stranger(self), stranger(self)
        await self.pair[0].connect()
        await self.pair[0].create(self.group)
        await self.pair[0].join(self.group)
        await self.pair[1].connect()
        await self.pair[1].join(self.group)

    async def end(self):
        """The sanitizers' reports, and how the relay ended if not in order."""
        for peer in self.pair or ():
            await peer.close()
        status = await asyncio.to_thread(self.relay.stop)
        return self.relay.reports + ([] if status == 0 else [f"the relay ended with {status}"])

    async def bystanders_served(self):
        """The pair has noticed nothing: it can still reach one another."""
        one, other = self.pair
        session = secrets.token_hex(8)
        await one.open_session(self.group, session, one.id, other.id)
        for source, target, message in ((one, other, "ReconnectOffer"), (other, one, "IceCandidate")):
            body = secrets.token_bytes(300)
            sent = await source.send(message, body, **source.route(self.group, target.id, session))
            got = await target.expect(message, messageId=sent)
            assert got["body"] == body and got["sourcePeerId"] == source.id
        await one.ask("SessionClose", "Stored", syncshellId=self.group.id, recoverySessionId=session, outcome="completed")

    async def state(self):
        """What the relay holds, by its own account and the system's."""
        log = self.relay.process.listening
        mark = log.mark()
        self.relay.process.child.send_signal(signal.SIGUSR1)
        entry = await asyncio.to_thread(log.wait, mark, where=lambda e: STATE.search(e["line"]))
        state = {k: int(v) for k, v in (field.split("=") for field in STATE.search(entry["line"])[1].split())}
        del state["addresses"], state["peers"]  # remembered for a while, by design
        state["charged_bytes"] -= state.pop("loaded_bytes")  # so are the bystanders' closed sessions; `syncshells` tells the others'
        return {**state, "descriptors": self.usage.descriptors()}

    async def refusals(self, code):
        """How often the code was answered, and closed a connection."""
        log = self.relay.process.listening
        mark = log.mark()
        self.relay.process.child.send_signal(signal.SIGUSR1)
        await asyncio.to_thread(log.wait, mark, where=lambda e: STATE.search(e["line"]))
        for entry in log.all(mark):
            found = re.search(rf"event=refusals code={code} answered=(\d+) closed=(\d+)", entry["line"])
            if found:
                return int(found[1]), int(found[2])
        return 0, 0

    async def at_rest(self):
        """The state between two operations of the relay's own, such as sweeping."""
        while (state := await self.state())["operations"] != 0:
            await asyncio.sleep(0.02)
        return state

    async def returns_to(self, before):
        now = None

        async def run():
            nonlocal now
            while (now := await self.state()) != before:
                await asyncio.sleep(0.02)
        try:
            await asyncio.wait_for(run(), LIMIT_S)
        except asyncio.TimeoutError:
            raise AssertionError(f"the relay held {before} before, and now holds {now}") from None


@contextlib.asynccontextmanager
async def members(scene):
    owner, other = stranger(scene), stranger(scene)
    group = Group()
    await owner.connect()
    await owner.create(group)
    await owner.join(group)
    await other.connect()
    await other.join(group)
    await other.open_session(group, SESSION, other.id, owner.id)
    try:
        yield owner, other, group
    finally:
        await owner.close()
        await other.close()


async def run_case(scene, one):
    before = await asyncio.wait_for(scene.at_rest(), LIMIT_S)
    async with members(scene) as actors:
        await one.function(scene, *actors)
        await scene.bystanders_served()
    await scene.bystanders_served()
    await scene.returns_to(before)
