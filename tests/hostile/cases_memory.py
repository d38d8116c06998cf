"""What a relay holds for others draws from accounts, whatever it is; and with all of them full it takes no more memory than
`syncshell-relay --check-config` says."""

import asyncio
import itertools
import re
import secrets
import struct
import subprocess
from pathlib import Path

import websockets

from cases_limits import away
from scene import Scene, case, stranger
from support.bare import Usage
from support.process import RELAY

MIB = 1 << 20
ADDRESSES = (f"127.67.{n // 250}.{n % 250 + 1}" for n in itertools.count())
UNFINISHED_BYTES = 900_000  # of a binary frame with final bit off: the relay collects them, in a buffer of 1 MiB
UNFINISHED = b"\x02\xff" + struct.pack("!Q", UNFINISHED_BYTES) + b"\0\0\0\0" + b"x" * UNFINISHED_BYTES
CLOSED = {"relay_busy": 4009, "address_quota": 4010}
RESET = (None, 1006)  # what was still on its way to the relay reset the socket, before the close could be read


async def unfinished(world, address):
    """A stranger that says most of a message and no more, or is closed before: there is not even room for Hello."""
    guest = stranger(world, address)
    try:
        await guest.dial()
    except websockets.ConnectionClosed:
        return guest
    guest.socket.transport.write(UNFINISHED)
    return guest


async def until_closed(world, address, code, n_most):
    """Guests with unfinished messages, until one of them is closed for it; all of them."""
    guests = []
    while len(guests) < n_most:
        guests.append(await unfinished(world, address))
        while guests[-1].socket.open and (await world.state())["charged_bytes"] < world.filled + len(guests) * MIB:
            await asyncio.sleep(0)
        if not guests[-1].socket.open:
            assert guests[-1].socket.close_code in (CLOSED[code], *RESET), guests[-1].socket.close_code
            return guests
    raise AssertionError(f"{n_most} unfinished messages were all taken")


async def filled_until(world, code, n_most):
    world.filled = (await world.state())["charged_bytes"]
    guests = await until_closed(world, next(ADDRESSES), code, n_most)
    assert (await world.refusals(code))[1] > 0
    elsewhere = await away(world).connect()
    for guest in (elsewhere, *guests):
        guest.socket.transport.abort()
    return len(guests) - 1


@case(limits_address_peers=1, limits_peer_bytes_max=4 * MIB)
async def unfinished_messages_of_one_address(world, owner, other, group):
    assert 3 <= await filled_until(world, "address_quota", 6) <= 4


@case(limits_memory_bytes_max=16 * MIB)
async def unfinished_messages_of_everybody(world, owner, other, group):
    """One address alone gets half."""
    assert 6 <= await filled_until(world, "relay_busy", 12) <= 8


@case(limits_peer_bytes_max=4 * MIB, timing_offer_ttl_ms=30_000)
async def one_peer_has_too_much_held(world, owner, other, group):
    """For a member that is away, in one session after the other: a refusal, and the connection stays."""
    peer = await stranger(world).connect()
    await peer.join(group)
    refused = None
    await owner.close()
    for number in range(100):
        session = f"held-{number}"
        await peer.open_session(group, session, peer.id, owner.id)
        sent = await peer.send("ReconnectOffer", secrets.token_bytes(60_000), **peer.route(group, owner.id, session))
        while True:
            reply = await peer.receive()
            if reply.get("inReplyTo") == sent:
                break
        if reply["type"] == "Error":
            refused = reply
            break
    assert refused["code"] == "peer_quota" and refused["retryable"] is True and refused["retryAfterMs"] > 0, refused
    assert 30 < number < 70
    await peer.alive(group)
    await peer.ask("LeaveSyncshell", "Stored", syncshellId=group.id)  # and with its sessions goes what was held
    await peer.close()


# ---- the whole ----

N_IDLE = 300
N_ADDRESSES = 6


def worst_case_bytes(connections):
    said = subprocess.run([RELAY, "--check-config", "--set", f"limits.connections_max={connections}"],
                          capture_output=True, text=True, check=True).stdout
    return int(re.search(r"^Memory at worst: (\d+) MiB", said, re.MULTILINE)[1]) * MIB


def peak_bytes(scene):
    status = Path(f"/proc/{scene.relay.process.child.pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024


async def fill(scene):
    """Idle connections, and from several addresses unfinished messages until none of them gets any more."""
    address = next(ADDRESSES)
    guests = [stranger(scene, address) for _ in range(N_IDLE)]
    for at in range(0, N_IDLE, 50):
        await asyncio.gather(*(guest.dial() for guest in guests[at:at + 50]))
    for _ in range(N_ADDRESSES):
        address, closed = next(ADDRESSES), []
        while not closed:
            more = await asyncio.gather(*(unfinished(scene, address) for _ in range(8)))
            guests += more
            assert len(guests) < N_IDLE + 600
            await settled(scene)
            closed = [guest for guest in more if not guest.socket.open]
        assert {guest.socket.close_code for guest in closed} <= {CLOSED["relay_busy"], *RESET}
    assert (await scene.refusals("relay_busy"))[1] >= N_ADDRESSES
    return guests


async def settled(scene):
    """What was sent has been read: the account does not change any more."""
    before = None
    while before != (before := (await scene.state())["charged_bytes"]):
        await asyncio.sleep(0.05)


@case(log_level="info")
async def the_default_configuration_is_filled(world, owner, other, group):
    """In a relay of its own with every limit as it comes. A sanitizer keeps what was freed, so it is told not to."""
    scene = Scene(world.relay.folder / "filled", None, {})
    scene.relay.environment = {"ASAN_OPTIONS": "quarantine_size_mb=0:thread_local_quarantine_size_kb=0:allocator_release_to_os_interval_ms=100"}
    try:
        await scene.start()
        before, resident = await scene.at_rest(), Usage(scene.relay.process.child.pid).resident_bytes()
        guests = await fill(scene)
        assert (await scene.state())["charged_bytes"] > 200 * MIB
        await scene.bystanders_served()
        peak, documented = peak_bytes(scene), worst_case_bytes(len(guests) + 10)
        assert peak < documented, f"{peak // MIB} MiB, and {documented // MIB} are documented"
        for guest in guests:
            guest.socket.transport.abort()
        await scene.returns_to(before)
        await scene.bystanders_served()
        after = Usage(scene.relay.process.child.pid).resident_bytes()
        assert after < resident + 64 * MIB, f"{after // MIB} MiB are left of {peak // MIB}, and were {resident // MIB}"
        print(f"     filled: {peak // MIB} MiB at most, {documented // MIB} documented; {resident // MIB} before, {after // MIB} after")
    finally:
        problems = await scene.end()
    assert not problems, problems
