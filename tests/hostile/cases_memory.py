"""What a relay holds for others draws from accounts, whatever it is."""

import asyncio
import itertools
import secrets
import struct

import websockets

from cases_limits import away
from scene import case, stranger

MIB = 1 << 20
ADDRESSES = (f"127.67.{n // 250}.{n % 250 + 1}" for n in itertools.count())
UNFINISHED_BYTES = 900_000  # of a binary frame with final bit off: the relay collects them, in a buffer of 1 MiB
UNFINISHED = b"\x02\xff" + struct.pack("!Q", UNFINISHED_BYTES) + b"\0\0\0\0" + b"x" * UNFINISHED_BYTES
CLOSED = {"relay_busy": 4009, "address_quota": 4010}
RESET = (None, 1006)  # what was still on its way to the relay reset the socket, before the close could be read


async def unfinished(world, address):
    """A stranger that says most of a message and no more, or is closed before."""
    guest = stranger(world, address)
    try:
        await guest.connect()
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
