#!/usr/bin/python3
"""The WebSocket adapter on real sockets: echo_server (see echo_server.c) against the websockets library and raw bytes.

usage: test_ws.py ECHO_SERVER [-k WORD]     prints TAP. Every test has a server of its own; several run at once.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import re
import resource
import signal
import socket
import ssl
import struct
import sys
import tempfile
import time
import traceback
from pathlib import Path

import websockets

SUBPROTOCOL = "syncshell.v1"
TESTS_AT_ONCE = 6
TEST_TIMEOUT_S = 30

OP_CONTINUATION, OP_TEXT, OP_BINARY, OP_CLOSE, OP_PING, OP_PONG = 0, 1, 2, 8, 9, 10

tests = []


def test(function):
    tests.append(function)
    return function


class Server:
    """A running echo_server. Leaving the context checks that it ended well: no sanitizer report, nothing left open."""

    def __init__(self, program, *arguments, descriptors_max=None):
        self.command = (program, *arguments)
        self.descriptors_max = descriptors_max
        self.terminated = False

    async def __aenter__(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors_max, self.descriptors_max))

        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            preexec_fn=limit if self.descriptors_max else None)
        line = (await self.process.stdout.readline()).decode()
        match = re.match(r"port (\d+)$", line)
        if not match:
            _, err = await self.process.communicate()
            raise AssertionError(f"no port but {line!r}, {err.decode()}")
        self.port = int(match[1])
        return self

    def terminate(self):
        if not self.terminated:
            self.terminated = True
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)

    async def __aexit__(self, kind, error, trace):
        self.terminate()
        out, err = await self.process.communicate()
        self.log = err.decode()
        self.last_words = out.decode().strip()
        if self.process.returncode != 0 or "runtime error" in self.log:
            raise AssertionError(f"exit {self.process.returncode}, {self.last_words}\n{self.log}") from error

    def connect(self, **options):
        options.setdefault("subprotocols", [SUBPROTOCOL])
        options.setdefault("compression", None)
        scheme = "wss" if options.get("ssl") else "ws"
        host = options.pop("host", "127.0.0.1")
        return websockets.connect(f"{scheme}://{host}:{self.port}", max_size=None, ping_interval=None, **options)

    async def stats(self):
        async with self.connect() as ws:
            await ws.send("!stats")
            return json.loads(await ws.recv())

    async def until(self, condition, seconds=5.0):
        """Asks for the counters again and again until the condition holds for them."""
        end = time.monotonic() + seconds
        while True:
            counters = await self.stats()
            if condition(counters):
                return counters
            if time.monotonic() > end:
                raise AssertionError(f"not so in {seconds} s: {counters}")
            await asyncio.sleep(0.02)

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def assert_not_spinning(self):
        before = self.cpu_seconds()
        await asyncio.sleep(0.6)
        used = self.cpu_seconds() - before
        assert used <= 0.2, f"{used} s of CPU in 0.6 s of doing nothing"


def frame(opcode, payload=b"", final=True, mask=b"\1\2\3\4", reserved=0, length=None):
    """A client's frame. `length` writes another one into the header than the payload has."""
    first = (0x80 if final else 0) | reserved | opcode
    n = len(payload) if length is None else length
    if n < 126:
        head = struct.pack("!BB", first, n | (0x80 if mask else 0))
    elif n < 65536:
        head = struct.pack("!BBH", first, 126 | (0x80 if mask else 0), n)
    else:
        head = struct.pack("!BBQ", first, 127 | (0x80 if mask else 0), n)
    if not mask:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def request(*extra, method="GET", path="/", upgrade="websocket", protocol=SUBPROTOCOL, version="13"):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if upgrade:
        lines += [f"Upgrade: {upgrade}", "Connection: Upgrade"]
    if upgrade == "websocket":
        lines += [f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", f"Sec-WebSocket-Version: {version}"]
        if protocol is not None:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    return ("\r\n".join([*lines, *extra]) + "\r\n\r\n").encode()


class Raw:
    """A WebSocket client that can do everything wrong."""

    def __init__(self, port, receive_buffer=None, tls=None):
        self.port, self.receive_buffer, self.tls = port, receive_buffer, tls

    async def __aenter__(self):
        s = socket.socket()
        if self.receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        s.setblocking(False)
        await asyncio.get_running_loop().sock_connect(s, ("127.0.0.1", self.port))
        options = {"ssl": self.tls, "server_hostname": "localhost"} if self.tls else {}
        self.reader, self.writer = await asyncio.open_connection(sock=s, limit=2048, **options)
        return self

    async def __aexit__(self, *_):
        self.writer.transport.abort()

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def http(self, data):
        """Sends the request and returns status and whole answer, read until the server closes."""
        await self.send(data)
        answer = await self.rest()
        status = re.match(rb"HTTP/1\.1 (\d+) ", answer)
        return int(status[1]) if status else None, answer

    async def upgrade(self, with_frames=b""):
        await self.send(request() + with_frames)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await self.reader.readexactly(1)
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert f"sec-websocket-protocol: {SUBPROTOCOL}\r\n".encode() in head.lower(), head
        return self

    async def receive(self):
        first, second = await self.reader.readexactly(2)
        assert not second & 0x80, "a server masks nothing"
        n = second & 0x7F
        if n == 126:
            (n,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif n == 127:
            (n,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, bool(first & 0x80), await self.reader.readexactly(n)

    async def rest(self):
        data = b""
        with contextlib.suppress(ConnectionError):
            while piece := await self.reader.read(65536):
                data += piece
        return data

    async def close_code(self):
        """The code of the close frame that ends the connection; None if it ends without one."""
        try:
            while True:
                opcode, _, payload = await self.receive()
                if opcode == OP_CLOSE:
                    return struct.unpack("!H", payload[:2])[0]
        except (asyncio.IncompleteReadError, ConnectionError):
            return None


async def closed_with(ws):
    try:
        while True:
            await ws.recv()
    except websockets.ConnectionClosed as error:
        return (error.rcvd.code, error.rcvd.reason) if error.rcvd else None


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
        for i in range(300):
            assert len(await ws.recv()) == 30000
            if i % 50 == 0:
                pongs.append(await ws.ping())
        await asyncio.gather(*pongs)


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
        # what the kernel holds for this socket, and one buffer of ours
        assert counters["pulled"] * 10000 < 8 << 20, counters
        await server.assert_not_spinning()


@test
async def a_reader_that_stops_is_dropped_by_the_heartbeat(program):
    async with Server(program, "heartbeat_ms=200", "close_timeout_ms=300") as server, Raw(server.port, receive_buffer=4096) as raw:
        await raw.upgrade()
        await raw.send(frame(OP_TEXT, b"!flood 100000 10000"))
        raw.reader._limit = 0  # asyncio stops reading
        await server.until(lambda c: c["missed"] == 1 and c["opened"] - c["closed"] == 1, 3)


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
        began = time.monotonic()
        await raw.send(frame(OP_TEXT, b"!close 4001 go"))
        assert await raw.close_code() == 4001
        assert await raw.rest() == b""
        assert 0.25 < time.monotonic() - began < 1.5


@test
async def kills_a_peer_that_does_not_read_its_close(program):
    async with Server(program, "close_timeout_ms=300", "heartbeat_ms=100000") as server:
        async with Raw(server.port, receive_buffer=4096) as raw:
            await raw.upgrade()
            await raw.send(frame(OP_TEXT, b"!flood 100000 10000"))
            raw.reader._limit = 0
            await server.until(lambda c: c["pulled"] > 10)
            async with server.connect() as other:
                began = time.monotonic()
                await other.send("!close-others 4001")
                await server.until(lambda c: c["opened"] - c["closed"] == 2, 3)
                assert 0.25 < time.monotonic() - began < 2


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
    async with Server(program, "heartbeat_ms=100") as server, Raw(server.port) as raw:
        await raw.upgrade()
        for _ in range(8):
            opcode, _, payload = await asyncio.wait_for(raw.receive(), 2)
            assert opcode == OP_PING
            await raw.send(frame(OP_PONG, payload))
        assert (await server.stats())["missed"] == 0


@test
async def gives_up_after_two_pings(program):
    async with Server(program, "heartbeat_ms=200") as server, Raw(server.port) as raw:
        await raw.upgrade()
        began = time.monotonic()
        received = [await raw.receive() for _ in range(3)]
        assert [opcode for opcode, _, _ in received] == [OP_PING, OP_PING, OP_CLOSE], received
        assert struct.unpack("!H", received[2][2][:2]) == (4003,)
        assert 0.55 < time.monotonic() - began < 2
        assert (await server.stats())["missed"] == 1


@test
async def does_not_ping_who_talks(program):
    async with Server(program, "heartbeat_ms=400") as server, Raw(server.port) as raw:
        await raw.upgrade()
        for _ in range(20):
            await raw.send(frame(OP_TEXT, b"here"))
            assert await raw.receive() == (OP_TEXT, True, b"here")
            await asyncio.sleep(0.05)


# --- the handshake ----------------------------------------------------------------------------------------------------


@test
async def refuses_other_subprotocols(program):
    async with Server(program) as server:
        for protocol in (None, "", "chat", "syncshell.v2", "syncshell.v1x", "Syncshell.v1", "x" * 3000):
            async with Raw(server.port) as raw:
                status, _ = await raw.http(request(protocol=protocol))
                assert status == 400 or (status is None and protocol and len(protocol) > 1000), (protocol, status)
        for protocol in ("chat, syncshell.v1", "syncshell.v1,chat"):
            async with Raw(server.port) as raw:
                await raw.send(request(protocol=protocol))
                head = await raw.reader.readuntil(b"\r\n\r\n")
                assert b"101" in head and b"Protocol: syncshell.v1\r\n" in head, head
        assert (await server.stats())["opened"] == 3


@test
async def answers_plain_http(program):
    async with Server(program) as server:
        for data in (request(upgrade=None), request(upgrade=None, path="/a/b?c"), request(upgrade="h2c"), request(version="8"),
                     request("Content-Length: 3", upgrade=None, method="POST") + b"abc", request(method="POST"),
                     request(upgrade=None, method="HEAD"), request("HTTP2-Settings: AAMAAABkAAQAAP__", upgrade="h2c")):
            async with Raw(server.port) as raw:
                status, answer = await raw.http(data)
                assert status == 426 and b"Connection: close" in answer, (data, answer)
        for data in (request(upgrade="nonsense"), request(method="CONNECT", path="a:1", upgrade=None),
                     request(method="BREW", upgrade=None), request(upgrade=None) * 20):
            async with Raw(server.port) as raw:
                await raw.http(data)  # whatever it says, it closes
        counters = await server.stats()
        assert counters["opened"] == 1


@test
async def survives_garbage(program):
    headers = b"".join(b"X-%d: %s\r\n" % (i, b"v" * 500) for i in range(100))
    garbage = [b"\0" * 5000, os.urandom(20000), b"\n" * 3000, b"GET" * 5000, b"\x16\x03\x01\x02\x00\x01\x00" + os.urandom(600),
               b"GET / HTTP/1.1\r\n" + headers + b"\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
               b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", request("Sec-WebSocket-Key: " + "k" * 4000),
               b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
               b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
               b"GET %00%ff/../../.. HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost\r\n:\r\n\r\n"]
    async with Server(program) as server:
        for data in garbage:
            async with Raw(server.port) as raw:
                with contextlib.suppress(OSError):
                    await raw.send(data)
                    raw.writer.write_eof()
                await asyncio.wait_for(raw.rest(), 5)
        assert (await server.stats())["opened"] == 1


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
                    await asyncio.wait_for(raw.rest(), 5)
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


async def dropped_after(server, *, tls=None, drip=None):
    async with Raw(server.port, tls=tls) as raw:
        began = time.monotonic()
        end = asyncio.ensure_future(raw.rest())
        while not end.done():
            if drip:
                with contextlib.suppress(ConnectionError):
                    await raw.send(drip)
            await asyncio.wait([end], timeout=0.4)
        return time.monotonic() - began


@test
async def drops_who_never_completes_the_handshake(program):
    with certificate() as (certificate_file, key_file):
        async with Server(program) as plain, Server(program, f"certificate={certificate_file}", f"key={key_file}") as tls:
            trusting = client_tls(certificate_file)
            await plain.stats()
            times = await asyncio.wait_for(asyncio.gather(
                dropped_after(plain), dropped_after(plain, drip=b"X"),
                dropped_after(tls), dropped_after(tls, tls=trusting), dropped_after(tls, tls=trusting, drip=b"X")), 25)
            assert all(t < 13 for t in times) and times[0] > 9, times


@test
async def says_from_where_and_stops_listening(program):
    async with Server(program, "address=all") as server, server.connect() as ws:
        await ws.send("!address")
        assert await ws.recv() == "127.0.0.1"
        if socket.has_ipv6 and Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text():
            async with server.connect(host="[::1]") as other:
                await other.send("!address")
                assert await other.recv() == "::1"
        await ws.send("!stop-listening")
        assert await ws.recv() == "stopped"
        try:
            await asyncio.open_connection("127.0.0.1", server.port)
        except ConnectionRefusedError:
            pass
        else:
            raise AssertionError("still listening")
        await ws.send("still here")
        assert await ws.recv() == "still here"


# --- TLS --------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def certificate():
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256()))
    with tempfile.TemporaryDirectory() as folder:
        certificate_file, key_file = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        yield certificate_file, key_file


def client_tls(certificate_file):
    return ssl.create_default_context(cafile=str(certificate_file))


@test
async def speaks_tls(program):
    message = os.urandom(1 << 20)
    with certificate() as (certificate_file, key_file):
        async with Server(program, f"certificate={certificate_file}", f"key={key_file}") as server:
            context = client_tls(certificate_file)
            context.set_alpn_protocols(["h2", "http/1.1"])
            async with server.connect(ssl=context, server_hostname="localhost") as ws:
                session = ws.transport.get_extra_info("ssl_object")
                assert session.version() in ("TLSv1.2", "TLSv1.3")
                assert session.selected_alpn_protocol() == "http/1.1"
                for sent in ("secret", message, "", b"x" * 16384, "y" * 40000):
                    await ws.send(sent)
                    assert await ws.recv() == sent
                await ws.send("!burst 20000")
                for i in range(20000):
                    assert await ws.recv() == str(i)
                await ws.send("!flood 100 100000")
                for _ in range(100):
                    assert len(await ws.recv()) == 100000
                await ws.send("!stats")
                assert json.loads(await ws.recv())["tls"] is True
                await server.assert_not_spinning()
                await ws.send("!close 4001 over TLS")
                assert await closed_with(ws) == (4001, "over TLS")


@test
async def a_tls_reader_that_does_not_read_costs_nothing(program):
    with certificate() as (certificate_file, key_file):
        async with Server(program, f"certificate={certificate_file}", f"key={key_file}", "heartbeat_ms=100000") as server:
            async with Raw(server.port, receive_buffer=4096, tls=client_tls(certificate_file)) as raw:
                await raw.upgrade()
                await raw.send(frame(OP_TEXT, b"!flood 500 10000"))
                raw.writer.transport.pause_reading()
                await server.assert_not_spinning()
                raw.writer.transport.resume_reading()
                for _ in range(500):
                    opcode, final, payload = await asyncio.wait_for(raw.receive(), 5)
                    assert (opcode, final, len(payload)) == (OP_BINARY, True, 10000)


@test
async def refuses_old_tls_and_no_tls(program):
    with certificate() as (certificate_file, key_file):
        async with Server(program, f"certificate={certificate_file}", f"key={key_file}") as server:
            old = client_tls(certificate_file)
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            try:
                await server.connect(ssl=old, server_hostname="localhost")
            except ssl.SSLError as error:
                assert "PROTOCOL_VERSION" in error.reason, error
            else:
                raise AssertionError("TLS 1.1 was accepted")
            async with Raw(server.port) as raw:
                _, answer = await raw.http(request())
                assert not answer.startswith(b"HTTP"), answer


async def fails_to_start(program, *arguments):
    process = await asyncio.create_subprocess_exec(program, *arguments, stdout=asyncio.subprocess.PIPE,
                                                   stderr=asyncio.subprocess.PIPE)
    out, err = await process.communicate()
    assert process.returncode == 2, (process.returncode, out, err)
    return out.decode().strip()


@test
async def explains_why_it_cannot_start(program):
    with certificate() as (certificate_file, key_file), certificate() as (_, other_key_file):
        cases = [
            ((f"certificate={certificate_file}",), "TLS needs both"),
            ((f"certificate={certificate_file}x", f"key={key_file}"), "certificate.pemx: No such file or directory"),
            ((f"certificate={certificate_file}", f"key={key_file}x"), "key.pemx: No such file or directory"),
            ((f"certificate={key_file}", f"key={key_file}"), "no usable PEM certificate in"),
            ((f"certificate={certificate_file}", f"key={certificate_file}"), "no usable PEM key"),
            ((f"certificate={certificate_file}", f"key={other_key_file}"), "the certificate does not belong to the key"),
            (("address=192.0.2.1",), "cannot listen on 192.0.2.1 port 0: Cannot assign requested address"),
            (("address=no.such.host.invalid",), "cannot resolve no.such.host.invalid"),
        ]
        for arguments, sentence in cases:
            answer = await fails_to_start(program, *arguments)
            assert answer.startswith("error -") and sentence in answer, (arguments, answer)
        async with Server(program) as server:
            answer = await fails_to_start(program, f"port={server.port}")
            assert f"port {server.port}: Address already in use" in answer, answer


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


async def run(function, program, gate):
    async with gate:
        began = time.monotonic()
        try:
            await asyncio.wait_for(function(program), TEST_TIMEOUT_S)
            problem = None
        except Exception:
            problem = traceback.format_exc()
        return problem, time.monotonic() - began


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("-k", default="")
    arguments = parser.parse_args()
    chosen = [t for t in tests if arguments.k in t.__name__]
    chosen.sort(key=lambda t: "never_completes" not in t.__name__)  # the long one first
    gate = asyncio.Semaphore(TESTS_AT_ONCE)
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    running = [asyncio.ensure_future(run(function, arguments.program, gate)) for function in chosen]
    for number, (function, future) in enumerate(zip(chosen, running), 1):
        problem, seconds = await future
        failed += problem is not None
        print(f"{'not ok' if problem else 'ok'} {number} - {function.__name__}", flush=True)
        print(f"# {seconds:.2f} s", flush=True)
        for line in (problem or "").splitlines():
            print(f"# {line}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    sys.exit(asyncio.run(main()))
