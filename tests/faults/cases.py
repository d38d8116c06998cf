"""What goes wrong around a relay that others are using. A case is `async def name(stage)`: it makes its trouble within
`async with stage.undisturbed(relay)`, and the probe pair says whether anybody else noticed."""

import asyncio
import contextlib
import secrets
import ssl
import subprocess
import time

from support.bare import Usage, ended
from support.raw import Group, RawPeer
from support.sick_disk import STALLS, WELL, SickDisk
from support.wait import LIMIT_S

CASES = []


def case(function):
    CASES.append(function)
    return function


async def write_entry(peer, group, session, version):
    return await peer.ask("SessionProgress", "Stored", b"sealed", syncshellId=group.id, recoverySessionId=session,
                          baseVersion=version, bodyFormat="sealed")


@contextlib.asynccontextmanager
async def members(relay):
    """Another pair, with an open session: those whom the trouble is about."""
    tls = relay.tls.client_context() if relay.tls else None
    owner, other, group = RawPeer(relay.url, ssl=tls), RawPeer(relay.url, ssl=tls), Group()
    for peer in (owner, other):
        await peer.connect()
    await owner.create(group)
    for peer in (owner, other):
        await peer.join(group)
    await other.open_session(group, "s", other.id, owner.id)
    try:
        yield owner, other, group
    finally:
        for peer in (owner, other):
            await peer.close()


@case
async def stalled_disk(stage):
    """No sync and no write of the database comes back for some seconds. What was asked for is answered when they do."""
    disk = SickDisk(stage.folder / "sick-disk")
    relay = stage.relay(environment=disk.environment)
    async with stage.undisturbed(relay), members(relay) as (_, other, group):
        await write_entry(other, group, "s", 1)
        disk.becomes(STALLS)
        began = time.monotonic()
        waiting = asyncio.create_task(write_entry(other, group, "s", 2))
        done, _ = await asyncio.wait([waiting], timeout=stage.stall_s)
        assert not done, "an entry was acknowledged while the disk stood still"
        disk.becomes(WELL)
        await asyncio.wait_for(waiting, LIMIT_S)
        return f"stood still for {time.monotonic() - began:.1f} s"


@case
async def slow_reader(stage):
    """A member that reads nothing more, and is sent what fills every buffer on the way."""
    relay = stage.relay()
    async with stage.undisturbed(relay), members(relay) as (owner, other, group):
        owner.socket.transport.pause_reading()
        body = secrets.token_bytes(60_000)
        for generation in range(1, 3000):
            await other.send("ReconnectOffer", body, **other.route(group, owner.id, "s", generation))
            if generation % 20 == 0:
                await other.alive(group)
            if any(m["type"] == "PeerPresence" and m["presence"] == "away" for m in other.backlog):
                break
        else:
            raise AssertionError("3,000 offers of 60 KB were taken for a member that reads nothing")
        owner.socket.transport.abort()
        return f"dropped after {generation} offers of 60 KB"


@case
async def half_open_peers(stage):
    """The network eats every packet of some members, whose sockets stay open on both sides: the relay finds out by its heartbeat."""
    relay = stage.relay(timing_heartbeat_ms=stage.heartbeat_ms)
    group, lost = Group(), [member_from(relay, "127.0.9.9") for _ in range(stage.half_open)]
    async with stage.undisturbed(relay), members(relay) as (owner, _, _):
        await owner.create(group)
        await owner.join(group)
        for peer in lost:
            await peer.connect()
            await peer.join(group)
        began = time.monotonic()
        with stage.eaten("127.0.9.9"):
            left = {peer.id for peer in lost}
            while left:
                away = await owner.expect("PeerPresence", presence="away")
                left.discard(away["peerId"])
            took = time.monotonic() - began
        for peer in lost:
            peer.socket.transport.abort()
        return f"{len(lost)} were away after {took:.1f} s, with a heartbeat of {stage.heartbeat_ms} ms"


def member_from(relay, address):
    peer = RawPeer(relay.url)
    dial = peer.dial
    peer.dial = lambda **options: dial(local_addr=(address, 0), **options)
    return peer


@case
async def garbage_on_the_tls_port(stage):
    """Bytes that are no TLS, handshakes that end in the middle, and plain HTTP, from many at once."""
    relay = stage.relay(tls=stage.certificate)
    hello = client_hello()
    pieces = [b"\x00" * 300, secrets.token_bytes(3000), b"GET / HTTP/1.1\r\n\r\n", hello[:40], hello[:-1],
              hello + secrets.token_bytes(500), b"\x16\x03\x01\x40\x00" + b"\x01" * 100, b"\x15\x03\x03\x00\x02\x02\x28"]
    async with stage.undisturbed(relay):
        usage = Usage(relay.process.child.pid)
        before = usage.descriptors()
        for _ in range(stage.garbage_rounds):
            await asyncio.gather(*(send_and_end(relay, pieces[i % len(pieces)]) for i in range(64)))
        await usage.descriptors_return_to(before)
        return f"{64 * stage.garbage_rounds} connections, no descriptor left"


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


async def send_and_end(relay, data):
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(data)
    with contextlib.suppress(OSError):  # the relay may have hung up already
        writer.write_eof()
    await ended(reader)
    writer.transport.abort()


@case
async def tls_renegotiation(stage):
    """Each would cost a handshake, again and again, on one connection: none is done."""
    relay = stage.relay(tls=stage.certificate)
    async with stage.undisturbed(relay):
        ends = await asyncio.gather(*(asyncio.to_thread(renegotiate, relay) for _ in range(stage.renegotiations)))
        assert all("no renegotiation" in end for end in ends), ends[0][-500:]
        return f"{len(ends)} were refused"


def renegotiate(relay):
    """`R` alone on a line is s_client's command for it; what it says in the end."""
    done = subprocess.run(["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{relay.port}"], input="R\n", text=True,
                          capture_output=True, timeout=LIMIT_S, check=False)
    return done.stdout + done.stderr


@case
async def slowloris(stage):
    """Many who send a request for an upgrade, one byte at a time, and never to its end."""
    relay = stage.relay(timing_handshake_timeout_ms=stage.handshake_ms)
    async with stage.undisturbed(relay):
        usage = Usage(relay.process.child.pid)
        before = usage.descriptors()
        began = time.monotonic()
        await asyncio.gather(*(drip(relay) for _ in range(stage.drips)))
        await usage.descriptors_return_to(before)
        return f"{stage.drips} were ended within {time.monotonic() - began:.1f} s, with a timeout of {stage.handshake_ms} ms"


async def drip(relay):
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    end = asyncio.create_task(ended(reader))
    writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
    while not (await asyncio.wait([end], timeout=0.1))[0]:
        writer.write(b"x")
    writer.transport.abort()
