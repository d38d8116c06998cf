"""A real TURN server (coturn) on the loopback."""

import socket

from .process import Process


def free_port():
    """Of neither UDP nor TCP: coturn cannot choose one by itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as stream:
        datagrams.bind(("127.0.0.1", 0))
        stream.bind(datagrams.getsockname())
        return datagrams.getsockname()[1]


class TurnServer(Process):
    """`users` are pairs of name and password; or a `secret` mints them, as the relay does. It listens from the start on."""

    def __init__(self, folder, users=(), secret=None):
        self.port = free_port()
        accounts = [f"--user={name}:{password}" for name, password in users]
        if secret:
            accounts = ["--use-auth-secret", f"--static-auth-secret={secret}"]
        super().__init__([
            "turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={self.port}",
            "--no-tls", "--no-dtls", "--no-cli", "--allow-loopback-peers", "--realm=syncshell.test", "--lt-cred-mech",
            *accounts, f"--userdb={folder / 'turn.db'}", f"--pidfile={folder / 'turn.pid'}", "--log-file=stdout",
            "--simple-log", "--verbose",
        ], "turn")
        for protocol in ("UDP", "TCP"):
            self.output.wait(where=lambda e, protocol=protocol: f"{protocol} listener opened on" in e["line"])

    def lines(self, text):
        return [e["line"] for e in self.output.all() if text in e["line"]]

    def url(self, transport="udp"):
        return f"turn:127.0.0.1:{self.port}?transport={transport}"
