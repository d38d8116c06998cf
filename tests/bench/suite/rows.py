"""The rows: what is measured, against whom, and the bar."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bar:
    """What ours may be at most, or must be at least, as a multiple of each of these peers."""

    limit: float
    peers: tuple
    at_least: bool = False

    def text(self):
        return f"{'>=' if self.at_least else '<='} {self.limit:.3g} x {', '.join(self.peers)}"

    def met(self, ratio):
        return ratio >= self.limit if self.at_least else ratio <= self.limit


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    unit: str
    figure: str      # of what the load generator prints
    load: tuple      # its arguments
    peers: tuple
    bars: tuple
    quick: tuple = field(default=())  # arguments that make it tiny

    def bar_text(self):
        return "; ".join(bar.text() for bar in self.bars) or "reported"


def routed(name, title, kind, size, burst, bars):
    return Row(
        name=name, title=title, unit="us of server CPU per message", figure="cpu_us",
        load=("route", "--message", kind, "--size", size, "--burst", burst, "--pairs", 100, "--warm-up", 0.3,
              "--seconds", 2),
        quick=("--pairs", 4, "--warm-up", 0, "--seconds", 0.1),
        peers=("floor", "node-ws"), bars=bars)


ROWS = (
    routed("offer", "routed 2.5 KB sealed offer, 100 pairs, one in flight", "offer", 2500, 1,
           (Bar(1.4, ("floor",)), Bar(1 / 3, ("node-ws",)))),
    routed("offer-bursts", "routed 2.5 KB sealed offers in bursts of eight to one peer", "offer", 2500, 8,
           (Bar(2.5, ("floor",)), Bar(1 / 6, ("node-ws",)))),
    routed("candidate", "routed 300 B candidate, one in flight", "candidate", 300, 1, (Bar(1.5, ("floor",)),)),
    routed("candidate-bursts", "routed 300 B candidates in bursts of eight", "candidate", 300, 8,
           (Bar(3, ("floor",)),)),
)
