"""A wire tap: a TCP proxy in front of the relay that passes bytes on unchanged and looks at every WebSocket message.

Each message is validated against its schema; violations are collected and fail the test that caused them. The tap keeps
its port while the relay behind it dies and comes back, can cut connections, and records everything that crossed: the
tests of blindness search there. With TLS it is a man in the middle by consent: it holds the test's certificate."""

import asyncio
import ssl
import threading

from websockets import frames, streams

from . import schemas
from .wait import Log


class Sniffer:
    """One direction of one connection: bytes in, complete messages out."""

    def __init__(self, tap, direction):
        self.tap = tap
        self.direction = direction
        self.head = b""
        self.upgraded = False
        self.reader = streams.StreamReader()
        self.parser = None
        self.parts = []
        self.binary = False

    def feed(self, data):
        if not self.upgraded:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            data = self.head[end + 4:]
            self.upgraded = True
        self.reader.feed_data(data)
        while self.step():
            pass

    def step(self):
        """Parses one frame if it is there completely."""
        if self.parser is None:
            self.parser = frames.Frame.parse(
                self.reader.read_exact, mask=self.direction == "to_relay", max_size=None, extensions=[]
            )
        try:
            next(self.parser)
            return False  # it wants more bytes
        except StopIteration as done:
            self.parser = None
            self.take(done.value)
            return True

    def take(self, frame):
        if frame.opcode in (frames.Opcode.TEXT, frames.Opcode.BINARY):
            self.binary = frame.opcode is frames.Opcode.BINARY
            self.parts = []
        if frame.opcode in frames.CTRL_OPCODES:
            return
        self.parts.append(frame.data)
        if frame.fin:
            self.tap.message(self.direction, self.binary, b"".join(self.parts))


class Tap:
    def __init__(self, validators, server_ssl=None, client_ssl=None):
        self.validators = validators
        self.server_ssl = server_ssl
        self.client_ssl = client_ssl
        self.upstream = None  # (host, port)
        self.log = Log("tap")
        self.raw = []
        self.violations = []
        self.types_seen = set()
        self.writers = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = self.run(self.listen())
        self.port = self.server.sockets[0].getsockname()[1]

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    async def listen(self):
        return await asyncio.start_server(self.accept, "127.0.0.1", 0, ssl=self.server_ssl)

    async def accept(self, client_reader, client_writer):
        try:
            host, port = self.upstream
            relay_reader, relay_writer = await asyncio.open_connection(
                host, port, ssl=self.client_ssl, server_hostname="localhost" if self.client_ssl else None
            )
        except (OSError, ssl.SSLError, TypeError):
            client_writer.close()
            return
        pair = (client_writer, relay_writer)
        self.writers.update(pair)
        try:
            await asyncio.gather(
                self.pump(client_reader, relay_writer, Sniffer(self, "to_relay")),
                self.pump(relay_reader, client_writer, Sniffer(self, "to_client")),
            )
        finally:
            self.writers.difference_update(pair)
            for writer in pair:
                writer.close()

    async def pump(self, reader, writer, sniffer):
        try:
            while data := await reader.read(65536):
                self.raw.append(data)
                sniffer.feed(data)
                writer.write(data)
                await writer.drain()
        except (ConnectionError, ssl.SSLError, OSError):
            pass
        finally:
            writer.close()

    def message(self, direction, binary, payload):
        try:
            header, body = schemas.split(binary, payload)
            self.validate(header, body)
        except Exception as fault:  # whatever it is, the frame is not what the schemas say
            self.violations.append(f"{direction}: {fault}")
            return
        self.log.append({"direction": direction, "body": body, **header})

    def validate(self, header, body):
        message_type = header.get("type")
        if message_type not in self.validators:
            raise ValueError(f"no schema for the type {message_type!r}")
        errors = [e.message for e in self.validators[message_type].iter_errors(header)]
        if errors:
            raise ValueError(f"{message_type}: {errors}")
        self.types_seen.add(message_type)
        if message_type == "InboxDelivery":
            self.validate(*schemas.split(True, body))

    def cut(self):
        """Drops every connection, as a network does."""
        async def close_all():
            for writer in list(self.writers):
                writer.transport.abort()
        self.run(close_all())

    def close(self):
        async def shut():
            self.server.close()
            for writer in list(self.writers):
                writer.transport.abort()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
        self.run(shut())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
