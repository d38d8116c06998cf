#!/usr/bin/python3
"""The relay's standard streams: nobody reads them, whoever reads stands still, or there are none.

usage: test_streams.py RELAY [-k WORD]"""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

import tap
from support.process import INHERITED
from support.raw import Group, RawPeer
from tap import test


@test
async def a_welcome_that_nobody_gets_is_told_and_does_not_end_it(program):
    with tempfile.TemporaryDirectory() as folder, open("/dev/full", "wb") as full:
        child = await asyncio.create_subprocess_exec(
            program, "--set", "listen.port=0", "--set", f"store.path={folder}/relay.db", env=INHERITED, stdout=full,
            stderr=subprocess.PIPE)
        told = await asyncio.wait_for(child.stderr.readuntil(b"syncshell-relay:"), 60) + await child.stderr.readline()
        assert told.endswith(b"cannot write to standard output: No space left on device\n"), told
        child.send_signal(signal.SIGTERM)
        await child.stderr.read()
        assert await asyncio.wait_for(child.wait(), 60) == 0


@test
async def a_log_that_nobody_reads_does_not_end_it(program):
    with tempfile.TemporaryDirectory() as folder:
        child = await asyncio.create_subprocess_exec(
            program, "--set", "listen.port=0", "--set", f"store.path={folder}/relay.db", env=INHERITED,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        line = await asyncio.wait_for(child.stderr.readuntil(b"event=listening"), 60) + await child.stderr.readline()
        url = re.search(rb"url=(\S+)", line).group(1).decode()
        child._transport.get_pipe_transport(2).close()
        group = Group()
        peer = await RawPeer(url).connect()
        await peer.create(group)  # each writes a line
        await peer.join(group)
        await peer.close()
        child.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 60) == 0


def read_lines(pipe, until):
    """What stands in a pipe up to and with the line that fits."""
    lines = []
    while not lines or not re.search(until, lines[-1]):
        lines.append(pipe.readline())
        assert lines[-1], lines
    return lines


@test
async def a_log_whose_reader_stands_still_stops_nobody(program):
    with tempfile.TemporaryDirectory() as folder:
        reading, writing = os.pipe()
        child = await asyncio.create_subprocess_exec(
            program, "--set", "listen.port=0", "--set", f"store.path={folder}/relay.db", env=INHERITED,
            stdout=subprocess.DEVNULL, stderr=writing)
        with open(reading, encoding="utf-8") as pipe:
            [*_, line] = await asyncio.to_thread(read_lines, pipe, "event=listening")
            filling = os.open(f"/proc/self/fd/{writing}", os.O_WRONLY | os.O_NONBLOCK)
            with contextlib.suppress(BlockingIOError):
                while os.write(filling, b"somebody else's\n"):
                    pass
            os.close(filling)
            os.close(writing)
            group = Group()
            peer = await RawPeer(re.search(r"url=(\S+)", line).group(1)).connect()
            await peer.create(group)  # each would be a line
            await peer.join(group)
            await peer.close()
            child.send_signal(signal.SIGTERM)
            await asyncio.to_thread(read_lines, pipe, "somebody else's")
            rest = await asyncio.to_thread(pipe.read)
        assert await asyncio.wait_for(child.wait(), 60) == 0
        assert "event=joined" not in rest


@test
async def closed_streams_are_nobody_else_s(program):
    """Nothing of the relay's own gets the number of its standard error, into which the log goes."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(60)
        manager.bind(f"{folder}/notify")
        child = await asyncio.create_subprocess_exec(
            "sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', os.path.abspath(program), "--set", "listen.port=0",
            "--set", f"store.path={folder}/relay.db", env={**INHERITED, "NOTIFY_SOCKET": f"{folder}/notify"})
        while b"READY=1" not in await asyncio.to_thread(manager.recv, 4096):
            pass
        assert {os.readlink(f"/proc/{child.pid}/fd/{n}") for n in range(3)} == {"/dev/null"}
        child.send_signal(signal.SIGTERM)
        await asyncio.wait_for(child.wait(), 60)


if __name__ == "__main__":
    sys.exit(tap.main())
