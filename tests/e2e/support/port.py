"""Ports for servers that cannot choose one by themselves."""

import contextlib
import random
import socket
from pathlib import Path

# The system gives none of these by itself, to a server or to a client, so nobody gets one between here and its server.
LEAST = 10240
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES = 1000

taken = []  # sockets whose names say to other processes that do as this one that a port is given away


def given_away_by_us(port):
    """For as long as this process lives, or was already."""
    mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mark.bind(f"\0syncshell-test-port-{port}")
    except OSError:
        mark.close()
        return True
    taken.append(mark)
    return False


def free_port():
    """Of neither UDP nor TCP."""
    most = int(RANGE.read_text().split()[0]) - 1
    if most < LEAST + TRIES:  # a range that begins lower
        most = 65535
    for _ in range(TRIES):
        port = random.randint(LEAST, most)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as stream, contextlib.suppress(OSError):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended are in nobody's way
            datagrams.bind(("127.0.0.1", port))
            stream.bind(("127.0.0.1", port))
            if not given_away_by_us(port):
                return port
    raise OSError("no port is free")
