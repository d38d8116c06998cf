"""A member's connection below the WebSocket library: single frames and bytes as a test wants them, also the wrong ones."""

import asyncio
import os
import secrets
import struct
from pathlib import Path

from .wait import LIMIT_S

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True):
    """A masked frame, as clients send it."""
    size = len(payload)
    if size < 126:
        length = struct.pack("!B", 0x80 | size)
    elif size < 65536:
        length = struct.pack("!BH", 0x80 | 126, size)
    else:
        length = struct.pack("!BQ", 0x80 | 127, size)
    mask = secrets.token_bytes(4)
    masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    return bytes([(0x80 if fin else 0) | opcode]) + length + mask + masked


def fragments(opcode, payload, size=1):
    pieces = [payload[i:i + size] for i in range(0, len(payload), size)]
    return b"".join(
        frame(opcode if i == 0 else CONTINUATION, piece, fin=i == len(pieces) - 1) for i, piece in enumerate(pieces))


async def ended(reader):
    """Reads until the other end closes, whichever way; what came before."""
    async def run():
        data = b""
        try:
            while piece := await reader.read(65536):
                data += piece
        except ConnectionError:
            pass
        return data
    return await asyncio.wait_for(run(), LIMIT_S)


class Usage:
    """What a process holds of the machine."""

    def __init__(self, process_id):
        self.folder = Path("/proc") / str(process_id)

    def descriptors(self):
        return len(os.listdir(self.folder / "fd"))

    def resident_bytes(self):
        return int((self.folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_s(self):
        """User and kernel, all threads."""
        fields = (self.folder / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def descriptors_return_to(self, count):
        """The relay closes what was left of connections a moment after their end."""
        async def run():
            while self.descriptors() > count:
                await asyncio.sleep(0.02)
        await asyncio.wait_for(run(), LIMIT_S)
