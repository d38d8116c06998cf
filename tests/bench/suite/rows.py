"""The rows: what is measured, against whom, and the bar."""

import math
from dataclasses import dataclass
from typing import Callable

import client
import drop


@dataclass(frozen=True)
class Bar:
    """What ours may be at most, or must be at least, as a multiple of each of these peers."""

    limit: float
    peers: tuple
    at_least: bool = False

    def text(self):
        return f"{'>=' if self.at_least else '<='} {self.limit:.3g} x {', '.join(self.peers)}"

    def met(self, result):
        ratios = [result.ratio(name) for name in self.peers if name in result.figures]  # a tiny run leaves out some
        return min(ratios) >= self.limit if self.at_least else max(ratios) <= self.limit


@dataclass(frozen=True)
class Limit:
    """What ours may be at most, in the row's unit."""

    limit: float

    def text(self):
        return f"<= {self.limit:.3g}"

    def met(self, result):
        return result.median("ours") <= self.limit


@dataclass(frozen=True)
class NoWorseThanNLogN:
    """From each of these to the next, and from the last to ours."""

    counts: tuple

    def text(self):
        return "no worse than n log n"

    def met(self, result):
        smaller = [n for n in self.counts[:-1] if str(n) in result.figures]
        figures = [*(result.median(str(n)) for n in smaller), result.median("ours")]
        work = [n * math.log2(n + 1) for n in (*smaller, self.counts[-1])]
        return all(b / a <= most / least for a, b, least, most in zip(figures, figures[1:], work, work[1:]))


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    unit: str
    figure: str     # of what the load generator prints
    load: tuple     # its arguments
    peers: tuple    # names of servers; or a name of its own, with what it is in `itself`
    bars: tuple
    quick: tuple = ()       # arguments that make it tiny
    itself: tuple = ()      # names and arguments: ours once more, with each of these
    quick_itself: tuple = ()
    along: str = ""         # what grows: `itself` has smaller numbers of it, each the name of its figure
    most: int = 0           # of it
    by: Callable = None     # gives the figures, and no server is started
    half_of_peak: bool = False  # paced at half of what each server reached when not paced
    restarts: bool = False  # the server is killed and started again when the load is ready for it
    starts: bool = False    # how long ours takes to start; `load` is the number of sessions in its store
    fresh: bool = False     # a server of its own for each measurement
    tls: bool = False
    rounds_max: int = 99

    def bar_text(self):
        return "; ".join(bar.text() for bar in self.bars) or "reported"


CPU = "us of server CPU per message"
RELAYS = ("node-ws", "peerjs", "socketio", "mosquitto", "nats")
QUICK = ("--pairs", 4, "--warm-up", 0, "--seconds", 0.1)


def routed(name, title, kind, size, burst, bars, peers=("floor", *RELAYS)):
    return Row(
        name=name, title=title, unit=CPU, figure="cpu_us",
        load=("route", "--message", kind, "--size", size, "--burst", burst, "--pairs", 100, "--warm-up", 0.3,
              "--seconds", 1.5),
        quick=QUICK, peers=peers, bars=bars)


def durable(in_flight, streams, factor):
    return Row(
        name=f"durable-{in_flight}", title=f"durable writes of 1 KB, {in_flight} in flight (ours: SessionProgress)",
        unit="acknowledged per second", figure="writes_per_second",
        load=("route", "--size", 1000, "--streams", streams, "--in-flight", in_flight, "--warm-up", 0.3, "--seconds", 2),
        quick=("--warm-up", 0, "--seconds", 0.1), peers=("redis", "mosquitto"),
        bars=(Bar(factor, ("redis",), at_least=True),))


def idle(name, title, limit_kb, tls):
    return Row(
        name=name, title=title, unit="KB of resident memory per connection", figure="kb_each",
        load=("idle", "--idle", 10000, "--members", 10, "--seconds", 0.5), quick=("--idle", 100, "--seconds", 0.05),
        peers=RELAYS, bars=(Limit(limit_kb), *((Bar(1, RELAYS),) if tls else ())), fresh=True, tls=tls, rounds_max=1)


def back(name, title, figure, unit, bar, tls=False):
    return Row(
        name=name, title=title, unit=unit, figure=figure, load=("return", "--pairs", 4, "--idle", 10000, "--members", 10,
        "--dialling", 10000), quick=("--idle", 20), peers=("floor-signed",), bars=(bar,), restarts=True, tls=tls)


def counted(name, title, figure, unit, by, *bars):
    return Row(name=name, title=title, unit=unit, figure=figure, load=(), peers=(), bars=bars, by=by, rounds_max=1)


def flat(counts):
    """What noise allows."""
    return Bar(1.25, tuple(str(n) for n in counts[:-1]))


def growth(name, title, along, counts, arguments, bar, load, quick=(), figure="cpu_us", unit=CPU, quick_counts=(), **how):
    """Ours is the figure for the last count, the others are its peers."""
    least = quick_counts or counts[:2]
    return Row(
        name=name, title=title, unit=unit, figure=figure, load=(*load, *arguments(counts[-1])),
        quick=(*quick, *arguments(least[-1])), peers=(), itself=tuple((str(n), arguments(n)) for n in counts[:-1]),
        quick_itself=tuple((str(n), arguments(n)) for n in least[:-1]), bars=(bar(counts),), along=along, most=counts[-1], **how)


LATENCY = ("route", "--message", "offer", "--size", 2500, "--pairs", 100, "--warm-up", 0.3, "--seconds", 1.5)

ROWS = (
    routed("offer", "routed 2.5 KB sealed offer, 100 pairs, one in flight", "offer", 2500, 1,
           (Bar(1.4, ("floor",)), Bar(1 / 3, ("node-ws",)), Bar(1 / 6, ("peerjs", "socketio")),
            Bar(1, ("mosquitto", "nats")))),
    routed("offer-bursts", "routed 2.5 KB sealed offers in bursts of eight to one peer", "offer", 2500, 8,
           (Bar(2.5, ("floor",)), Bar(1 / 6, ("node-ws",)))),
    routed("candidate", "routed 300 B candidate, one in flight", "candidate", 300, 1, (Bar(1.5, ("floor",)),)),
    routed("candidate-bursts", "routed 300 B candidates in bursts of eight", "candidate", 300, 8,
           (Bar(3, ("floor",)),)),
    Row(name="offer-beside-idle", title="the first row with 10,000 idle joined connections beside it, and with 100",
        unit="us of server CPU per message", figure="cpu_us", load=(*LATENCY, "--idle", 10000), quick=(*QUICK, "--idle", 20),
        peers=(), itself=(("with-100", ("--idle", 100)),), bars=(Bar(1.1, ("with-100",)),)),
    Row(name="latency-p99", title="time to the other side at half of each one's own peak, p99", unit="us", figure="p99_us",
        load=LATENCY, quick=QUICK, peers=("floor", *RELAYS), bars=(Bar(1, RELAYS),), half_of_peak=True),
    Row(name="latency-p50", title="time to the other side at half of each one's own peak, p50", unit="us", figure="p50_us",
        load=LATENCY, quick=QUICK, peers=("floor", *RELAYS), bars=(), half_of_peak=True),
    idle("idle-memory", "memory of an idle connection that has authenticated and joined, 10,000 of them", 8, False),
    idle("idle-memory-tls", "the same over TLS", 24, True),
    durable(1, 1, 1.1),
    durable(16, 16, 1.0),
    durable(256, 64, 1.1),
    Row(name="routing-beside-writes", title="routing p99 with durable writes flat out beside it, and without", unit="us",
        figure="p99_us", load=(*LATENCY, "--rate", 2000, "--streams", 16, "--in-flight", 64), quick=QUICK, peers=(),
        itself=(("without", ("--streams", 0)),), bars=(Bar(1.5, ("without",)),)),
    back("return", "10,000 clients back at once after a restart", "cpu_us", "us of server CPU per client",
         Bar(1.5, ("floor-signed",))),
    back("return-tls", "the same over TLS", "cpu_us", "us of server CPU per client", Bar(1.5, ("floor-signed",)), tls=True),
    back("return-routing", "meanwhile, the longest time that a routed offer took", "routed_max_ms", "ms", Limit(10)),
    back("return-routing-tls", "the same over TLS", "routed_max_ms", "ms", Limit(10), tls=True),
    Row(name="start", title="from the start to ready with 100,000 stored sessions, and with 100", unit="ms",
        figure="start_ms", load=(100000,), quick=(200,), peers=(), itself=(("with-100", (100,)),),
        bars=(Bar(1.5, ("with-100",)),), starts=True),
    counted("drop", "from a lost link to the answer: round trips between a client and the relay", "round_trips", "round trips",
            drop.lost_link, Limit(3)),
    counted("drop-commits", "from a lost link to the answer: commits", "commits", "commits", drop.lost_link, Limit(1)),
    counted("drop-killed", "the same, with the joiner's process killed: from its restart, connecting and joining included",
            "round_trips", "round trips", drop.killed_joiner),
    counted("client-memory", "resident memory of a client in its host's process", "client_kb", "KB", client.cost),
    counted("client-idle", "processor time of an idle client", "idle_us_per_minute", "us a minute", client.cost),
    counted("client-event", "processor time of a client by event", "event_us", "us", client.cost),
    growth("growth-members", "routed offer by the members of its syncshell, all joined", "members", (2, 8, 32, 128),
           lambda n: ("--company", "--idle", 10 * (n - 2)), flat,
           load=("route", "--pairs", 10, "--warm-up", 0.3, "--seconds", 1.5), quick=("--warm-up", 0, "--seconds", 0.1), fresh=True),
    growth("growth-join", "joining by the members of a syncshell, who all come back and hear of each other", "members",
           (2, 8, 32, 128), lambda n: ("--members", n), NoWorseThanNLogN, load=("return", "--idle", 1280), quick=("--idle", 128),
           unit="us of server CPU per client", restarts=True),
    growth("growth-sessions", "routed offer by the sessions that each peer has, and uses by turns", "sessions", (1, 8, 32, 200),
           lambda n: ("--sessions", n), flat, load=("route", "--pairs", 20, "--warm-up", 0.3, "--seconds", 1.5),
           quick=("--pairs", 1, "--warm-up", 0, "--seconds", 0.1), fresh=True),
    growth("growth-inbox", "durable message, stored, delivered and acknowledged, by the messages that stay in its inbox",
           "messages", (1, 8, 32, 200), lambda n: ("--inbox", n), flat,
           load=("route", "--size", 1000, "--streams", 16, "--in-flight", 64, "--warm-up", 0.3, "--seconds", 1.5),
           quick=("--streams", 1, "--in-flight", 4, "--warm-up", 0, "--seconds", 0.1), fresh=True),
    *(growth(name, title, "stored sessions", (100, 1000, 10000, 100000, 1000000), lambda n: (n,), bar, figure=figure, unit=unit,
             load=(), starts=True, quick_counts=(100, 200), rounds_max=1)
      for name, title, figure, unit, bar in (
          ("growth-stored-offer", "routed offer by the sessions in the store", "offer_us", CPU, flat),
          ("growth-stored-write", "durable write by the sessions in the store", "write_us", CPU, flat),
          ("growth-stored-start", "from the start to ready by the sessions in the store", "start_ms", "ms", NoWorseThanNLogN))),
)
