"""One relay behind a recording tap, and the peers of a test."""

import os
import signal

from .disk import SmallDisk
from .process import Peer, Relay, syncshell
from .sick_disk import SickDisk
from .tap import Tap
from .wait import Log

SEEN_TYPES = set()  # of messages, by all taps of this process


class World:
    """One relay, its tap, and the peers of a test; everything is ended, and checked, when the test is over."""

    def __init__(self, folder, validators, tls, tap=Tap):
        self.folder = folder
        self.tls = tls
        self.relay_folder = folder / "relay"
        self.relay_folder.mkdir()
        self.tap = tap(
            validators, tls.server_context() if tls else None, tls.client_context() if tls else None
        )
        self.relay = Relay(self.relay_folder, tls, ice="")
        self.processes = []
        self.disks = {}
        self.sick_disks = {}
        self.events = Log("all peers")

    def start_relay(self):
        self.relay.start()
        self.tap.upstream = ("127.0.0.1", self.relay.port)

    def restart_relay(self, **settings):
        self.relay.settings.update(settings)
        assert self.relay.stop() == 0
        self.start_relay()

    @property
    def url(self):
        return f"{'wss' if self.tls else 'ws'}://localhost:{self.tap.port}"

    @property
    def ca(self):
        return self.tls.authority if self.tls else None

    def small_disk(self, name, size_bytes):
        """The peer with that name, when it is started, keeps its state on this."""
        self.disks[name] = SmallDisk(self.folder / name, size_bytes)
        return self.disks[name]

    def sick_disk(self, name):
        """The peer with that name, when it is started, keeps its state on this."""
        self.sick_disks[name] = SickDisk(self.folder / f"illness-of-{name}")
        return self.sick_disks[name]

    def peer(self, name, prefix=()):
        """Starts (or starts again) the peer with that name's state folder."""
        disk, sick_disk = self.disks.get(name), self.sick_disks.get(name)
        peer = Peer(self.folder / name, self.url, self.ca, name, self.events, [*prefix, *(disk.prefix if disk else ())],
                    sick_disk.environment if sick_disk else None)
        self.processes.append(peer)
        return peer

    def offer_at_once(self, sides, **fields):
        """Both offers are on their way before the relay reads one of them."""
        relay, mark = self.relay.process.child, self.tap.log.mark()
        relay.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, relay.pid, os.WSTOPPED)
        try:
            for side in sides:
                side.post("offer", sdp=f"v=0 by {side.name}", tag="at once", **fields)
            for side in sides:
                self.tap.log.wait(since=mark, direction="to_relay", type="ReconnectOffer", sourcePeerId=side.peer_id)
        finally:
            relay.send_signal(signal.SIGCONT)

    def command(self, name, *arguments, **options):
        extra = ["--ca", self.ca] if self.ca else []
        return syncshell(*arguments, "--state", self.folder / name, *extra, **options)

    def pair(self):
        """A syncshell with its owner and a second member, both running: (provider, joiner, syncshell id)."""
        provider = self.peer("provider")
        provider.send("create")
        created = provider.event("syncshell_created")
        joiner = self.peer("joiner")
        joiner.send("join", invite=created["invite"])
        joiner.event("syncshell_ready", syncshellId=created["syncshellId"])
        provider.event("syncshell_ready", syncshellId=created["syncshellId"])
        return provider, joiner, created["syncshellId"]

    def end(self):
        for process in self.processes:
            process.stop()
        for disk in self.disks.values():
            disk.close()
        status = self.relay.stop()
        self.tap.close()
        SEEN_TYPES.update(self.tap.types_seen)
        reports = self.relay.reports + [r for r in (p.sanitizer_report() for p in self.processes) if r]
        assert not reports, "\n".join(reports)
        assert not self.tap.violations, self.tap.violations[:5]
        assert status in (None, 0), f"the relay ended with {status}"
