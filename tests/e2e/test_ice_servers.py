"""STUN and TURN servers as the relay hands them out, spoken without our library: real coturn takes what was minted, and neither the
database nor the log has it."""

import asyncio
import re
import signal
import subprocess
import time

import pytest

from support.raw import Group, RawPeer
from support.standstill import Standstill
from support.turn import TurnServer, password
from support.wait import LIMIT_S

SESSION = "transfer-1"
SECRET = "what the server knows"


@pytest.fixture
def turn(tmp_path):
    turn = TurnServer(tmp_path, secret=SECRET)
    yield turn
    turn.stop()


def table(urls, secret=SECRET, ttl_seconds=600):
    names = ", ".join(f'"{url}"' for url in urls)
    return f'[[ice.server]]\nurls = [{names}]\nsecret = "{secret}"\nttl_seconds = {ttl_seconds}\n'


def allocates(turn, server):
    """Whether coturn's own client gets through with these."""
    done = subprocess.run(
        ["turnutils_uclient", "-u", server["username"], "-w", server["credential"], "-p", str(turn.port), "-n", "1", "-c", "-y",
         turn.address],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
    return done.returncode == 0


class Pair:
    """A joiner and a provider with an open session."""

    def __init__(self, world):
        tls = world.tls.client_context() if world.tls else None
        self.joiner, self.provider = RawPeer(world.url, ssl=tls), RawPeer(world.url, ssl=tls)
        self.group = Group()

    async def __aenter__(self):
        await self.provider.connect()
        await self.provider.create(self.group)
        await self.provider.join(self.group)
        await self.joiner.connect()
        await self.joiner.join(self.group)
        await self.joiner.open_session(self.group, SESSION, self.joiner.id, self.provider.id)
        return self

    async def __aexit__(self, *_):
        await self.joiner.close()
        await self.provider.close()

    async def servers(self, peer, attempt=1):
        return await peer.ask(
            "IceServersRequest", "IceServers", syncshellId=self.group.id, recoverySessionId=SESSION, attempt=attempt)

    async def report(self, peer, attempt, url):
        await peer.ask("ConnectionReport", "Stored", syncshellId=self.group.id, recoverySessionId=SESSION, attempt=attempt,
                       generation=attempt, result="failed", cause="turn_unreachable", elapsedMs=5000, iceServer=url)


def case(function):
    def test(world, turn):
        async def run():
            async with Pair(world) as pair:
                await function(world, turn, pair)
        asyncio.run(run())
    test.__name__ = function.__name__
    return test


async def configure(world, text):
    """As an operator does: the file, and SIGHUP."""
    world.relay.set_ice(text)
    log = world.relay.process.listening
    mark = log.mark()
    world.relay.process.child.send_signal(signal.SIGHUP)
    entry = await asyncio.to_thread(log.wait, mark, where=lambda e: re.search("event=reload", e["line"]))
    assert "event=reloaded" in entry["line"], entry


@case
async def test_nothing_configured_is_an_empty_list(world, turn, pair):
    reply = await pair.servers(pair.joiner)
    assert reply["servers"] == [] and "ttlMs" not in reply


@case
async def test_coturn_takes_what_is_minted_and_nothing_keeps_it(world, turn, pair):
    await configure(world, table([turn.url(), turn.url("tcp")]))
    given = []
    for peer in (pair.joiner, pair.provider):
        before = time.time()
        reply = await pair.servers(peer)
        assert [s["url"] for s in reply["servers"]] == [turn.url(), turn.url("tcp")] and reply["ttlMs"] == 600_000
        server = reply["servers"][0]
        expires, name = server["username"].split(":", 1)
        assert name == peer.id and before + 599 <= int(expires) <= time.time() + 601
        assert server["credential"] == password(SECRET, server["username"])
        assert await asyncio.to_thread(allocates, turn, server)
        given.append(server)
    # Somebody else's name does not go with it.
    assert not await asyncio.to_thread(
        allocates, turn, {"username": given[0]["username"], "credential": given[1]["credential"]})
    log = world.relay.process.errors
    assert await asyncio.to_thread(world.relay.stop) == 0
    places = {file.name: file.read_bytes() for file in world.relay_folder.iterdir() if file.suffix != ".secret"}
    assert "relay.db" in places
    places["log"] = "\n".join(log).encode()
    assert pair.joiner.id[-6:].encode() in places["relay.db"]  # the search can find
    for place, content in places.items():
        for hidden in (SECRET, *(s["credential"] for s in given), *(s["username"] for s in given)):
            assert hidden.encode() not in content, f"{hidden} stands in {place}"


@case
async def test_coturn_refuses_what_has_expired(world, turn, pair):
    await configure(world, table([turn.url()], ttl_seconds=1))
    reply = await pair.servers(pair.joiner)
    assert reply["ttlMs"] == 1000
    server = reply["servers"][0]
    while time.time() < int(server["username"].split(":")[0]) + 1:  # its clock counts whole seconds
        await asyncio.sleep(0.1)
    assert not await asyncio.to_thread(allocates, turn, server)
    fresh = (await pair.servers(pair.joiner))["servers"][0]
    assert fresh["username"] != server["username"]


@case
async def test_attempts_begin_with_another_provider(world, turn, pair):
    urls = ["turn:a.example", "turn:b.example", "turn:c.example"]
    await configure(world, "".join(table([url]) for url in urls))

    async def front(attempt):
        return (await pair.servers(pair.joiner, attempt))["servers"][0]["url"]
    assert [await front(attempt) for attempt in (1, 2, 3, 4)] == [*urls, urls[0]]
    await pair.report(pair.joiner, 4, urls[1])
    # Another recovery, and one of the same network: b failed lately.
    assert [await front(attempt) for attempt in (1, 2, 3)] == [urls[0], urls[2], urls[1]]
    reply = await pair.servers(pair.provider)
    assert [s["url"] for s in reply["servers"]] == [urls[0], urls[2], urls[1]]


@case
async def test_a_secret_that_all_may_read_is_refused(world, turn, pair):
    await configure(world, table([turn.url()]))
    for file in world.relay_folder.glob("*.secret"):
        file.chmod(0o644)
    log = world.relay.process.listening
    mark = log.mark()
    world.relay.process.child.send_signal(signal.SIGHUP)
    entry = await asyncio.to_thread(log.wait, mark, where=lambda e: "event=reload" in e["line"])
    assert "reload_refused" in entry["line"] and "everybody on this machine can reach it" in entry["line"]
    assert SECRET not in entry["line"]
    assert len((await pair.servers(pair.joiner))["servers"]) == 1  # what was there stays


# ---- through the library ----


def opened(world, text):
    """The command-line peers of a pair, with a session whose first attempt the joiner is asked for: the event is the last."""
    asyncio.run(configure(world, text))
    provider, joiner, shell = world.pair()
    joiner.send("open", syncshell=shell, peer=provider.peer_id, role="joiner", session=SESSION)
    return provider, joiner, joiner.event("offer_needed", sessionId=SESSION)


def test_each_attempt_of_the_library_has_its_own_servers(world, turn):
    urls = [turn.url(), "turn:127.0.0.1:9"]
    provider, joiner, needed = opened(world, table(urls[:1]) + table(urls[1:]))
    assert [s["url"] for s in needed["iceServers"]] == urls and 300_000 < needed["iceTtlMs"] <= 600_000
    assert allocates(turn, needed["iceServers"][0])
    joiner.send("offer", session=SESSION, generation=1, sdp="v=0 offer")
    offer = provider.event("offer", sessionId=SESSION)
    assert [s["url"] for s in offer["iceServers"]] == urls
    assert needed["iceServers"][0]["username"].endswith(joiner.peer_id)
    assert offer["iceServers"][0]["username"].endswith(provider.peer_id)
    assert allocates(turn, offer["iceServers"][0])
    # The joiner says which one failed it: the next attempt begins with the other one.
    since = joiner.events.mark()
    joiner.send("link", session=SESSION, generation=1, state="failed", cause="turn_unreachable", iceServer=urls[0])
    needed = joiner.event("offer_needed", since=since, sessionId=SESSION)
    assert needed["attempt"] == 2 and [s["url"] for s in needed["iceServers"]] == urls[::-1]
    # Neither side keeps a credential.
    given = [s["credential"] for event in (needed, offer) for s in event["iceServers"]]
    for peer in (provider, joiner):
        assert peer.stop() == 0
        files = {file.name: file.read_bytes() for file in peer.state.iterdir()}
        assert SESSION.encode() in files["journal.sqlite3"]
        assert not [(name, c) for name, content in files.items() for c in given if c.encode() in content]


def test_credentials_are_fresh_before_they_expire(world, turn):
    with Standstill() as standstill:
        began = time.monotonic()
        provider, joiner, needed = opened(world, table([turn.url()], ttl_seconds=12))
        joiner.send("offer", session=SESSION, generation=1, sdp="v=0 offer")
        provider.event("offer", sessionId=SESSION)
        expires = int(needed["iceServers"][0]["username"].split(":")[0])
        fresh = joiner.event("ice_servers", sessionId=SESSION)
        assert time.time() - standstill.within(began, time.monotonic()) < expires + 1
    assert int(fresh["iceServers"][0]["username"].split(":")[0]) > expires
    assert fresh["generation"] == 1 and allocates(turn, fresh["iceServers"][0])
