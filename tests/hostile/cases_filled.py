"""A relay with the settings that it comes with, filled in every way that there is until its accounts take no more: it takes no more
memory than `syncshell-relay --check-config` says, still serves others, and gives everything back."""

import asyncio
import re
import secrets
import socket
import subprocess
from pathlib import Path

from cases_memory import ADDRESSES, CLOSED, MIB, RESET, unfinished
from scene import Scene, case, stranger
from support.bare import Usage
from support.certificate import Certificate
from support.process import RELAY
from support.raw import Group

AT_ONCE = 50
N_ADDRESSES = 6
OFFER_BYTES = 60_000  # nearly what a frame of signaling may have
QUEUED_BYTES = 600_000  # of the 1 MiB that makes a slow reader
RECEIVE_BYTES = 4096  # of a slow reader's socket, so that the kernel takes little for it


def worst_case_bytes(connections, tls):
    tls_settings = ("--set", f"listen.tls_certificate={tls.certificate}", "--set", f"listen.tls_key={tls.key}") if tls else ()
    said = subprocess.run([RELAY, "--check-config", "--set", f"limits.connections_max={connections}", *tls_settings],
                          capture_output=True, text=True, check=True).stdout
    return int(re.search(r"^Memory at worst: (\d+) MiB", said, re.MULTILINE)[1]) * MIB


def peak_bytes(scene):
    status = Path(f"/proc/{scene.relay.process.child.pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024


async def in_turns(jobs):
    """A few at once, as many as a listener's backlog takes."""
    jobs, done = list(jobs), []
    while jobs:
        done += await asyncio.gather(*jobs[:AT_ONCE])
        del jobs[:AT_ONCE]
    return done


async def member(scene, group, **options):
    guest = stranger(scene)
    await guest.dial(**options)
    await guest.authenticate()
    await guest.join(group)
    return guest


async def owned(scene, address):
    """A syncshell, and its owner, from that address."""
    owner, group = stranger(scene, address), Group()
    await owner.connect()
    await owner.create(group)
    await owner.join(group)
    return owner, group


async def settled(scene):
    """What was sent has been read: the account does not change any more."""
    before = None
    while before != (before := (await scene.state())["charged_bytes"]):
        await asyncio.sleep(0.05)


async def fill_with_members(scene, n):
    address = next(ADDRESSES)
    return await in_turns(stranger(scene, address).connect() for _ in range(n))


async def fill_with_syncshells(scene, n_peers):
    """As many as a connection may join, of each of its peers."""
    async def one(guest):
        await guest.connect()
        for _ in range(32):
            group = Group()
            await guest.create(group)
            await guest.join(group)
        return guest
    address = next(ADDRESSES)
    return await in_turns(one(stranger(scene, address)) for _ in range(n_peers))


async def fill_with_offers(scene, n_peers):
    """Held for one that is away, until their sender's account is full. Guests, and those who can let go of the offers."""
    address = next(ADDRESSES)

    async def one():
        owner, group = await owned(scene, address)
        guest, away = [await member(scene, group, local_addr=(address, 0)) for _ in range(2)]
        await away.close()
        await owner.expect("PeerPresence", peerId=away.id, presence="away")
        for number in range(200):
            session = secrets.token_hex(8)
            await guest.open_session(group, session, guest.id, away.id)
            reply = await guest.ask("ReconnectOffer", None, b"x" * OFFER_BYTES, **guest.route(group, away.id, session))
            if reply["type"] == "Error":
                assert reply["code"] == "peer_quota" and number >= 100, (number, reply)
                return guest, owner, group
            assert reply["type"] == "Held", reply
        raise AssertionError("200 large offers were held for one peer")

    filled = await in_turns(one() for _ in range(n_peers))
    return [guest for guest, _, _ in filled], [(owner, group) for _, owner, group in filled]


async def fill_with_slow_readers(scene, n):
    """Each has nearly as much in its queue as makes a slow reader. Sent by one, who replaces offer by offer. As above."""
    address = next(ADDRESSES)
    owner, group = await owned(scene, address)
    readers = []
    for _ in range(n):
        own = socket.socket()
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        own.setblocking(False)
        own.bind((address, 0))
        await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", scene.relay.port))
        reader = await member(scene, group, sock=own, **({"server_hostname": scene.relay.name} if scene.tls else {}))
        await owner.open_session(group, reader.id[8:40], owner.id, reader.id)
        reader.socket.transport.pause_reading()
        readers.append(reader)
        before, generation = (await scene.state())["queued_bytes"], 0
        while (await scene.state())["queued_bytes"] < before + QUEUED_BYTES:
            assert generation < 400, "400 large offers were taken for one that reads nothing"
            for generation in range(generation + 1, generation + 5):
                await owner.send("ReconnectOffer", b"x" * OFFER_BYTES, **owner.route(group, reader.id, reader.id[8:40], generation))
            await owner.alive(group)
    return readers, [(owner, group)]


async def fill_with_silence(scene, n):
    """Sockets that say nothing: closed after some seconds, so they come late."""
    address = next(ADDRESSES)
    opened = await in_turns(
        asyncio.open_connection("127.0.0.1", scene.relay.port, local_addr=(address, 0)) for _ in range(n))
    return [writer for _, writer in opened]


async def fill_with_unfinished(scene, n_addresses):
    """Messages without an end, from several addresses until none of them gets any more."""
    guests = []
    for _ in range(n_addresses):
        address, closed = next(ADDRESSES), []
        while not closed:
            more = await asyncio.gather(*(unfinished(scene, address) for _ in range(8)))
            guests += more
            assert len(guests) < 600
            await settled(scene)
            closed = [guest for guest in more if not guest.socket.open]
        assert {guest.socket.close_code for guest in closed} <= {CLOSED["relay_busy"], *RESET}
    assert (await scene.refusals("relay_busy"))[1] >= n_addresses
    return guests


async def fill(scene, n_members, n_peers):
    """Guests, sockets, and those whose syncshells hold offers."""
    guests = await fill_with_members(scene, n_members)
    guests += await fill_with_syncshells(scene, n_peers)
    held, owners = await fill_with_offers(scene, n_peers)
    slow, sender = await fill_with_slow_readers(scene, n_peers)
    guests += held + slow
    state = await scene.state()
    assert state["syncshells"] > 32 * n_peers and state["held_bytes"] > n_peers * 100 * OFFER_BYTES, state
    # The kernel takes a little more of what waited for those who were filled first.
    assert state["queued_bytes"] >= n_peers * QUEUED_BYTES * 3 // 4 and state["authenticated"] > n_members, state
    silent = await fill_with_silence(scene, n_members)
    guests += await fill_with_unfinished(scene, N_ADDRESSES)
    assert (await scene.state())["charged_bytes"] > 200 * MIB
    return guests, silent, owners + sender


async def run(world, tls, n_members, n_peers):
    """In a relay of its own with every limit as it comes. A sanitizer keeps what was freed, so it is told not to."""
    scene = Scene(world.relay.folder / ("filled-tls" if tls else "filled"), tls, {"timing_offer_ttl_ms": 30_000})
    scene.relay.environment = {"ASAN_OPTIONS": "quarantine_size_mb=0:thread_local_quarantine_size_kb=0:allocator_release_to_os_interval_ms=100"}
    try:
        await scene.start()
        before, resident = await scene.at_rest(), Usage(scene.relay.process.child.pid).resident_bytes()
        guests, silent, owners = await fill(scene, n_members, n_peers)
        await scene.bystanders_served()
        peak, documented = peak_bytes(scene), worst_case_bytes(len(guests) + 10, tls)
        assert peak < documented, f"{peak // MIB} MiB, and {documented // MIB} are documented"
        for guest in guests:
            guest.socket.transport.abort()
        for writer in silent:
            writer.transport.abort()
        await settled(scene)
        for owner, group in owners:
            await owner.owner("DeleteSyncshell", group, 1)
            await owner.close()
        await scene.returns_to(before)
        await scene.bystanders_served()
        after = Usage(scene.relay.process.child.pid).resident_bytes()
        assert after < resident + 64 * MIB, f"{after // MIB} MiB are left of {peak // MIB}, and were {resident // MIB}"
        print(f"     filled by {len(guests)} connections and {len(silent)} sockets: {peak // MIB} MiB at most, {documented // MIB} "
              f"documented; {resident // MIB} before, {after // MIB} after")
    finally:
        problems = await scene.end()
    assert not problems, problems


@case(log_level="info")
async def the_default_configuration_is_filled(world, owner, other, group):
    await run(world, None, 800, 3)


@case(log_level="info")
async def the_default_configuration_is_filled_over_tls(world, owner, other, group):
    await run(world, Certificate(world.relay.folder), 200, 2)
