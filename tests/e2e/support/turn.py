"""A real TURN server (coturn), on the loopback or on a host of a test network."""

import base64
import hashlib
import hmac
import re
import time

from .port import free_port
from .process import Process


TURN_PORT = 3478  # on a host of its own, nobody else can have it
LIFETIME_S = 3600


def password(secret, username):
    """What goes with that username for whoever shares the secret with the server."""
    return base64.b64encode(hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()).decode()


def credential(secret):
    """(username, password) as whoever shares that secret with the server mints them."""
    username = f"{int(time.time()) + LIFETIME_S}:scenario"
    return username, password(secret, username)


class TurnServer(Process):
    """`users` are pairs of name and password; or a `secret` mints them, as the relay does. It listens from the start on."""

    def __init__(self, folder, users=(), secret=None, host=None, tls=None, more=()):
        self.address = host.address if host else "127.0.0.1"
        self.port = TURN_PORT if host else free_port()
        accounts = [f"--user={name}:{password}" for name, password in users]
        if secret:
            accounts = ["--use-auth-secret", f"--static-auth-secret={secret}"]
        self.tls_port = free_port() if tls else None
        transport = [f"--cert={tls.certificate}", f"--pkey={tls.key}", f"--tls-listening-port={self.tls_port}"] if tls else ["--no-tls"]
        super().__init__([
            *(host.prefix if host else ()), "turnserver", "-n", f"--listening-ip={self.address}",
            f"--relay-ip={self.address}", f"--listening-port={self.port}",
            *transport, "--no-dtls", "--no-cli", "--allow-loopback-peers", "--realm=syncshell.test", "--lt-cred-mech",
            *accounts, *more, f"--userdb={folder / 'turn.db'}", f"--pidfile={folder / 'turn.pid'}", "--log-file=stdout",
            "--simple-log", "--verbose",
        ], "turn")
        for protocol, port in (("UDP", self.port), ("TCP", self.port), *([("TCP", self.tls_port)] if tls else [])):
            listening = re.compile(rf"{protocol} listener opened on ?: .*:{port}$")
            self.output.wait(where=lambda e, listening=listening: listening.search(e["line"]))

    def lines(self, text):
        return [e["line"] for e in self.output.all() if text in e["line"]]

    def url(self, transport="udp"):
        """`transport`: udp, tcp or tls."""
        if transport == "tls":
            return f"turns:localhost:{self.tls_port}?transport=tcp"
        return f"turn:{self.address}:{self.port}?transport={transport}"
