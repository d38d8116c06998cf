"""The servers that are measured: how each is started, and what the load generator speaks to it."""

import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from paths import FLOOR, PEERS, RELAY, SERVER_CORE, pin

START_S_MAX = 20
STOP_S_MAX = 10


class Server:
    """A server process with a folder of its own. `describe` is what it does and does not do, for the report."""

    name = adapter = describe = ""
    listening = re.compile(r"^listening (\d+)$", re.MULTILINE)

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-"))
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
            time.sleep(0.01)
        self.port = self.port or int(found.group(1))
        return self

    @property
    def pid(self):
        return self.child.pid

    def stop(self):
        if self.child and self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait(STOP_S_MAX)
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
        return {f"SYNCSHELL_RELAY_{key}": str(value) for key, value in {
            "LISTEN_PORT": 0, "STORE_PATH": self.folder / "relay.db", "LIMITS_CONNECTIONS_MAX": 40000,
            "LIMITS_ADDRESS_CONNECTIONS_MAX": 40000, "LIMITS_ADDRESS_PEERS": 100000,
            "RATES_CONNECTS_PER_MINUTE": 60000000, "RATES_SIGNALS_PER_MINUTE": 60000000,
            "RATES_WRITES_PER_MINUTE": 60000000,
        }.items()}


class Floor(Server):
    name, adapter = "floor", "plain"
    describe = "nothing but moving frames"

    def command(self):
        return [FLOOR]


class NodeWs(Server):
    name, adapter = "node-ws", "json"
    describe = "parses and prints JSON; no authentication"

    def command(self):
        return ["node", PEERS / "ws-relay.js"]


def given(name, command):
    """A server of --peer."""
    return type(name, (Server,), {
        "name": name, "adapter": "plain", "describe": f"given: {command}",
        "command": lambda self: ["/bin/sh", "-c", f"exec {command}" if len(shlex.split(command)) else command]})


ALL = (Ours, Floor, NodeWs)
