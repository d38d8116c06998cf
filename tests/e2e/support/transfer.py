"""Members that transfer folders: real peers of each implementation, all with the command line and the events of
syncshell-sync(1)."""

import json
import os
import subprocess
import time
from pathlib import Path

from . import folders
from .process import BUILD, Process, syncshell
from .wait import LIMIT_S, Log

SYNC = os.environ.get("SYNCSHELL_SYNC_BIN", str(BUILD / "shared" / "sync" / "syncshell-sync"))
PEERS = Path(__file__).resolve().parents[1] / "peers"


class Implementation:
    """A peer program; those on the library become members by `syncshell`. The WebRTC of some does not say what is wrong with a
    server."""

    def __init__(self, *command, names_servers_faults=False):
        self.command = command
        self.names_servers_faults = names_servers_faults

    def create(self, url, state, ca, prefix):
        return syncshell("create", "--relay", url, "--state", state, "--ca", ca, prefix=prefix).stdout.strip()

    def join(self, invite, state, ca, prefix):
        syncshell("join", invite, "--state", state, "--ca", ca, prefix=prefix)


class Standalone(Implementation):
    """One that does not use the library: it becomes a member by itself."""

    def create(self, url, state, ca, prefix):
        return self.run(prefix, "create", "--relay", url, "--state", state, "--ca", ca)

    def join(self, invite, state, ca, prefix):
        self.run(prefix, "join", invite, "--state", state, "--ca", ca)

    def run(self, prefix, *arguments):
        done = subprocess.run([*prefix, *self.command, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True,
                              timeout=LIMIT_S)
        return done.stdout.strip()


IMPLEMENTATIONS = {
    "c": Implementation(SYNC, names_servers_faults=True),
    "node": Implementation(str(PEERS / "node-peer")),
    "chromium": Standalone(str(PEERS / "chromium-peer")),
}


class Party(Process):
    """One process of a member. Each event has the time at which it was read as "at"."""

    def __init__(self, arguments, name):
        self.events = Log(name)
        super().__init__(arguments, name, {"SYNCSHELL_BUILD_DIR": str(BUILD)})

    def take_output(self, line):
        self.events.append({**json.loads(line), "at": time.monotonic()})

    def end_output(self):
        self.events.end()


class Member:
    """One identity with its folder, on one host of a test network, through all its processes."""

    def __init__(self, implementation, host, relay, folder):
        self.implementation = IMPLEMENTATIONS[implementation]
        self.host = host
        self.relay = relay
        self.state = folder / f"{host.name}-state"
        self.folder = folder / host.name
        self.folder.mkdir(exist_ok=True)
        self.processes = []

    def create(self):
        """Makes a syncshell; its invite."""
        return self.implementation.create(self.relay.url, self.state, self.relay.tls.authority, self.host.prefix)

    def join(self, invite):
        self.implementation.join(invite, self.state, self.relay.tls.authority, self.host.prefix)

    def share(self, *options):
        return self.start("share", self.folder, options)

    def fetch(self, *options, folder=None):
        return self.start("fetch", folder or self.folder, options)

    def start(self, role, folder, options):
        arguments = [*self.host.prefix, *self.implementation.command, role, str(folder), "--state", str(self.state),
                     "--ca", str(self.relay.tls.authority), *options]
        process = Party(arguments, f"{self.host.name}#{len(self.processes)}")
        self.processes.append(process)
        return process

    def stop(self):
        for process in self.processes:
            process.stop()

    def hashes(self):
        return folders.hashes(self.folder)
