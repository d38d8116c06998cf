"""Too much, too little, or too broken: raw connections that a relay must survive without holding anything for them."""

import asyncio
import contextlib
import json
import secrets

from scene import SESSION, case, stranger
from support.bare import BINARY, CLOSE, CONTINUATION, PING, TEXT, Usage, ended, fragments, frame
from support.raw import Group, RawPeer

STRANGERS = 500


async def guest_of(world, group):
    guest = await stranger(world).connect()
    await guest.join(group)
    return guest


def leave_header(guest, group):
    return json.dumps({"type": "MakeCoffee", "messageId": guest.message_id(), "syncshellId": group.id}).encode()


@case(timing_handshake_timeout_ms=3000)
async def many_that_never_authenticate(world, owner, other, group):
    """Some never even upgrade. The members are served while all of them hang on."""
    silent = [await asyncio.open_connection("127.0.0.1", world.relay.port) for _ in range(100)]
    guests = [stranger(world) for _ in range(STRANGERS - 100)]
    for at in range(0, len(guests), 50):
        await asyncio.gather(*(guest.dial() for guest in guests[at:at + 50]))
    await owner.alive(group)
    await other.alive(group)
    for guest in guests[::2]:
        guest.socket.transport.abort()
    for _, writer in silent:
        writer.transport.abort()
    await asyncio.gather(*(guest.closed() for guest in guests[1::2]))
    assert {guest.socket.close_code for guest in guests[1::2]} == {4003}


@case
async def closing_in_every_state(world, owner, other, group):
    """The connection ends, politely and not, before and behind each step; what was asked for is answered to nobody."""
    for politely in (True, False):
        for step in range(6):
            guest = stranger(world)
            await guest.dial()
            if step >= 1:
                await guest.send("Authenticate", **guest.authenticate_fields())
            if step >= 2:
                await guest.expect("Welcome")
                await guest.send("JoinSyncshell", **guest.join_fields(group))
            if step >= 3:
                await guest.expect("SyncshellJoined")
                session = secrets.token_hex(8)
                await guest.send("SessionOpen", syncshellId=group.id, recoverySessionId=session,
                                 joinerPeerId=guest.id, providerPeerId=owner.id)
            if step >= 4:
                await guest.expect("Stored")
                await guest.send("RecoveryRequest", b"x" * 100, **guest.route(group, owner.id, session))
                await guest.send("ReconnectOffer", b"x" * 100, **guest.route(group, owner.id, session))
            if step >= 5:
                await guest.send("SessionClose", syncshellId=group.id, recoverySessionId=session, outcome="failed")
            if politely:
                await guest.close()
            else:
                guest.socket.transport.abort()
    await owner.alive(group)


@case
async def a_thousand_requests_in_one_piece(world, owner, other, group):
    """Each is answered, once, in order of asking or with a refusal that says to come again."""
    guest = await guest_of(world, group)
    ids = [f"p{n}" for n in range(1000)]
    text = b"".join(
        frame(TEXT, json.dumps({"type": "JoinSyncshell", "messageId": i, **guest.join_fields(group)}).encode()) for i in ids)
    guest.socket.transport.write(text)
    answers = {}
    while len(answers) < len(ids):
        reply = await guest.receive()
        if "inReplyTo" in reply:
            assert reply["inReplyTo"] not in answers, reply
            answers[reply["inReplyTo"]] = reply
    assert set(answers) == set(ids)
    assert all(m["type"] == "SyncshellJoined" or m["retryable"] for m in answers.values())
    await guest.close()


@case
async def a_thousand_durable_messages_in_one_piece(world, owner, other, group):
    """More than may wait for the disk: the rest is refused for the moment, and nothing twice or out of order."""
    await owner.close()
    body = b"r" * 200
    text = b""
    for n in range(1000):
        header = {"type": "RecoveryRequest", **other.route(group, owner.id, SESSION, messageId=f"d{n}")}
        text += frame(BINARY, json.dumps(header).encode() + b"\n" + body)
    other.socket.transport.write(text)
    stored, refused = {}, {}
    while len(stored) + len(refused) < 1000:
        reply = await other.receive()
        if reply["type"] == "Stored":
            stored[reply["inReplyTo"]] = reply["inboxSeq"]
        elif reply["type"] == "Error":
            assert reply["code"] in ("too_many_requests", "inbox_full") and reply["retryable"], reply
            refused[reply["inReplyTo"]] = reply
    assert sorted(stored.values()) == list(range(1, len(stored) + 1)) and len(stored) >= 64
    # A repetition over another connection is the same message.
    other.socket.transport.abort()
    await other.connect()
    await other.join(group)
    first = min(stored, key=stored.get)
    again = await other.ask("RecoveryRequest", "Stored", body, **other.route(group, owner.id, SESSION, messageId=first))
    assert again["duplicate"] is True and again["inboxSeq"] == 1
    await owner.connect()
    await owner.join(group)
    for number in range(1, len(stored) + 1):
        assert (await owner.expect("InboxDelivery"))["inboxSeq"] == number
    await owner.ask("AckInbox", "Stored", syncshellId=group.id, inboxSeq=len(stored))


@case
async def fragments_of_one_byte(world, owner, other, group):
    body = secrets.token_bytes(300)
    header = json.dumps({"type": "ReconnectOffer", **other.route(group, owner.id, SESSION, 7)}).encode()
    other.socket.transport.write(fragments(BINARY, header + b"\n" + body))
    assert (await owner.expect("ReconnectOffer", generation=7))["body"] == body
    # Control frames may stand between the fragments, and the TCP segments may be single bytes too.
    guest = await guest_of(world, group)
    pieces = fragments(TEXT, leave_header(guest, group), 5)
    for byte in pieces[:40]:
        guest.socket.transport.write(bytes([byte]))
        await asyncio.sleep(0)
    guest.socket.transport.write(pieces[40:])
    assert (await guest.expect("Error"))["code"] == "unknown_type"
    head, tail = frame(TEXT, b'{"type":', fin=False), frame(CONTINUATION, b'"MakeCoffee","messageId":"x"}')
    guest.socket.transport.write(head + frame(PING, b"between") + tail)
    assert (await guest.expect("Error", inReplyTo="x"))["code"] == "unknown_type"
    await guest.close()


@case
async def ping_floods(world, owner, other, group):
    """Answered or dropped, but not collected for a reader that does not read."""
    guest = await guest_of(world, group)
    usage = Usage(world.relay.process.child.pid)
    before = usage.resident_bytes()
    guest.socket.transport.pause_reading()
    flood = frame(PING, b"p" * 125) * 2000
    for _ in range(100):
        if guest.socket.transport.is_closing():
            break
        guest.socket.transport.write(flood)
        await asyncio.sleep(0)
        await owner.alive(group)
    assert usage.resident_bytes() - before < 64 * 2**20
    guest.socket.transport.abort()


BROKEN = {
    "continuation of nothing": frame(CONTINUATION, b"x"),
    "text inside text": frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"),
    "fragmented ping": frame(PING, b"x", fin=False) + frame(CONTINUATION, b"y"),
    "long ping": frame(PING, b"x" * 126),
    "unknown opcode": frame(3, b"x"),
    "unknown control opcode": frame(11, b"x"),
    "reserved bits": bytes([frame(TEXT, b"{}")[0] | 0x70]) + frame(TEXT, b"{}")[1:],
    "absurd length": b"\x82\xff" + b"\x7f" + b"\xff" * 7 + b"mask" + b"x",
    "close code of one byte": frame(CLOSE, b"x"),
}


def broken(data):
    async def run(world, owner, other, group):
        guest = await guest_of(world, group)
        guest.socket.transport.write(data)
        with contextlib.suppress(ConnectionError):
            assert await guest.closed() in (1002, 1006, 1009, None)
    return run


for name, data in BROKEN.items():
    case(broken(data), name=f"broken_{name.replace(' ', '_')}")


@case
async def joins_of_syncshells_that_do_not_exist(world, owner, other, group):
    """More than a connection may have joined, again and again: nothing is loaded for good."""
    guest = await stranger(world).connect()
    for _ in range(2):
        asked = [await guest.send("JoinSyncshell", **guest.join_fields(Group())) for _ in range(200)]
        for message_id in asked:
            reply = await guest.expect("Error", inReplyTo=message_id)
            assert reply["code"] in ("unknown_syncshell", "too_many_requests", "too_many_joined", "too_many_joins"), reply
    await guest.join(group)
    await guest.close()


@case
async def cursors_out_of_nowhere(world, owner, other, group):
    await other.ask("RecoveryRequest", "Stored", b"x" * 50, **other.route(group, owner.id, SESSION))
    epoch = (await owner.join(group))["storeEpoch"]
    for cursor, store in ((2**53 - 1, epoch), (99, epoch), (1, "another-store"), (0, "another-store")):
        await owner.close()
        await owner.connect()
        joined = await owner.join(group, inboxCursor=cursor, storeEpoch=store)
        assert joined["recovered"] is False, (cursor, store)
        assert (await owner.expect("InboxDelivery"))["inboxSeq"] == 1
    await owner.refused("bad_cursor", "AckInbox", syncshellId=group.id, inboxSeq=2)
    await owner.ask("AckInbox", "Stored", syncshellId=group.id, inboxSeq=1)


@case
async def one_session_id_in_two_syncshells(world, owner, other, group):
    """Ids belong to their syncshell: the same one elsewhere is another session."""
    second = Group()
    await owner.create(second)
    await owner.join(second)
    await other.join(second)
    await other.open_session(second, SESSION, owner.id, other.id)
    for number, (here, size) in enumerate(((group, 100), (second, 200)), 5):
        body = secrets.token_bytes(size)
        await other.send("ReconnectOffer", body, **other.route(here, owner.id, SESSION, number))
        got = await owner.expect("ReconnectOffer", syncshellId=here.id)
        assert got["body"] == body and got["generation"] == number
    await other.ask("SessionClose", "Stored", syncshellId=second.id, recoverySessionId=SESSION, outcome="completed")
    states = [(await owner.expect("SessionChanged", syncshellId=second.id))["session"]["state"] for _ in range(2)]
    assert states == ["open", "closed"]


@case
async def leaving_with_messages_queued(world, owner, other, group):
    """What waits for a member that leaves reaches nobody, and its sender hears of it."""
    guest = await guest_of(world, group)
    await other.open_session(group, "short", other.id, guest.id)
    await guest.close()
    await other.ask("RecoveryRequest", "Stored", b"x" * 50, **other.route(group, guest.id, "short"))
    offer = await other.send("ReconnectOffer", b"x" * 50, **other.route(group, guest.id, "short", 1))
    await other.expect("Held", inReplyTo=offer)
    guest.socket = None
    await guest.connect()
    await guest.send("JoinSyncshell", **guest.join_fields(group))
    await guest.ask("LeaveSyncshell", "Stored", syncshellId=group.id)
    await other.refused("unknown_target", "ReconnectOffer", b"x" * 50, **other.route(group, guest.id, "short", 2))
    assert not [m for m in guest.backlog if m["type"] == "InboxDelivery" and m["inboxSeq"] > 1]
    await guest.close()


@case
async def second_login_in_the_middle_of_a_join(world, owner, other, group):
    """The join dies with the replaced connection; the new one joins as if nothing had been."""
    for _ in range(20):
        first = await stranger(world).connect()
        await first.send("JoinSyncshell", **first.join_fields(group))
        second = RawPeer(first.url, first.key, first.ssl)
        await second.connect()
        await second.join(group)
        assert await first.closed() == 4001
        await second.close()


UPGRADE = ("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
REQUESTS = {
    "half_an_upgrade": UPGRADE[:60],
    "upgrade_without_subprotocol": UPGRADE + "\r\n",
    "upgrade_to_another_subprotocol": UPGRADE + "Sec-WebSocket-Protocol: other\r\n\r\n",
    "upgrade_with_a_huge_header": UPGRADE + "X: " + "y" * 100_000 + "\r\n\r\n",
    "http_with_thousands_of_headers": "GET / HTTP/1.1\r\n" + "A: b\r\n" * 5000 + "\r\n",
    "http_post": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nabc",
    "http_connect": "CONNECT x:1 HTTP/1.1\r\n\r\n",
}


def no_upgrade(request):
    async def run(world, owner, other, group):
        tls = world.tls.client_context() if world.tls else None
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", world.relay.port, ssl=tls, server_hostname="localhost" if tls else None)
        writer.write(request.encode())
        if request == REQUESTS["half_an_upgrade"]:
            writer.transport.abort()
        answer = await ended(reader)
        assert b" 101 " not in answer.split(b"\r\n")[0]
        writer.close()
    return run


@case
async def handshakes_that_never_end(world, owner, other, group):
    """Silent, half a request, or a byte at a time; before TLS, in the middle of it, and within: dropped after 10 seconds all."""
    tls = world.tls.client_context() if world.tls else None
    hello = bytes.fromhex("1603010200010001fc0303")
    openings = [(None, b"", b""), (None, UPGRADE[:60].encode(), b""), (None, b"GET / HTTP/1.1\r\nX: ", b"y")]
    if tls:
        openings = [(None, b"", b""), (None, hello, b""), (None, hello, b"\0"), *((tls, *rest) for _, *rest in openings)]

    async def hang(context, first, drip):
        began = asyncio.get_running_loop().time()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", world.relay.port, ssl=context, server_hostname="localhost" if context else None)
        writer.write(first)
        end = asyncio.ensure_future(ended(reader))
        while not end.done():
            if drip:
                writer.write(drip)
            await asyncio.wait([end], timeout=1)
        writer.close()
        return asyncio.get_running_loop().time() - began
    held = asyncio.gather(*(hang(*one) for one in openings))
    await owner.alive(group)
    await other.alive(group)
    times = await held
    assert all(9 < t < 20 for t in times), times


for name, request in REQUESTS.items():
    case(no_upgrade(request), name=name)
