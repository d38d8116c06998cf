"""Two members who are in nobody's way: while something else goes wrong their messages still arrive, and how fast is written down."""

import asyncio
import contextlib
import time

from support.raw import Group, RawPeer
from support.standstill import Standstill

PAUSE_S = 0.02
LATE_S = 1.5  # no message may take longer; it is loopback, on a machine that does other things too. While it does nothing, nothing counts
SESSION = "probe"


class Probe:
    """The pair of one relay: offers there and back, each with the next generation."""

    def __init__(self, relay, address=None):
        tls = relay.tls.client_context() if relay.tls else None
        self.one, self.other = RawPeer(relay.url, ssl=tls), RawPeer(relay.url, ssl=tls)
        self.group = Group()
        self.generation = 0
        self.spans = []  # (sent, arrived)
        self.standstill = Standstill()
        self.running = None

    async def __aenter__(self):
        for peer in (self.one, self.other):
            await peer.connect()
        await self.one.create(self.group)
        for peer in (self.one, self.other):
            await peer.join(self.group)
        await self.one.open_session(self.group, SESSION, self.one.id, self.other.id)
        self.running = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *_):
        self.running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.running
        for peer in (self.one, self.other):
            await peer.close()
        await asyncio.to_thread(self.standstill.close)

    async def run(self):
        while True:
            for source, target in ((self.one, self.other), (self.other, self.one)):
                self.generation += 1
                began = time.monotonic()
                await source.send("ReconnectOffer", b"sealed", **source.route(self.group, target.id, SESSION, self.generation))
                await target.expect("ReconnectOffer", generation=self.generation)
                self.spans.append((began, time.monotonic()))
            await asyncio.sleep(PAUSE_S)

    async def served(self, n=20):
        """So many more messages have arrived."""
        wanted = len(self.spans) + n
        while len(self.spans) < wanted:
            if self.running.done():
                self.running.result()
            await asyncio.sleep(PAUSE_S)

    def mark(self):
        return len(self.spans)

    def took_s(self, sent, arrived):
        took_s = arrived - sent
        return took_s if took_s < LATE_S else took_s - self.standstill.within(sent, arrived)

    def since(self, mark):
        """(n, p50, p99, max in ms)"""
        times = sorted(self.took_s(*span) for span in self.spans[mark:])
        return len(times), *(1000 * times[int(share * (len(times) - 1))] for share in (0.5, 0.99, 1.0))

    def check(self, mark):
        if self.running.done():
            self.running.result()
        n, p50, p99, most = self.since(mark)
        assert most < 1000 * LATE_S, f"a message took {most:.0f} ms"
        return f"{n} messages of the probe pair arrived, p50 {p50:.1f}, p99 {p99:.1f}, at most {most:.0f} ms"
