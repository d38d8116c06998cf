"""Bad input: each case its documented code, and nobody else disturbed."""

import asyncio
import contextlib
import secrets

import websockets

from scene import SESSION, case, stranger
from support.raw import Group, RawPeer


@case
async def non_member_is_refused(world, owner, other, group):
    guest = await stranger(world).connect()
    reply = await guest.join(group, "Error", signing_key=Group().signing_key)
    assert reply["code"] == "bad_proof"
    await guest.refused("not_joined", "ReconnectOffer", b"x" * 40, **guest.route(group, owner.id, SESSION, 2000))
    await guest.refused("not_joined", "SessionClose", syncshellId=group.id, recoverySessionId=SESSION, outcome="failed")
    await guest.close()


@case
async def member_who_takes_no_part_is_refused(world, owner, other, group):
    third = await stranger(world).connect()
    await third.join(group)
    await third.refused("not_participant", "ReconnectOffer", b"x" * 40, **third.route(group, owner.id, SESSION, 2))
    await third.refused(
        "not_participant", "SessionProgress", b"x", syncshellId=group.id, recoverySessionId=SESSION, baseVersion=1,
        bodyFormat="sealed")
    await third.close()


@case
async def forged_source(world, owner, other, group):
    third = await stranger(world).connect()
    await third.join(group)
    forged = third.route(group, owner.id, SESSION, 2, sourcePeerId=other.id)
    await third.refused("forged_source", "ReconnectOffer", b"forged" * 10, **forged)
    await third.close()


@case
async def replayed_authenticate(world, owner, other, group):
    """What was signed for one connection is worth nothing on the next."""
    first = await stranger(world).dial()
    recorded = first.authenticate_fields()
    await first.ask("Authenticate", "Welcome", **recorded)
    thief = await stranger(world).dial()
    await thief.refused("bad_signature", "Authenticate", **recorded)
    assert await thief.closed() == 4401
    await first.close()


@case
async def signature_for_another_origin(world, owner, other, group):
    """A relay in the middle cannot pass on what was signed for its own name."""
    victim = await stranger(world).dial()
    victim.url = "wss://evil.example"
    await victim.refused("bad_origin", "Authenticate", **victim.authenticate_fields())
    assert await victim.closed() == 4401


@case
async def second_login_replaces_the_first(world, owner, other, group):
    first = await stranger(world).connect()
    second = RawPeer(first.url, first.key, first.ssl)
    await second.connect()
    assert await first.closed() == 4001
    await second.join(group)
    await second.close()


@case
async def authenticate_twice(world, owner, other, group):
    await owner.refused("already_authenticated", "Authenticate", **owner.authenticate_fields())


@case
async def duplicate_json_key(world, owner, other, group):
    guest = await stranger(world).connect()
    await guest.socket.send(
        '{"type":"LeaveSyncshell","messageId":"m1","syncshellId":"%s","syncshellId":"%s"}' % (group.id, group.id))
    assert (await guest.expect("Error"))["code"] == "duplicate_key"
    assert await guest.closed() == 4400


@case
async def ten_megabytes(world, owner, other, group):
    guest = await stranger(world).connect()
    with contextlib.suppress(Exception):  # the relay may close while it is still being sent
        await guest.socket.send(b"{" + b" " * 10_000_000)
    assert await guest.closed() == 1009


@case
async def frame_before_authenticate(world, owner, other, group):
    guest = await stranger(world).dial()
    await guest.refused("not_authenticated", "LeaveSyncshell", syncshellId=group.id)
    assert await guest.closed() == 4401


@case
async def a_long_message_before_authenticate(world, owner, other, group):
    """Nobody collects a megabyte for whom nobody knows."""
    guest = await stranger(world).dial()

    async def pieces():
        for _ in range(16):
            yield b"x" * 50_000

    with contextlib.suppress(websockets.WebSocketException, OSError):  # the relay closes while it is still being sent
        await guest.socket.send(pieces())
    assert await guest.closed() == 1009
    assert (await world.refusals("header_too_large"))[1] == 1


@case(timing_handshake_timeout_ms=3000)
async def silence_instead_of_authenticate(world, owner, other, group):
    guest = await stranger(world).dial()
    assert await guest.closed() == 4003


@case
async def wrong_protocol_version(world, owner, other, group):
    guest = await stranger(world).dial()
    await guest.refused("unsupported_version", "Authenticate", **guest.authenticate_fields(protocolVersion=2))
    assert await guest.closed() == 4402


@case
async def unknown_type(world, owner, other, group):
    await owner.refused("unknown_type", "MakeCoffee")


@case
async def a_type_that_only_the_relay_sends(world, owner, other, group):
    await owner.refused("unexpected_type", "Stored", inReplyTo="x")


@case
async def unknown_header_fields_travel(world, owner, other, group):
    sent = await other.send("ReconnectOffer", b"b" * 50, **other.route(group, owner.id, SESSION, 3, future={"a": [1]}))
    assert (await owner.expect("ReconnectOffer", messageId=sent))["future"] == {"a": [1]}


@case
async def unknown_target_and_session(world, owner, other, group):
    nobody = stranger(world).id
    await other.refused("unknown_target", "ReconnectOffer", b"x" * 40, **other.route(group, nobody, SESSION, 3))
    await other.refused("unknown_session", "ReconnectOffer", b"x" * 40, **other.route(group, owner.id, "no-such", 3))


@case
async def version_conflict_names_the_version(world, owner, other, group):
    entry = {"syncshellId": group.id, "recoverySessionId": SESSION, "bodyFormat": "sealed"}
    stored = await other.ask("SessionProgress", "Stored", b"x" * 40, baseVersion=1, **entry)
    assert stored["version"] == 2
    reply = await other.refused("version_conflict", "SessionProgress", b"y" * 40, baseVersion=1, **entry)
    assert reply["version"] == 2


@case
async def a_resent_entry_is_applied_once(world, owner, other, group):
    entry = {"syncshellId": group.id, "recoverySessionId": SESSION, "bodyFormat": "sealed", "baseVersion": 1,
             "messageId": "same"}
    first = await other.ask("SessionProgress", "Stored", b"x" * 40, **entry)
    again = await other.ask("SessionProgress", "Stored", b"x" * 40, **entry)
    assert first["version"] == again["version"] == 2 and again["duplicate"] is True
    snapshot = await other.ask(
        "SessionSnapshotRequest", "SessionSnapshot", syncshellId=group.id, recoverySessionId=SESSION, afterVersion=0)
    assert [e["version"] for e in snapshot["entries"] if e["type"] == "SessionProgress"] == [2]


@case
async def the_inbox_orders_and_deduplicates(world, owner, other, group):
    await owner.close()
    for number, body in ((1, b"first"), (2, b"second"), (1, b"first")):
        stored = await other.ask(
            "RecoveryRequest", "Stored", body * 9, **other.route(group, owner.id, SESSION, messageId=f"r{number}"))
        assert stored["inboxSeq"] == number
    await owner.connect()
    await owner.join(group)
    for number, body in ((1, b"first"), (2, b"second")):
        delivery = await owner.expect("InboxDelivery")
        assert delivery["inboxSeq"] == number and delivery["body"].endswith(b"\n" + body * 9)
    await owner.ask("AckInbox", "Stored", syncshellId=group.id, inboxSeq=1)
    await owner.refused("bad_cursor", "AckInbox", syncshellId=group.id, inboxSeq=99)
    await owner.close()
    await owner.connect()
    await owner.join(group)
    assert (await owner.expect("InboxDelivery"))["inboxSeq"] == 2


BAD_FRAMES = {
    "no_json": "hello",
    "array": "[]",
    "number": "7",
    "empty": "",
    "trailing_garbage": '{"type":"LeaveSyncshell"} x',
    "two_objects": '{"type":"LeaveSyncshell"}{}',
    "nul": '{"type":"Leave\\u0000Syncshell"}',
    "deep": "[" * 4000,
    "deep_field": '{"type":"LeaveSyncshell","x":' + "[" * 1500 + "]" * 1500 + "}",
    "binary_without_line_feed": b"{}",
    "text_with_line_feed": '{"type":"LeaveSyncshell"}\n{}',
    "not_utf8": b'{"type":"\xff\xfe"}\nbody',
    "header_over_its_limit": '{"type":"LeaveSyncshell","x":"' + "y" * 5000 + '"}',
}


def bad_frame(frame):
    async def run(world, owner, other, group):
        guest = await stranger(world).connect()
        await guest.socket.send(frame)
        error = await guest.expect("Error")
        assert error["code"] in ("bad_frame", "bad_header", "header_too_large", "bad_field", "unknown_type"), error
        if error["code"] not in ("bad_field", "unknown_type"):
            assert await guest.closed() in (4400, 1009)
        await guest.close()
    return run


for name, frame in BAD_FRAMES.items():
    case(bad_frame(frame), name=f"bad_frame_{name}")


BAD_FIELDS = {
    "generation_zero": {"generation": 0},
    "generation_text": {"generation": "1"},
    "generation_real": {"generation": 1.5},
    "generation_huge": {"generation": 2**53},
    "generation_true": {"generation": True},
    "no_target": {"targetPeerId": None},
    "target_shape": {"targetPeerId": "ed25519:short"},
    "session_alphabet": {"recoverySessionId": "a b"},
    "session_long": {"recoverySessionId": "x" * 65},
    "session_empty": {"recoverySessionId": ""},
    "body_format": {"bodyFormat": "plain"},
}


def bad_field(changed):
    async def run(world, owner, other, group):
        fields = other.route(group, owner.id, SESSION, 5, **changed)
        await other.refused("bad_field", "ReconnectOffer", b"x" * 40, **fields)
    return run


for name, changed in BAD_FIELDS.items():
    case(bad_field(changed), name=f"bad_field_{name}")


@case
async def garbage_instead_of_http(world, owner, other, group):
    for garbage in (b"\x00" * 100, b"GET / HTTP/1.1\r\n\r\n", secrets.token_bytes(2000), b"\x16\x03\x01\x02\x00" + b"A" * 512):
        reader, writer = await asyncio.open_connection("127.0.0.1", world.relay.port)
        writer.write(garbage)
        with contextlib.suppress(OSError):  # the relay may have hung up already
            writer.write_eof()
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 60)
        writer.close()


@case
async def slow_reader_is_dropped(world, owner, other, group):
    """A member that stops reading is closed, and costs the others nothing."""
    third = await stranger(world).connect()
    await third.join(group)
    await other.open_session(group, "slow", other.id, third.id)
    third.socket.transport.pause_reading()
    body = secrets.token_bytes(60_000)
    for generation in range(1, 2000):
        await other.send("ReconnectOffer", body, **other.route(group, third.id, "slow", generation))
        if any(m["type"] == "PeerPresence" and m["peerId"] == third.id and m["presence"] == "away" for m in other.backlog):
            break
        if generation % 20 == 0:
            await other.alive(group)
    else:
        raise AssertionError("2,000 offers of 60 KB were taken for a member that reads nothing")
    third.socket.transport.abort()


@case
async def http_request_gets_an_answer(world, owner, other, group):
    ssl = world.tls.client_context() if world.tls else None
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", world.relay.port, ssl=ssl, server_hostname="localhost" if ssl else None)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 60)
    assert answer.startswith(b"HTTP/1.1 4")
    writer.close()


@case
async def one_peer_in_two_syncshells_keeps_them_apart(world, owner, other, group):
    second = Group()
    await owner.create(second)
    await owner.join(second)
    await other.refused("not_joined", "ReconnectOffer", b"x" * 40, **other.route(second, owner.id, SESSION, 9))
    await owner.refused("unknown_target", "ReconnectOffer", b"x" * 40, **owner.route(second, other.id, SESSION, 9))
