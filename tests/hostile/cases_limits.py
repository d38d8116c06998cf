"""Limits reached on purpose, from an address of its own where the address pays: each has its code, and says when to come again."""

import asyncio
import contextlib
import itertools
import secrets

import websockets

from scene import SESSION, case, stranger
from support.bare import ended
from support.raw import Group

ADDRESSES = (f"127.66.{n // 250}.{n % 250 + 1}" for n in itertools.count())


def away(world):
    return stranger(world, next(ADDRESSES))


async def asked_until(code, send, limit=300):
    """Repeats a request until it is refused by that code; the refusal."""
    for _ in range(limit):
        reply = await send()
        if reply["type"] == "Error":
            assert reply["code"] == code, reply
            return reply
    raise AssertionError(f"{limit} requests without {code}")


async def answer(peer, message_type, body=None, **fields):
    message_id = await peer.send(message_type, body, **fields)
    while True:
        for index, message in enumerate(peer.backlog):
            if message.get("inReplyTo") == message_id:
                return peer.backlog.pop(index)
        peer.backlog.append(await peer.receive())


# ---- guesses ----

GUESSES = {"limits_failures_max": 3, "timing_failure_delay_ms": 600000, "timing_failure_delay_max_ms": 600000}


async def wrong_signature(world, address):
    guest = await stranger(world, address).dial()
    fields = guest.authenticate_fields(signature="A" * 86)
    reply = await guest.ask("Authenticate", "Error", **fields)
    await guest.closed()
    return reply, guest.socket.close_code


@case(**GUESSES)
async def guessed_signatures_slow_the_address_down(world, owner, other, group):
    address = next(ADDRESSES)
    for _ in range(4):
        reply, code = await wrong_signature(world, address)
        assert (reply["code"], code) == ("bad_signature", 4401)
    reply, code = await wrong_signature(world, address)
    assert (reply["code"], code) == ("too_many_failures", 4007)
    assert reply["retryable"] is True and 0 < reply["retryAfterMs"] <= 600000
    honest = await stranger(world, address).dial()
    await honest.refused("too_many_failures", "Authenticate", **honest.authenticate_fields())
    await honest.closed()
    elsewhere = await away(world).connect()
    await elsewhere.close()


@case(**GUESSES)
async def guessed_proofs_slow_the_address_down(world, owner, other, group):
    guest = await away(world).connect()
    for _ in range(4):
        reply = await guest.join(group, "Error", signing_key=Group().signing_key)
        assert reply["code"] == "bad_proof"
    reply = await guest.join(group, "Error")
    assert reply["code"] == "too_many_failures" and reply["retryAfterMs"] > 0
    await guest.close()


@case(**GUESSES)
async def what_is_unknown_is_no_guess(world, owner, other, group):
    guest = await away(world).connect()
    for _ in range(10):
        assert (await guest.join(Group(), "Error"))["code"] == "unknown_syncshell"
    await guest.join(group)
    await guest.close()


@case
async def a_few_wrong_proofs_cost_nothing_by_default(world, owner, other, group):
    guest = await away(world).connect()
    for _ in range(5):
        assert (await guest.join(group, "Error", signing_key=Group().signing_key))["code"] == "bad_proof"
    await guest.join(group)
    await guest.close()


# ---- connections ----


async def until_turned_away(world, code, n_most):
    """Opens connections of one address until the relay takes no more."""
    address = next(ADDRESSES)
    guests = []
    try:
        for _ in range(n_most):
            guest = stranger(world, address)
            guests.append(guest)
            await guest.dial()
    except (websockets.WebSocketException, OSError, EOFError):  # after the upgrade, or before
        pass
    else:
        raise AssertionError(f"{n_most} connections of one address")
    answered, _ = await world.refusals(code)
    assert answered > 0
    elsewhere = await away(world).connect()
    for peer in (elsewhere, *guests):
        await peer.close()
    return len(guests) - 1


@case(limits_address_connections_max=8)
async def too_many_connections_from_one_address(world, owner, other, group):
    assert await until_turned_away(world, "too_many_from_address", 9) == 8


@case(limits_address_connections_max=8)
async def silent_sockets_of_one_address(world, owner, other, group):
    """Connections that never ask for anything are turned away at the door, and those of others are not."""
    address = next(ADDRESSES)
    silent = [await asyncio.open_connection("127.0.0.1", world.relay.port, local_addr=(address, 0)) for _ in range(8)]
    ninth, writer = await asyncio.open_connection("127.0.0.1", world.relay.port, local_addr=(address, 0))
    assert await ended(ninth) == b""
    writer.close()
    assert (await world.refusals("too_many_handshakes"))[0] == 1
    elsewhere = await away(world).connect()
    await elsewhere.close()
    for _, writer in silent:
        writer.close()


@case(rates_connects_per_minute=20)
async def connecting_too_often(world, owner, other, group):
    assert await until_turned_away(world, "too_many_connects", 60) >= 20


UPGRADE = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
           b"Sec-WebSocket-Protocol: syncshell.v1\r\n\r\n")


async def refused_before_the_upgrade(world, address):
    reader, writer = await asyncio.open_connection("127.0.0.1", world.relay.port, local_addr=(address, 0))
    writer.write(UPGRADE)
    text = await ended(reader)
    writer.close()
    assert b"Retry-After:" in text, text
    return text.splitlines()[0]


@case(limits_connections_max=10)
async def a_full_relay_says_so_before_the_upgrade(world, owner, other, group):
    guests = [await stranger(world).connect() for _ in range(6)]  # beside the two pairs
    assert (await refused_before_the_upgrade(world, "127.0.0.1")).startswith(b"HTTP/1.1 503")
    for guest in guests:
        await guest.close()


@case(limits_address_connections_max=6)
async def an_address_with_enough_hears_so_before_the_upgrade(world, owner, other, group):
    address = next(ADDRESSES)
    guests = [await stranger(world, address).connect() for _ in range(6)]
    assert (await refused_before_the_upgrade(world, address)).startswith(b"HTTP/1.1 429")
    assert (await world.refusals("too_many_from_address"))[0] == 1
    for guest in guests:
        await guest.close()


@case
async def two_hundred_connections_of_one_address_are_welcome(world, owner, other, group):
    guests = [away(world)]
    address = next(ADDRESSES)
    guests += [stranger(world, address) for _ in range(200)]
    for at in range(0, len(guests), 50):
        await asyncio.gather(*(guest.connect() for guest in guests[at:at + 50]))
    await asyncio.gather(*(guest.close() for guest in guests))


# ---- rates ----


def paced(reply):
    assert reply["retryable"] is True and reply["retryAfterMs"] > 0, reply


@case(rates_joins_per_minute=40)
async def joining_too_often(world, owner, other, group):
    guest = await away(world).connect()
    paced(await asked_until("too_many_joins", lambda: answer(guest, "JoinSyncshell", **guest.join_fields(group))))
    await guest.close()


@case(rates_signals_per_minute=40)
async def signalling_too_often(world, owner, other, group):
    generations = itertools.count(1)
    for number in generations:
        sent = await other.send("ReconnectOffer", b"x" * 40, **other.route(group, owner.id, SESSION, number))
        reply = await next_about(owner, other, sent)
        if reply:
            assert reply["code"] == "too_many_signals"
            paced(reply)
            break
        assert number < 300


async def next_about(target, source, message_id):
    """None when the offer has arrived, or the refusal that its sender heard."""
    arrived = asyncio.ensure_future(target.expect("ReconnectOffer", messageId=message_id))
    refused = asyncio.ensure_future(source.expect("Error", inReplyTo=message_id))
    done, pending = await asyncio.wait((arrived, refused), return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return refused.result() if refused in done else None


@case(rates_writes_per_minute=40)
async def writing_too_often(world, owner, other, group):
    paced(await asked_until("too_many_writes", lambda: answer(
        other, "SessionOpen", syncshellId=group.id, recoverySessionId=SESSION, joinerPeerId=other.id,
        providerPeerId=owner.id)))


@case(rates_writes_per_minute=40)
async def large_messages_cost_more(world, owner, other, group):
    """Every 16 KiB count as one message more."""
    count = itertools.count()
    paced(await asked_until("too_many_writes", lambda: answer(
        other, "RecoveryRequest", b"x" * 60_000, **other.route(group, owner.id, SESSION))
        if next(count) < 30 else fail("30 messages of 60 KB within 40 a minute")))


def fail(text):
    raise AssertionError(text)


@case(rates_queries_per_minute=40)
async def asking_too_often(world, owner, other, group):
    paced(await asked_until("too_many_queries", lambda: answer(
        other, "SessionSnapshotRequest", syncshellId=group.id, recoverySessionId=SESSION, afterVersion=0)))


# ---- TURN credentials ----

ICE = """
[[ice.server]]
urls = ["turn:127.0.0.1:9?transport=udp"]
secret = "only the relay and the TURN server know"
"""


async def ask_for_servers(peer, group, session=SESSION, attempt=1, **fields):
    return await answer(peer, "IceServersRequest", **{
        "syncshellId": group.id, "recoverySessionId": session, "attempt": attempt, **fields})


@case(ice=ICE, rates_queries_per_minute=40)
async def asking_for_turn_credentials_too_often(world, owner, other, group):
    paced(await asked_until("too_many_queries", lambda: ask_for_servers(other, group)))
    assert (await ask_for_servers(owner, group))["type"] == "IceServers"


@case(ice=ICE)
async def turn_credentials_for_strangers(world, owner, other, group):
    """Neither for who has not authenticated, nor for who has not joined, nor for a member with nothing to connect for."""
    guest = await away(world).dial()
    assert (await ask_for_servers(guest, group))["code"] == "not_authenticated"
    assert await guest.closed() == 4401
    guest = await away(world).connect()
    assert (await ask_for_servers(guest, group))["code"] == "not_joined"
    await guest.join(group)
    assert (await ask_for_servers(guest, group))["code"] == "not_participant"
    assert (await ask_for_servers(guest, group, "no-such"))["code"] == "unknown_session"
    await guest.close()


@case(ice=ICE)
async def turn_credentials_for_a_closed_session(world, owner, other, group):
    assert (await ask_for_servers(other, group))["type"] == "IceServers"
    await other.ask("SessionClose", "Stored", syncshellId=group.id, recoverySessionId=SESSION, outcome="completed")
    assert (await ask_for_servers(other, group))["code"] == "session_closed"


@case(ice=ICE)
async def malformed_requests_for_turn_credentials(world, owner, other, group):
    for wrong in ({"attempt": 0}, {"attempt": -1}, {"attempt": 2**32}, {"attempt": 1.5}, {"attempt": "1"}, {"attempt": None},
                  {"recoverySessionId": ""}, {"recoverySessionId": "x" * 65}, {"syncshellId": 7}):
        reply = await ask_for_servers(other, group, **wrong)
        assert reply["code"] == "bad_field" and reply["retryable"] is False, wrong
    assert (await ask_for_servers(other, group, attempt=2**32 - 1))["type"] == "IceServers"
    await other.refused("bad_frame", "IceServersRequest", b"body", syncshellId=group.id, recoverySessionId=SESSION, attempt=1)


@case(ice=ICE)
async def reports_of_servers_that_are_none(world, owner, other, group):
    """Whatever is reported, the list stays what the operator configured."""
    for generation, url in enumerate(("turn:evil.example", "stun:" + "x" * 250, "turn:127.0.0.1:9?transport=udp"), 1):
        await other.ask("ConnectionReport", "Stored", syncshellId=group.id, recoverySessionId=SESSION, attempt=1,
                        generation=generation, result="failed", cause="turn_unreachable", elapsedMs=1, iceServer=url)
        reply = await ask_for_servers(other, group)
        assert [s["url"] for s in reply["servers"]] == ["turn:127.0.0.1:9?transport=udp"]


@case(rates_refusals_per_minute=40)
async def who_goes_on_regardless_is_closed(world, owner, other, group):
    guest = await away(world).connect()
    await guest.join(group)
    with contextlib.suppress(websockets.ConnectionClosed):
        for _ in range(300):
            await guest.send("MakeCoffee")
    assert await guest.closed() == 4008
    refusals = [m for m in guest.backlog if m["type"] == "Error"]
    assert 40 <= len(refusals) < 100, len(refusals)


# ---- what is held ----


@case(limits_joined_max=3)
async def joining_too_much(world, owner, other, group):
    guest = await away(world).connect()
    for _ in range(3):
        own = Group()
        await guest.create(own)
        await guest.join(own)
    reply = await guest.join(group, "Error")
    assert reply["code"] == "too_many_joined" and reply["retryable"] is False
    await guest.close()


@case(limits_created_max=3)
async def creating_too_many_syncshells(world, owner, other, group):
    """Somebody else is not concerned."""
    guest = await away(world).connect()
    for _ in range(3):
        await guest.create(Group())
    reply = await guest.create(Group(), "Error")
    assert reply["code"] == "too_many_syncshells" and reply["retryable"] is False
    another = await away(world).connect()
    await another.create(Group())
    for peer in (guest, another):
        await peer.close()


@case(limits_members_max=3)
async def a_full_syncshell(world, owner, other, group):
    third = await away(world).connect()
    await third.join(group)
    fourth = await away(world).connect()
    assert (await fourth.join(group, "Error"))["code"] == "syncshell_full"
    await third.close()
    await fourth.close()


async def open_session(peer, group, provider):
    return await answer(peer, "SessionOpen", syncshellId=group.id, recoverySessionId=secrets.token_hex(8),
                        joinerPeerId=peer.id, providerPeerId=provider.id)


@contextlib.asynccontextmanager
async def third_member(world, group):
    third = await away(world).connect()
    await third.join(group)
    yield third
    await third.close()


@case(limits_sessions_max=4)
async def one_member_opens_all_sessions(world, owner, other, group):
    """Its share is half of what there is; who comes later has half of what is left, and at least one."""
    async with third_member(world, group) as third:
        paced(await asked_until("sessions_share", lambda: open_session(other, group, owner), 3))
        assert (await open_session(owner, group, other))["type"] == "Stored"
        assert (await open_session(third, group, other))["type"] == "Stored"
        assert (await open_session(third, group, other))["code"] == "too_many_sessions"
        await other.ask("SessionClose", "Stored", syncshellId=group.id, recoverySessionId=SESSION, outcome="completed")
        assert (await open_session(third, group, other))["code"] == "sessions_share"


@case(limits_inbox_messages_max=4)
async def one_member_fills_an_inbox(world, owner, other, group):
    """Whoever else writes to it finds room; and so does the first one when its messages are acknowledged."""
    async with third_member(world, group) as third:
        await third.open_session(group, "thirds", third.id, owner.id)
        await owner.close()
        paced(await asked_until("inbox_share", lambda: answer(
            other, "RecoveryRequest", b"x" * 50, **other.route(group, owner.id, SESSION)), 4))
        await third.ask("RecoveryRequest", "Stored", b"x" * 50, **third.route(group, owner.id, "thirds"))
        await owner.connect()
        joined = await owner.join(group)
        await owner.ask("AckInbox", "Stored", syncshellId=group.id, inboxSeq=joined["inboxHead"])
        await other.ask("RecoveryRequest", "Stored", b"x" * 50, **other.route(group, owner.id, SESSION))


@case(limits_inbox_messages_max=2)
async def a_full_inbox(world, owner, other, group):
    async with third_member(world, group) as third:
        await third.open_session(group, "thirds", third.id, owner.id)
        await owner.close()
        await other.ask("RecoveryRequest", "Stored", b"x" * 50, **other.route(group, owner.id, SESSION))
        await third.ask("RecoveryRequest", "Stored", b"x" * 50, **third.route(group, owner.id, "thirds"))
        for peer, session in ((other, SESSION), (third, "thirds")):
            reply = await answer(peer, "RecoveryRequest", b"x" * 50, **peer.route(group, owner.id, session))
            assert reply["code"] == "inbox_full" and reply["retryable"] is True
        await owner.connect()
        await owner.join(group)
        await owner.ask("AckInbox", "Stored", syncshellId=group.id, inboxSeq=2)
        await other.ask("RecoveryRequest", "Stored", b"x" * 50, **other.route(group, owner.id, SESSION))


@case(limits_inbox_bytes_max=3145728)
async def one_member_takes_an_inbox_s_bytes(world, owner, other, group):
    async with third_member(world, group) as third:
        await third.open_session(group, "thirds", third.id, owner.id)
        await owner.close()
        await asked_until("inbox_share", lambda: answer(
            other, "RecoveryRequest", b"x" * 300_000, **other.route(group, owner.id, SESSION)), 7)
        await third.ask("RecoveryRequest", "Stored", b"x" * 1_000_000, **third.route(group, owner.id, "thirds"))


@case(limits_syncshell_inbox_bytes_max=3145728)
async def one_member_fills_all_inboxes(world, owner, other, group):
    """However many inboxes it writes to: whoever else writes to any of them finds room, until all of it is taken."""
    async with third_member(world, group) as third:
        await other.open_session(group, "others", other.id, third.id)
        await third.open_session(group, "thirds", third.id, owner.id)
        await owner.close()
        await other.ask("RecoveryRequest", "Stored", b"x" * 750_000, **other.route(group, third.id, "others"))
        paced(await asked_until("inboxes_share", lambda: answer(
            other, "RecoveryRequest", b"x" * 150_000, **other.route(group, owner.id, SESSION)), 6))
        await third.ask("RecoveryRequest", "Stored", b"x" * 750_000, **third.route(group, owner.id, "thirds"))
        reply = await answer(third, "RecoveryRequest", b"x" * 1_000_000, **third.route(group, owner.id, "thirds"))
        assert reply["code"] == "inboxes_full" and reply["retryable"] is True
        await third.ask("AckInbox", "Stored", syncshellId=group.id, inboxSeq=1)
        await other.ask("RecoveryRequest", "Stored", b"x" * 150_000, **other.route(group, owner.id, SESSION))


@case(limits_syncshell_log_bytes_max=6291456, limits_sessions_max=8)
async def one_member_s_logs_take_all_the_room(world, owner, other, group):
    """Half of it is set aside for each session; of the rest whoever comes later finds half."""
    async def entry(peer, session, version, size):
        return await answer(peer, "SessionProgress", b"x" * size, baseVersion=version, syncshellId=group.id,
                            recoverySessionId=session, bodyFormat="sealed")
    async with third_member(world, group) as third:
        version = itertools.count(1)
        reply = await asked_until("log_share", lambda: entry(other, SESSION, next(version), 360_000), 9)
        assert reply["retryable"] is False
        await third.open_session(group, "thirds", third.id, owner.id)
        assert (await entry(third, "thirds", 1, 393_216))["type"] == "Stored"
        assert (await entry(third, "thirds", 2, 720_000))["type"] == "Stored"
        assert (await entry(third, "thirds", 3, 1_040_000))["code"] == "syncshell_quota"
        await other.ask("SessionCheckpoint", "Stored", b"x", baseVersion=next(version) - 1, syncshellId=group.id,
                        recoverySessionId=SESSION, bodyFormat="sealed")
        assert (await entry(third, "thirds", 3, 360_000))["type"] == "Stored"


@case(limits_session_log_bytes_max=2 << 20)
async def a_full_session_log(world, owner, other, group):
    entry = {"syncshellId": group.id, "recoverySessionId": SESSION, "bodyFormat": "sealed"}
    version = itertools.count(1)
    await asked_until("session_full", lambda: answer(
        other, "SessionProgress", b"x" * 60_000, baseVersion=next(version), **entry), 40)


@case(limits_attempt_bytes_max=147456)
async def too_much_held_for_one_attempt(world, owner, other, group):
    await owner.close()
    offer = await other.send("ReconnectOffer", b"x" * 5000, **other.route(group, owner.id, SESSION, 1))
    await other.expect("Held", inReplyTo=offer)
    reply = await asked_until("held_full", lambda: answer(
        other, "IceCandidate", b"x" * 5000, **other.route(group, owner.id, SESSION, 1)), 30)
    paced(reply)


@case(limits_queue_frames_max=64)
async def a_slow_reader_by_count(world, owner, other, group):
    """Small messages fill a queue as well as large ones."""
    third = await away(world).connect()
    await third.join(group)
    await other.open_session(group, "slow", other.id, third.id)
    third.socket.transport.pause_reading()
    for generation in range(1, 20000):
        await other.send("ReconnectOffer", b"x" * 1000, **other.route(group, third.id, "slow", generation))
        if any(m["type"] == "PeerPresence" and m["peerId"] == third.id and m["presence"] == "away" for m in other.backlog):
            break
        if generation % 50 == 0:
            await other.alive(group)
    else:
        fail("20,000 offers were taken for a member that reads nothing")
    _, closed = await world.refusals("slow_reader")
    assert closed == 1
    third.socket.transport.abort()
