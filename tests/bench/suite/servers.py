"""The servers that are measured: how each is started, and what the load generator speaks to it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from paths import DATA, FLOOR, PEERS, RELAY, REPOSITORY, SERVER_CORE, pin

sys.path.insert(0, str(REPOSITORY / "tests/e2e"))
from support.port import free_port

START_S_MAX = 60
STOP_S_MAX = 60
SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class Server:
    """A server process with a folder of its own. `describe` is what it does and does not do, for the report."""

    name = adapter = describe = ""
    listening = re.compile(r"^listening (\d+)$", re.MULTILINE)

    def __init__(self, tls=None):
        DATA.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=DATA))
        self.tls = tls  # a certificate, or None
        self.log = self.folder / "log"
        self.child = None
        self.port = 0

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def start(self):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SYNCSHELL_")}
        with open(self.log, "wb") as out:
            self.child = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=self.folder,
                env={**inherited, **self.environment()}, preexec_fn=pin(SERVER_CORE), start_new_session=True)
        end = time.monotonic() + START_S_MAX
        while not (found := self.listening.search(self.log.read_text(errors="replace"))):
            if self.child.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{self.name} does not start:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.001)
        self.port = self.port or int(found.group(1))  # those that cannot take any port know theirs
        return self

    def restart(self):
        """Killed, and started again with the same folder at the same port."""
        self.kill()
        return self.start()

    def kill(self):
        if self.child and self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait(STOP_S_MAX)

    @property
    def pid(self):
        return self.child.pid

    def stop(self):
        self.kill()
        for file in sorted(self.folder.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        self.folder.rmdir()


class Ours(Server):
    name, adapter = "ours", "ours"
    describe = "authenticates, authorises each message, parses headers, counts against limits, stores generations"
    listening = re.compile(r"event=listening\b.*?url=\"?wss?://[^\s\":]+:(\d+)")

    def command(self):
        return [RELAY]

    def environment(self):
        # All settings are the defaults, but for what the load does from one address that in life comes from thousands.
        tls = {"LISTEN_TLS_CERTIFICATE": self.tls.certificate, "LISTEN_TLS_KEY": self.tls.key} if self.tls else {}
        return {f"SYNCSHELL_RELAY_{key}": str(value) for key, value in {
            **tls, "LISTEN_PORT": self.port, "STORE_PATH": self.folder / "relay.db", "LIMITS_CONNECTIONS_MAX": 40000,
            "LIMITS_ADDRESS_CONNECTIONS_MAX": 40000, "LIMITS_ADDRESS_PEERS": 100000,
            "RATES_CONNECTS_PER_MINUTE": 60000000, "RATES_SIGNALS_PER_MINUTE": 60000000,
            "RATES_WRITES_PER_MINUTE": 60000000,
        }.items()}


class Floor(Server):
    name, adapter = "floor", "plain"
    describe = "nothing but moving frames"
    signatures = 0

    def command(self):
        return [FLOOR, str(self.signatures), str(self.port),
                *((self.tls.certificate, self.tls.key) if self.tls else ())]


class KnowingFloor(Floor):
    name = "floor-signed"
    describe = "the floor, with two Ed25519 signatures verified for each connection"
    signatures = 2


class NodePeer(Server):
    script = ""

    def command(self):
        return ["node", PEERS / self.script]

    def environment(self):
        return {"BENCH_CERTIFICATE": str(self.tls.certificate), "BENCH_KEY": str(self.tls.key)} if self.tls else {}


class NodeWs(NodePeer):
    name, adapter, script = "node-ws", "json", "ws-relay.js"
    describe = "parses and prints JSON; no authentication"


class PeerJs(NodePeer):
    name, adapter, script = "peerjs", "peerjs", "peerjs-server.js"
    describe = "parses and prints JSON, holds messages for who is away; a token instead of authentication"


class SocketIo(NodePeer):
    name, adapter, script = "socketio", "socketio", "socketio-relay.js"
    describe = "parses and prints JSON, keeps packets in memory for connection state recovery; no authentication"


class Mosquitto(Server):
    name, adapter = "mosquitto", "mqtt"
    describe = "anonymous clients, QoS 0; durable writes: QoS 1 retained, acknowledged before they are on the disk"
    listening = re.compile(r"mosquitto version \S+ (running)")

    def command(self):
        self.port = free_port()
        lines = ["persistence true", f"persistence_location {self.folder}/", "max_inflight_messages 0",
                 "max_queued_messages 0", f"listener 0 {self.folder}/socket",  # it wants one that is not a WebSocket's
                 f"listener {self.port} 127.0.0.1", "protocol websockets",
                 "allow_anonymous true"]
        if self.tls:
            lines += [f"certfile {self.tls.certificate}", f"keyfile {self.tls.key}"]
        if os.geteuid() == 0:
            lines.append("user root")  # its own user could not write into our folder
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        return [shutil.which("mosquitto", path=SBIN), "-c", self.folder / "mosquitto.conf"]


class Nats(Server):
    name, adapter = "nats", "nats"
    describe = "no authentication, at most once"
    listening = re.compile(r"Listening for websocket clients on wss?://127\.0\.0\.1:(\d+)")

    def command(self):
        tls = f'tls {{ cert_file: "{self.tls.certificate}", key_file: "{self.tls.key}" }}' if self.tls else "no_tls: true"
        (self.folder / "nats.conf").write_text(
            f'host: "127.0.0.1"\nport: -1\nwebsocket {{ host: "127.0.0.1", port: -1, {tls} }}\n')
        return [shutil.which("nats-server", path=SBIN), "-c", self.folder / "nats.conf"]


class Redis(Server):
    name, adapter = "redis", "redis"
    describe = "appendfsync always: acknowledges after fsync; no authentication, no WebSocket, no order to check"
    listening = re.compile(r"(Ready) to accept connections")

    def command(self):
        self.port = free_port()
        return [shutil.which("redis-server", path=SBIN), "--bind", "127.0.0.1", "--port", str(self.port), "--dir",
                self.folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxclients", "20000"]


def given(name, command):
    """A server of --peer. The program takes the shell's place, for it is the one that is measured."""
    return type(name, (Server,), {
        "name": name, "adapter": "plain", "describe": f"given: {command}",
        "command": lambda self: ["/bin/sh", "-c", f"exec {command}"]})


ALL = (Ours, Floor, KnowingFloor, NodeWs, PeerJs, SocketIo, Mosquitto, Nats, Redis)
