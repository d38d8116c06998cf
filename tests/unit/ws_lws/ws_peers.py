"""Both ends that the tests play with: echo_server as a process, and a WebSocket client that can do everything wrong."""

import asyncio
import base64
import contextlib
import datetime
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
from pathlib import Path

import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tap import LIMIT_S

sys.path.append(str(Path(__file__).resolve().parents[2] / "e2e"))

from support.standstill import Standstill  # noqa: E402

SUBPROTOCOL = "syncshell.v1"

OP_CONTINUATION, OP_TEXT, OP_BINARY, OP_CLOSE, OP_PING, OP_PONG = 0, 1, 2, 8, 9, 10


class Stopwatch:
    """For what may happen early or late; it is not late because the machine stood still."""

    STANDSTILL = Standstill()

    def __init__(self):
        self.began = time.monotonic()

    def check(self, after_s, before_s):
        passed_s = time.monotonic() - self.began
        assert after_s < passed_s, f"after {passed_s:.2f} s"
        assert self.STANDSTILL.seconds_since(self.began) < before_s, f"after {passed_s:.2f} s"


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

    async def until(self, condition, seconds=LIMIT_S):
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


@contextlib.contextmanager
def certificate():
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
