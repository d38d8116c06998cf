#!/usr/bin/python3
"""Messages, limits, closes and heartbeats of connections that are established; see tap.py for how to run it."""

import asyncio
import contextlib
import os
import re
import socket
import struct
import sys
import time

from tap import LIMIT_S, main, test
from ws_peers import (OP_BINARY, OP_CLOSE, OP_CONTINUATION, OP_PING, OP_PONG, OP_TEXT, SUBPROTOCOL, Raw, Server, Stopwatch, certificate, client_tls,
                      closed_with, frame, request)

# --- messages ---------------------------------------------------------------------------------------------------------


@test
async def echoes_text_and_binary_and_nothing(program):
    async with Server(program) as server, server.connect() as ws:
        assert ws.subprotocol == SUBPROTOCOL
        for message in ("", "x", "ä" * 100, "y" * 125, "y" * 126, "z" * 65535, "z" * 65536, b"", b"\0\1", os.urandom(70000)):
            await ws.send(message)
            assert await ws.recv() == message


@test
async def echoes_a_megabyte_and_fragments_it(program):
    message = os.urandom(1 << 20)
    async with Server(program) as server:
        async with server.connect() as ws:
            for _ in range(3):
                await ws.send(message)
                assert await ws.recv() == message
        async with Raw(server.port) as raw:
            await raw.upgrade()
            await raw.send(frame(OP_BINARY, message[:200000]))
            pieces, opcodes = [], []
            final = False
            while not final:
                opcode, final, payload = await raw.receive()
                opcodes.append(opcode)
                pieces.append(payload)
            assert b"".join(pieces) == message[:200000]
            assert opcodes == [OP_BINARY] + [OP_CONTINUATION] * (len(opcodes) - 1) and len(opcodes) > 1
            assert max(map(len, pieces)) <= 65536


@test
async def puts_fragments_together_around_control_frames(program):
    async with Server(program) as server, Raw(server.port) as raw:
        await raw.upgrade()
        await raw.send(frame(OP_TEXT, b"", final=False))
        await raw.send(frame(OP_PING, b"p1") + frame(OP_CONTINUATION, b"one ", final=False))
        assert await raw.receive() == (OP_PONG, True, b"p1")
        await raw.send(frame(OP_PONG, b"unasked") + frame(OP_CONTINUATION, b"two", final=False) + frame(OP_PONG))
        await raw.send(frame(OP_CONTINUATION, b"", final=True))
        assert await raw.receive() == (OP_TEXT, True, b"one two")
        await raw.send(frame(OP_BINARY, b"ab", final=False) + frame(OP_CONTINUATION, b"cd"))
        assert await raw.receive() == (OP_BINARY, True, b"abcd")


@test
async def takes_a_message_byte_by_byte(program):
    async with Server(program) as server, Raw(server.port) as raw:
        raw.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request():
            await raw.send(bytes([byte]))
        assert (await raw.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        for byte in frame(OP_TEXT, b"slowly" * 30):
            await raw.send(bytes([byte]))
        assert await raw.receive() == (OP_TEXT, True, b"slowly" * 30)


@test
async def takes_frames_that_come_with_the_upgrade(program):
    async with Server(program) as server, Raw(server.port) as raw:
        await raw.upgrade(with_frames=frame(OP_TEXT, b"early") + frame(OP_BINARY, b"bird"))
        assert await raw.receive() == (OP_TEXT, True, b"early")
        assert await raw.receive() == (OP_BINARY, True, b"bird")


@test
async def takes_what_just_fills_a_buffer_or_does_not(program):
    """Whether more waits is told by the size of what was read: nothing may be left lying for that, whatever the size."""
    with certificate() as (certificate_file, key_file):
        for options, tls in ([], None), ([f"certificate={certificate_file}", f"key={key_file}"], client_tls(certificate_file)):
            async with Server(program, *options) as server, server.connect(ssl=tls, host="localhost") as ws:
                for size in (*range(1000, 1060), *range(2030, 2070), *range(3030, 3110), *range(6100, 6180)):
                    message = os.urandom(size)
                    await ws.send(message)
                    assert await asyncio.wait_for(ws.recv(), LIMIT_S) == message
                burst = [os.urandom(2900 + 7 * i) for i in range(40)]
                await asyncio.gather(*map(ws.send, burst))
                for message in burst:
                    assert await asyncio.wait_for(ws.recv(), LIMIT_S) == message


@test
async def writes_many_messages_in_order(program):
    async with Server(program) as server, server.connect() as ws:
        await ws.send("!burst 50000")
        for i in range(50000):
            assert await ws.recv() == str(i)


@test
async def pongs_amid_a_stream(program):
    async with Server(program) as server, server.connect() as ws:
        await ws.send("!flood 300 30000")
        pongs = []
        for _ in range(300):
            assert len(await ws.recv()) == 30000
            # libwebsockets drops a ping that comes before it could answer the one before
            if not pongs or pongs[-1].done():
                pongs.append(await ws.ping())
        await asyncio.gather(*pongs)
        assert len(pongs) > 1


# --- limits -----------------------------------------------------------------------------------------------------------


@test
async def closes_on_an_oversized_message(program):
    async with Server(program, "message_max=1000") as server:
        async with server.connect() as ws:
            await ws.send("a" * 1000)
            assert await ws.recv() == "a" * 1000
            await ws.send("a" * 1001)
            assert await closed_with(ws) == (1009, "too long")
        async with Raw(server.port) as raw:
            await raw.upgrade()
            for opcode in (OP_TEXT, OP_CONTINUATION, OP_CONTINUATION):
                await raw.send(frame(opcode, b"b" * 400, final=False))
            assert await raw.close_code() == 1009
        assert (await server.stats())["oversized"] == 2


@test
async def oversized_is_told_once_and_then_it_is_deaf(program):
    async with Server(program, "message_max=1000", "keep_oversized=1") as server, Raw(server.port) as raw:
        await raw.upgrade()
        await raw.send(frame(OP_BINARY, b"c" * 3000, final=False))
        await raw.send(frame(OP_CONTINUATION, b"c" * 3000) + frame(OP_BINARY, b"d" * 5000) + frame(OP_TEXT, b"short"))
        await raw.send(frame(OP_PING, b"done?"))
        assert await raw.receive() == (OP_PONG, True, b"done?")
        counters = await server.stats()
        assert (counters["oversized"], counters["received"]) == (1, 1), counters


@test
async def a_huge_announced_length_is_refused_at_its_first_byte(program):
    async with Server(program) as server:
        for announced in (1100001, 1 << 32, (1 << 63) - 1):
            async with Raw(server.port) as raw:
                await raw.upgrade()
                await raw.send(frame(OP_BINARY, b"x", length=announced))
                assert await raw.close_code() == 1009
        async with Raw(server.port) as raw:
            await raw.upgrade()
            await raw.send(frame(OP_BINARY, b"x", length=(1 << 64) - 1))
            await raw.rest()
        await server.until(lambda c: c["opened"] - c["closed"] == 1)


@test
async def a_reader_that_does_not_read_is_not_buffered(program):
    async with Server(program, "heartbeat_ms=100000") as server, Raw(server.port, receive_buffer=4096) as raw:
        await raw.upgrade()
        await raw.send(frame(OP_TEXT, b"!flood 100000 10000"))
        counters = await server.until(lambda c: c["pulled"] > 1)
        before = -1
        while counters["pulled"] - before > 1:  # the question's own answer is one
            before = counters["pulled"]
            await asyncio.sleep(0.1)
            counters = await server.stats()
        # what the kernel takes for this socket, and one buffer of ours
        assert counters["pulled"] * 10000 < 1 << 20, counters
        await server.assert_not_spinning()


@test
async def what_is_kept_is_told_until_it_is_not(program):
    """Unfinished messages, and what a socket does not take: both end while the connection goes on."""
    async with Server(program, "heartbeat_ms=100000") as server:
        async with Raw(server.port) as raw:
            await raw.upgrade()
            await raw.send(frame(OP_BINARY, b"x" * 50000, final=False))
            await server.until(lambda c: c["buffered"] >= 50000)
            await raw.send(frame(OP_CONTINUATION, b"x" * 50000, final=False))
            await server.until(lambda c: c["buffered"] >= 100000)
            await raw.send(frame(OP_CONTINUATION, b"end"))
            await server.until(lambda c: c["received"] > 0 and c["bytesReceived"] > 100000 and c["buffered"] == 0)
        async with Raw(server.port, receive_buffer=4096) as raw:
            await raw.upgrade()
            await raw.send(frame(OP_TEXT, b"!flood 100 100000"))
            await server.until(lambda c: c["buffered"] >= 65536 + 100000)
            for _ in range(100):
                while not (await raw.receive())[1]:
                    pass
            await server.until(lambda c: c["buffered"] == 0)
            await raw.send(frame(OP_TEXT, b"still here"))
            assert await raw.receive() == (OP_TEXT, True, b"still here")


@test
async def what_may_not_be_kept_ends_the_connection(program):
    async with Server(program, "buffers_max=40000", "heartbeat_ms=100000", "close_timeout_ms=300") as server:
        async with Raw(server.port) as raw:
            await raw.upgrade()
            await raw.send(frame(OP_BINARY, b"x" * 20000, final=False))
            await server.until(lambda c: 20000 <= c["buffered"] <= 40000)
            await raw.send(frame(OP_CONTINUATION, b"x" * 30000, final=False))
            assert await raw.close_code() == 1013
        async with Raw(server.port, receive_buffer=4096) as raw:
            await raw.upgrade()
            await raw.send(frame(OP_TEXT, b"!flood 100 100000"))
            await server.until(lambda c: c["opened"] - c["closed"] == 1)
        await server.until(lambda c: c["buffered"] == 0)


@test
async def a_reader_that_stops_is_dropped_by_the_heartbeat(program):
    # Who asks for the counters has to answer pings, too.
    async with Server(program, "heartbeat_ms=1000", "close_timeout_ms=300") as server, Raw(server.port, receive_buffer=4096) as raw:
        await raw.upgrade()
        await raw.send(frame(OP_TEXT, b"!flood 100000 10000"))
        raw.reader._limit = 0  # asyncio stops reading
        await server.until(lambda c: c["missed"] == 1 and c["opened"] - c["closed"] == 1)


@test
async def no_more_connections_than_allowed(program):
    async with Server(program, "connections_max=3") as server:
        async with server.connect() as a, server.connect(), server.connect():
            async with Raw(server.port) as raw:
                status, answer = await raw.http(request())
                assert status == 503 and b"Retry-After: " in answer, answer
            await a.send("still")
            assert await a.recv() == "still"
            await a.close()
            async with server.connect() as d:
                await d.send("room again")
                assert await d.recv() == "room again"


@test
async def refuses_whom_the_handler_refuses(program):
    async with Server(program, "refuse=1") as server, server.connect() as ws:
        assert await closed_with(ws) == (1013, "")


@test
async def survives_running_out_of_descriptors(program):
    async with Server(program, descriptors_max=48) as server:
        async with contextlib.AsyncExitStack() as stack:
            raws = [await stack.enter_async_context(Raw(server.port)) for _ in range(80)]
            assert len(raws) == 80
            await server.assert_not_spinning()
        async with server.connect(open_timeout=5) as ws:
            await ws.send("air")
            assert await ws.recv() == "air"
    assert "cannot accept connections for the moment" in server.log, server.log


# --- closing ----------------------------------------------------------------------------------------------------------


@test
async def says_goodbye_and_why(program):
    async with Server(program) as server:
        async with server.connect() as ws:
            await ws.send("!close 4001 replaced by another")
            assert await ws.recv() == "bye"
            assert await closed_with(ws) == (4001, "replaced by another")
        async with server.connect() as ws:
            await ws.send("!close 4400 " + "r" * 150)
            assert await closed_with(ws) == (4400, "r" * 123)
        await server.until(lambda c: c["opened"] - c["closed"] == 1)


@test
async def answers_a_close_with_its_code(program):
    async with Server(program) as server:
        async with Raw(server.port) as raw:
            await raw.upgrade()
            await raw.send(frame(OP_CLOSE, struct.pack("!H", 4002) + b"later"))
            assert await raw.close_code() == 4002
            assert await raw.rest() == b""
        async with Raw(server.port) as raw:
            await raw.upgrade()
            await raw.send(frame(OP_CLOSE))
            assert (await raw.receive())[0] == OP_CLOSE
        await server.until(lambda c: c["opened"] == c["closed"] + 1)


@test
async def closes_other_connections(program):
    async with Server(program) as server, server.connect() as a, server.connect() as b, server.connect() as c:
        await a.send("!close-others 4001")
        assert await closed_with(b) == (4001, "by another")
        assert await closed_with(c) == (4001, "by another")
        await a.send("alone")
        assert await a.recv() == "alone"
        await server.until(lambda counters: counters["opened"] - counters["closed"] == 2)


@test
async def kills_a_peer_that_does_not_answer_a_close(program):
    async with Server(program, "close_timeout_ms=300") as server, Raw(server.port) as raw:
        await raw.upgrade()
        stopwatch = Stopwatch()
        await raw.send(frame(OP_TEXT, b"!close 4001 go"))
        assert await raw.close_code() == 4001
        assert await raw.rest() == b""
        stopwatch.check(0.25, 1.5)


@test
async def kills_a_peer_that_does_not_read_its_close(program):
    async with Server(program, "close_timeout_ms=300", "heartbeat_ms=100000") as server:
        async with Raw(server.port, receive_buffer=4096) as raw:
            await raw.upgrade()
            await raw.send(frame(OP_TEXT, b"!flood 100000 10000"))
            raw.reader._limit = 0
            await server.until(lambda c: c["pulled"] > 10)
            async with server.connect() as other:
                stopwatch = Stopwatch()
                await other.send("!close-others 4001")
                await server.until(lambda c: c["opened"] - c["closed"] == 2)
                stopwatch.check(0.25, 2)


@test
async def nothing_is_received_after_a_close(program):
    async with Server(program) as server, Raw(server.port) as raw:
        await raw.upgrade()
        await raw.send(frame(OP_TEXT, b"!close 4001") + frame(OP_TEXT, b"too late") + frame(OP_TEXT, b"!stats"))
        assert await raw.receive() == (OP_TEXT, True, b"bye")
        assert await raw.close_code() == 4001
        assert (await server.stats())["received"] == 2


@test
async def notices_peers_that_vanish(program):
    async with Server(program) as server:
        for sent in (b"", frame(OP_TEXT, b"half", length=100), frame(OP_TEXT, b"part", final=False), b"\x81"):
            async with Raw(server.port) as raw:
                await raw.upgrade()
                await raw.send(sent)
                linger = struct.pack("ii", 1, 0)
                raw.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            async with Raw(server.port) as raw:
                await raw.upgrade()
                await raw.send(sent)
        await server.until(lambda c: c["opened"] - c["closed"] == 1)


# --- heartbeat --------------------------------------------------------------------------------------------------------


@test
async def pings_the_quiet_and_keeps_who_answers(program):
    async with Server(program, "heartbeat_ms=1500") as server, Raw(server.port) as raw:
        await raw.upgrade()
        for _ in range(3):
            opcode, _, payload = await asyncio.wait_for(raw.receive(), LIMIT_S)
            assert opcode == OP_PING
            await raw.send(frame(OP_PONG, payload))
        assert (await server.stats())["missed"] == 0


@test
async def gives_up_after_two_pings(program):
    async with Server(program, "heartbeat_ms=200") as server, Raw(server.port) as raw:
        await raw.upgrade()
        stopwatch = Stopwatch()
        received = [await raw.receive() for _ in range(3)]
        assert [opcode for opcode, _, _ in received] == [OP_PING, OP_PING, OP_CLOSE], received
        assert struct.unpack("!H", received[2][2][:2]) == (4003,)
        stopwatch.check(0.55, 2)
        assert (await server.stats())["missed"] == 1


@test
async def does_not_ping_who_talks(program):
    async with Server(program, "heartbeat_ms=400") as server, Raw(server.port) as raw:
        before = time.monotonic()
        await raw.upgrade()
        for _ in range(20):
            talked = time.monotonic()
            await raw.send(frame(OP_TEXT, b"here"))
            while (received := await raw.receive()) != (OP_TEXT, True, b"here"):
                assert received[0] == OP_PING and time.monotonic() - before > 0.4, "it had talked"
                await raw.send(frame(OP_PONG, received[2]))
            before = talked
            await asyncio.sleep(0.05)


# --- broken frames -----------------------------------------------------------------------------------------------------


@test
async def ends_connections_that_break_the_protocol(program):
    broken = {
        "reserved bit 1": frame(OP_TEXT, b"x", reserved=0x40),
        "reserved bit 3": frame(OP_TEXT, b"x", reserved=0x10),
        "opcode 3": frame(3, b"x"),
        "opcode 15": frame(15, b"x"),
        "fragmented ping": frame(OP_PING, b"x", final=False),
        "long ping": frame(OP_PING, b"x" * 126),
        "continuation of nothing": frame(OP_CONTINUATION, b"x"),
        "text within text": frame(OP_TEXT, b"x", final=False) + frame(OP_TEXT, b"y"),
        "close of one byte": frame(OP_CLOSE, b"\3"),
        "two closes": frame(OP_CLOSE, b"\3\xe8") * 2,
        "data after close": frame(OP_CLOSE, b"\3\xe8") + frame(OP_TEXT, b"x") * 10,
    }
    async with Server(program, "close_timeout_ms=300") as server:
        for name, data in broken.items():
            async with Raw(server.port) as raw:
                await raw.upgrade()
                await raw.send(data)
                try:
                    await asyncio.wait_for(raw.rest(), LIMIT_S)
                except asyncio.TimeoutError:
                    raise AssertionError(f"{name}: still open") from None
        for seed in range(40):
            async with Raw(server.port) as raw:
                await raw.upgrade()
                with contextlib.suppress(ConnectionError):
                    await raw.send(os.urandom(1 + 97 * seed))
        await server.until(lambda c: c["opened"] - c["closed"] == 1)


@test
async def takes_unmasked_and_oddly_masked_frames_as_they_are(program):
    async with Server(program) as server:
        for mask in (None, b"\0\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff"):
            async with Raw(server.port) as raw:
                await raw.upgrade()
                for payload in (b"", b"abc", b"m" * 70000):
                    await raw.send(frame(OP_BINARY, payload, mask=mask) + frame(OP_PING, mask=mask))
        await server.until(lambda c: c["opened"] - c["closed"] == 1)


# --- many -------------------------------------------------------------------------------------------------------------


@test
async def holds_five_hundred_connections(program):
    async with Server(program) as server:
        async with contextlib.AsyncExitStack() as stack:
            many = [await stack.enter_async_context(Raw(server.port)) for _ in range(500)]
            await asyncio.gather(*(raw.upgrade() for raw in many))
            await server.assert_not_spinning()
            await asyncio.gather(*(raw.send(frame(OP_TEXT, b"number %d" % i)) for i, raw in enumerate(many)))
            for i, raw in enumerate(many):
                assert await raw.receive() == (OP_TEXT, True, b"number %d" % i)
            for raw in many[:250]:
                raw.writer.transport.abort()
            await server.until(lambda c: c["closed"] >= 250)
            server.terminate()  # with 250 open
            await asyncio.gather(*(raw.rest() for raw in many[250:]))
    assert re.match(r"opened (\d+) closed \1 descriptors 0$", server.last_words), server.last_words


if __name__ == "__main__":
    sys.exit(main())
