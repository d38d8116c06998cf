"""The rows: what is measured, against whom, and the bar."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """What ours may be at most, or must be at least, as a multiple of each of these peers."""

    limit: float
    peers: tuple
    at_least: bool = False

    def text(self):
        return f"{'>=' if self.at_least else '<='} {self.limit:.3g} x {', '.join(self.peers)}"

    def met(self, result):
        ratios = [result.ratio(name) for name in self.peers]
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
class Row:
    name: str
    title: str
    unit: str
    figure: str     # of what the load generator prints
    load: tuple     # its arguments
    peers: tuple    # names of servers; or a name of its own, with what it is in `itself`
    bars: tuple
    quick: tuple = ()       # arguments that make it tiny
    itself: tuple = ()      # name, arguments: ours once more, with these
    half_of_peak: bool = False  # paced at half of what each server reached when not paced
    restarts: bool = False  # the server is killed and started again when the load is ready for it
    starts: bool = False    # how long ours takes to start; `load` is the number of sessions in its store
    fresh: bool = False     # a server of its own for each measurement
    tls: bool = False
    rounds_max: int = 99

    def bar_text(self):
        return "; ".join(bar.text() for bar in self.bars) or "reported"


RELAYS = ("node-ws", "peerjs", "socketio", "mosquitto", "nats")
QUICK = ("--pairs", 4, "--warm-up", 0, "--seconds", 0.1)


def routed(name, title, kind, size, burst, bars, peers=("floor", *RELAYS)):
    return Row(
        name=name, title=title, unit="us of server CPU per message", figure="cpu_us",
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
        peers=(), itself=("with-100", ("--idle", 100)), bars=(Bar(1.1, ("with-100",)),)),
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
        itself=("without", ("--streams", 0)), bars=(Bar(1.5, ("without",)),)),
    Row(name="return", title="10,000 clients back after a restart", unit="us of server CPU per client", figure="cpu_us",
        load=("return", "--idle", 10000, "--members", 10), quick=("--idle", 20), peers=("floor-signed",),
        bars=(Bar(1.5, ("floor-signed",)),), restarts=True),
    Row(name="start", title="from the start to ready with 100,000 stored sessions, and with 100", unit="ms",
        figure="start_ms", load=(100000,), quick=(200,), peers=(), itself=("with-100", (100,)),
        bars=(Bar(1.5, ("with-100",)),), starts=True),
)
