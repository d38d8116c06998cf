"""Runs the rows: in each round every server once, in turn, so that what disturbs the machine disturbs all alike."""

import json
import statistics
import subprocess
import time

from paths import LOAD, LOAD_CORE, pin

LOAD_S_MAX = 300
SESSIONS_PER_PAIR = 200  # below limits.sessions_max
SESSIONS_AT_ONCE = 100000


class RowFailed(Exception):
    """Why a row has no figures; the others may have theirs."""


def fill(server, sessions):
    """Made through the protocol, a part in each life of the relay: what is joined, or was a moment ago, is in its memory, too, which has
    a limit."""
    per_pair = min(sessions, SESSIONS_PER_PAIR)
    while sessions > 0:
        now = min(sessions, SESSIONS_AT_ONCE)
        load(server, ("route", "--pairs", now // per_pair, "--sessions", per_pair, "--dialling", 512, "--warm-up", 0, "--seconds",
                      0.1, "--size", 100))
        sessions -= now
        if sessions > 0:
            server.restart()


def beside_stored(kind, sessions, quick):
    """Of a relay that has so many sessions in its store, was killed and started again: how long that took, and then what a
    routed offer and a durable write cost it."""
    server = kind().start()
    seconds = ("--warm-up", 0 if quick else 0.3, "--seconds", 0.1 if quick else 2)
    try:
        fill(server, sessions)
        server.kill()
        begin = time.monotonic()
        server.start()
        start_ms = (time.monotonic() - begin) * 1000
        offers = load(server, ("route", "--pairs", 4 if quick else 100, *seconds))
        writes = load(server, ("route", "--streams", 16, "--in-flight", 64, "--size", 1000, *seconds))
        return {"start_ms": start_ms, "offer_us": offers["cpu_us"], "write_us": writes["cpu_us"]}
    finally:
        server.stop()


class Pool:
    """Servers that are started when a row first needs them and then stay, and what was measured in this round."""

    def __init__(self, kinds, certificate, quick):
        self.kinds = {kind.name: kind for kind in kinds}
        self.certificate = certificate
        self.quick = quick  # then no server is fresh: starting them takes most of the time
        self.running = {}
        self.measured = {}

    def start(self, row, name):
        return self.kinds[name](self.certificate if row.tls else None).start()

    def get(self, row, name):
        key = name, row.tls
        if key not in self.running:
            self.running[key] = self.start(row, name)
        return self.running[key]

    def once(self, row, name, arguments):
        """In a server that has nothing else to do in its life."""
        server = self.start(row, name)
        try:
            return load_and_restart(server, arguments) if row.restarts else load(server, arguments)
        finally:
            server.stop()

    def run(self, row, name, arguments, number):
        """Two rows may ask for two figures of the same measurement."""
        arguments = (*arguments, *(("--tls",) if row.tls else ()))
        key = name, arguments, row.half_of_peak, row.by, number
        if key not in self.measured:
            if row.by:
                self.measured[key] = row.by(self.quick)
            elif row.starts:
                self.measured[key] = beside_stored(self.kinds[name], *arguments, self.quick)
            elif row.restarts or (row.fresh and not self.quick):
                self.measured[key] = self.once(row, name, arguments)
            elif row.half_of_peak:
                server = self.get(row, name)
                peak = load(server, arguments)["per_second"]
                self.measured[key] = load(server, (*arguments, "--rate", peak / 2))
            else:
                self.measured[key] = load(self.get(row, name), arguments)
        return self.measured[key]

    def close(self):
        while self.running:
            self.running.popitem()[1].stop()


def command_of(server, arguments):
    return [str(LOAD), *arguments[:1], "--adapter", server.adapter, "--port", str(server.port), "--pid", str(server.pid),
            *map(str, arguments[1:])]


def load(server, arguments):
    command = command_of(server, arguments)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=LOAD_S_MAX, preexec_fn=pin(LOAD_CORE), start_new_session=True, check=False)
    if done.returncode != 0:
        log = server.log.read_text(errors="replace").splitlines()[-20:]
        raise RowFailed("\n".join([" ".join(map(str, command)), done.stderr, f"{server.name} says:", *log]))
    return json.loads(done.stdout)


def load_and_restart(server, arguments):
    """The server is restarted when the load says that it is ready for that."""
    command = command_of(server, arguments)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=pin(LOAD_CORE),
                          start_new_session=True) as child:
        if child.stdout.readline().strip() != "ready":
            raise RowFailed(f"{' '.join(command)}: did not get ready")
        server.restart()
        out, _ = child.communicate(f"{server.pid}\n", timeout=LOAD_S_MAX)
    if child.returncode != 0:
        raise RowFailed(f"{' '.join(command)}: ended with {child.returncode}")
    return json.loads(out)


class Result:
    """What a row came to: per server, a figure of each round."""

    def __init__(self, row):
        self.row = row
        self.figures = {}

    def add(self, name, figure):
        self.figures.setdefault(name, []).append(figure)

    def median(self, name):
        return statistics.median(self.figures[name])

    def spread(self, name):
        """From the smallest to the largest, as a share of the median."""
        values = self.figures[name]
        return (max(values) - min(values)) / (self.median(name) or 1)

    def peers(self):
        return [name for name in self.figures if name != "ours"]

    def ratio(self, name):
        return self.median("ours") / self.median(name)

    def ok(self):
        """None when the row has no bar."""
        verdicts = [bar.met(self) for bar in self.row.bars]
        return all(verdicts) if verdicts else None

    def as_json(self):
        return {
            "row": self.row.name,
            "ours": self.median("ours"),
            "peer": {name: self.median(name) for name in self.peers()},
            "ratio": {name: round(self.ratio(name), 4) for name in self.peers()},
            "bar": self.row.bar_text(),
            "ok": self.ok(),
            "unit": self.row.unit,
            "spread": {name: round(self.spread(name), 4) for name in self.figures},
        }


def measure(row, pool, extra_peers, rounds, quick):
    result = Result(row)
    arguments = (*row.load, *(row.quick if quick else ()))
    if row.starts:
        arguments = row.quick if quick else row.load
    for number in range(min(rounds, row.rounds_max)):
        for name in ("ours", *row.peers, *extra_peers):
            result.add(name, pool.run(row, name, arguments, number)[row.figure])
        for name, further in row.quick_itself if quick and row.quick_itself else row.itself:
            changed = further if row.starts else (*arguments, *further)
            result.add(name, pool.run(row, "ours", changed, number)[row.figure])
    return result
