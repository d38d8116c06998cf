"""Behind a proxy: who may say X-Forwarded-For, and who pays. Trusted are the addresses of PROXIES; each case's clients have
addresses that no other case uses, in the networks for documentation."""

import asyncio
import contextlib
import itertools
import re

import websockets

from cases_limits import GUESSES, away
from scene import case, stranger

PROXIES = "127.77.0.0/16"
PROXY, HOP, ELSEWHERE = "127.77.0.1", "127.77.0.2", "127.78.0.1"
CLIENTS = (f"198.51.100.{n}" for n in itertools.count(1))
LIMITED = {"proxy_trusted": PROXIES, "limits_address_connections_max": 4}


def behind(world, *headers, proxy=PROXY):
    """A peer whose upgrade comes from the proxy with these lines of X-Forwarded-For."""
    peer = stranger(world, proxy)
    dial = peer.dial
    lines = [("X-Forwarded-For", header) for header in headers]
    peer.dial = lambda **options: dial(extra_headers=lines, **options)
    return peer


async def fills(world, make, room=4):
    """Connects what make() gives until the account is full: after `room` connections, not before."""
    mark = world.relay.process.listening.mark()
    guests = [make() for _ in range(room + 1)]
    for guest in guests[:room]:
        await guest.connect()
    with contextlib.suppress(websockets.WebSocketException, OSError, EOFError):
        await guests[room].dial()
        raise AssertionError(f"{room + 1} connections in one account")
    entry = await asyncio.to_thread(
        world.relay.process.listening.wait, mark, where=lambda e: "code=too_many_from_address" in e["line"])
    paid = re.search(r"\baddress=(\S+)", entry["line"])[1]
    return guests[:room], paid


async def end(guests):
    for guest in guests:
        await guest.close()


@case(**LIMITED)
async def spoofed_header_from_an_untrusted_peer(world, owner, other, group):
    """Each connection claims another address, and all are charged to the one that they come from."""
    guests, paid = await fills(world, lambda: behind(world, next(CLIENTS), proxy=ELSEWHERE))
    assert paid == ELSEWHERE
    await end(guests)


@case(**LIMITED)
async def forwarded_clients_have_separate_limits(world, owner, other, group):
    one, two = next(CLIENTS), next(CLIENTS)
    first, paid = await fills(world, lambda: behind(world, one))
    assert paid == one
    second, paid = await fills(world, lambda: behind(world, two))
    assert paid == two
    third = await behind(world, next(CLIENTS)).connect()
    await end([*first, *second, third])
    again, paid = await fills(world, lambda: behind(world, one))
    assert paid == one
    await end(again)


@case(**LIMITED)
async def forwarded_ipv6_clients_pay_by_64(world, owner, other, group):
    hosts = itertools.count(1)
    guests, paid = await fills(world, lambda: behind(world, f"[2001:db8:0:1::{next(hosts):x}]:443"))
    assert paid == "2001:db8:0:1::/64"
    guests.append(await behind(world, "2001:db8:0:2::1").connect())
    await end(guests)


@case(**LIMITED)
async def what_the_client_put_in_front_is_ignored(world, owner, other, group):
    """As $proxy_add_x_forwarded_for sends it: the client's own header first."""
    client = next(CLIENTS)
    claims = itertools.cycle(["203.0.113.1", "garbage", "127.77.0.9", ",,"])
    guests, paid = await fills(world, lambda: behind(world, f"{next(claims)}, {client}"))
    assert paid == client
    await end(guests)


@case(**LIMITED)
async def a_chain_with_a_trusted_hop(world, owner, other, group):
    client = next(CLIENTS)
    ports = itertools.count(1)
    guests, paid = await fills(world, lambda: behind(world, f"203.0.113.1, {client}:{next(ports)}, ::ffff:{HOP}"))
    assert paid == client
    await end(guests)


@case(**LIMITED)
async def a_repeated_header(world, owner, other, group):
    """Read as one list in the order of the lines: the last that is no proxy counts."""
    client = next(CLIENTS)
    claims = itertools.count(1)
    guests, paid = await fills(world, lambda: behind(world, f"203.0.113.{next(claims)}", client, HOP))
    assert paid == client
    await end(guests)


def charged_to_the_proxy(fault, *requests):
    """`requests`: for each the lines of the header; they take turns. The relay logs no more than 20 such lines a second."""
    async def run(world, owner, other, group):
        mark = world.relay.process.listening.mark()
        turns = itertools.cycle(requests)
        guests, paid = await fills(world, lambda: behind(world, *next(turns)))
        assert paid == PROXY
        lines = [e["line"] for e in world.relay.process.listening.all(mark) if "event=forwarded_for_unusable" in e["line"]]
        assert len(lines) == 5 and all(f"proxy={PROXY}" in line and fault in line for line in lines), lines
        guests.append(await behind(world, next(CLIENTS)).connect())
        await end(guests)
    return run


MALFORMED = [["unknown"], [f"198.51.100.1:x, {HOP}"], ["198.51.100.1", HOP, ","], ["[::1"], ["198.51.100.1,"]]
OVERSIZED = [["203.0.113.1, " * 80 + "198.51.100.1"], ["203.0.113.1, " * 5 + "203.0.113.1"] * 20]
for name, fault, requests in (
        ("malformed", "malformed", MALFORMED), ("missing", "missing", [[], [""]]), ("oversized", "missing", OVERSIZED)):
    case(charged_to_the_proxy(fault, *requests), name=f"forwarded_for_{name}", **LIMITED)


async def guessing(peer):
    await peer.dial()
    reply = await peer.ask("Authenticate", "Error", **peer.authenticate_fields(signature="A" * 86))
    await peer.closed()
    return reply["code"]


@case(proxy_trusted=PROXIES, **GUESSES)
async def a_forwarded_guesser_is_slowed_alone(world, owner, other, group):
    guesser, honest = next(CLIENTS), next(CLIENTS)
    codes = [await guessing(behind(world, guesser)) for _ in range(5)]
    assert codes == ["bad_signature"] * 4 + ["too_many_failures"]
    neighbour = await behind(world, honest).connect()
    await end([neighbour, await away(world).connect()])


@case(proxy_trusted=PROXIES, rates_connects_per_minute=12)
async def a_forwarded_client_that_connects_too_often(world, owner, other, group):
    """Refused before the upgrade, in HTTP; another is not."""
    client = next(CLIENTS)
    for _ in range(12):
        await (await behind(world, client).dial()).close()
    try:
        await behind(world, client).dial()
        raise AssertionError("thirteen connections in a minute")
    except websockets.WebSocketException as refused:
        assert "429" in str(refused), refused
    assert (await world.refusals("too_many_connects"))[0] == 1
    await (await behind(world, next(CLIENTS)).connect()).close()
