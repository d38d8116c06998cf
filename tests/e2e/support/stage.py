"""A stage for transfers: a network with a relay, a member that shares and members that fetch, each on a host of its own."""

import base64
import json
import random

from . import folders
from .certificate import Certificate
from .network import Network
from .process import Relay
from .transfer import Member
from .turn import TurnServer
from .wait import nth

ICE_TABLE = '[[ice.server]]\nurls = ["{url}"]\nsecret = "{secret}"\n'
LARGE_PIECE_BYTES = 1_000_000
COMPLETE_S = 180  # no time that is promised: for a test that hangs


class Stage:
    """`sharing` and `fetching` name implementations. `delay_ms`: one way, between the fetching hosts and everybody else. With a
    `turn_secret` there is a TURN server; `named`: the relay hands it out."""

    def __init__(self, folder, sharing, fetching, n_fetchers=1, delay_ms=0, turn_secret=None, named=False):
        self.path = folder
        self.turn = None
        self.network = Network()
        try:
            if turn_secret:
                self.turn = TurnServer(folder, secret=turn_secret, host=self.network.host("turn"))
            ice = ICE_TABLE.format(url=self.turn.url(), secret=turn_secret) if named else None
            self.set(sharing, fetching, n_fetchers, delay_ms, ice)
        except BaseException:
            self.network.close()
            raise

    def set(self, sharing, fetching, n_fetchers, delay_ms, ice):
        relay_host = self.network.host("relay")
        relay_folder = self.path / "relay-state"
        relay_folder.mkdir()
        certificate = Certificate(relay_folder, [relay_host.address])
        self.relay = Relay(relay_folder, certificate, relay_host, ice).start()
        self.sharer = Member(sharing, self.network.host("sharer"), self.relay, self.path)
        self.fetchers = [
            Member(fetching, self.network.host(f"fetcher-{index}", delay_ms), self.relay, self.path)
            for index in range(n_fetchers)
        ]
        self.fetcher = self.fetchers[0]
        self.invite = self.sharer.create()
        for fetcher in self.fetchers:
            fetcher.join(self.invite)

    # ---- what is transferred ----

    def fill(self, n_files, file_bytes, seed=1):
        self.n_files = n_files
        folders.fill(self.sharer.folder, random.Random(seed), n_files, file_bytes)

    def add_large_file(self, n_bytes):
        """One more, the last in their order."""
        chance = random.Random(2)
        with open(self.sharer.folder / "zz-large", "wb") as file:
            for _ in range(n_bytes // LARGE_PIECE_BYTES):
                file.write(chance.randbytes(LARGE_PIECE_BYTES))

    @property
    def sharer_id(self):
        text = self.invite.removeprefix("syncshell1.")
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))["owner"]

    @property
    def total_bytes(self):
        return folders.total_bytes(self.sharer.folder)

    def missing_bytes(self, fetcher=None):
        return self.total_bytes - folders.on_disk_bytes((fetcher or self.fetcher).folder)

    def limit(self, bytes_per_second):
        """What every member can send and receive."""
        for member in (self.sharer, *self.fetchers):
            member.host.limit(bytes_per_second)

    # ---- processes ----

    def share(self, *options):
        return self.sharer.share(*options)

    def fetch(self, *options, **named):
        return self.fetcher.fetch(*options, **named)

    def fetch_all(self):
        """Every fetcher, from the sharer."""
        return [fetcher.fetch("--from", self.sharer_id) for fetcher in self.fetchers]

    def arrived(self, fetching, percent):
        """Waits until that many of the files have arrived in this process."""
        fetching.events.wait(event="receiving")
        if percent > 0:
            fetching.events.wait(event="file", where=nth(self.n_files * percent // 100))

    def complete(self, fetching):
        """Waits for the end of a fetch, which must be good; its event."""
        event = fetching.events.wait(event="complete", limit_s=COMPLETE_S)
        assert fetching.wait() == 0, fetching.errors[-5:]
        return event

    # ---- the end ----

    def check(self):
        """Every file of the sharing side is on every fetching side, and nothing is left of parts."""
        wanted = self.sharer.hashes()
        for fetcher in self.fetchers:
            assert fetcher.hashes() == wanted, f"{fetcher.host.name}: files differ"
            left = list((fetcher.folder / folders.PRIVATE).glob("*"))
            assert not left, f"{fetcher.host.name}: parts are left: {left[:3]}"

    def complaints(self):
        """What the members' processes have said on standard error, the last of it."""
        return [f"{p.name} said: {p.errors[-5:]}" for member in (self.sharer, *self.fetchers) for p in member.processes if p.errors]

    def stop(self):
        """Ends everything in order; what went wrong meanwhile, as texts."""
        members = (self.sharer, *self.fetchers)
        for member in members:
            member.stop()
        if self.turn:
            self.turn.stop()
        status = self.relay.stop()
        faults = [] if status in (None, 0) else [f"the relay ended with {status}"]
        for member in members:
            faults += [r for r in (p.sanitizer_report() for p in member.processes) if r]
        return faults + self.relay.reports

    def close(self):
        self.network.close()
