"""Drops in the middle of real transfers, and what is measured of them. tests/e2e/report prints it.

One relay, one member that shares and one that fetches, each on a host of its own. For each drop a fresh folder is fetched; at a
random moment of the transfer the victim is killed with SIGKILL, or the path is cut; the victim is started again at once.
Whatever happens then, happens by itself."""

import shutil
import statistics
import time

from . import folders
from .stage import Stage

N_FILES = 100
FILE_BYTES = 120_000
RATE_BYTES = 5_000_000  # a second: slow enough for a drop to fall where it is meant to
GIVEN_UP_S = 120

# What is killed, or cut, in turn. "relay" kills the fetching side with it: a link that is up needs no relay.
KINDS = ("fetcher", "sharer", "path", "relay")


class Missed(Exception):
    """The transfer was over before the drop: no drop."""


class DropStage(Stage):
    """What lives longer than one drop."""

    def __init__(self, folder, sharing, fetching, seed):
        super().__init__(folder, sharing, fetching)
        self.limit(RATE_BYTES)
        self.fill(N_FILES, FILE_BYTES, seed)
        self.wanted = self.sharer.hashes()
        self.wanted_bytes = self.total_bytes
        self.sharing = self.share()
        self.sharing.events.wait(event="relay_connected")

    def restart_sharer(self):
        self.sharing = self.share()


class Drop:
    """One drop, from the start of its transfer to the comparison of the folders."""

    def __init__(self, stage, kind, progress, folder):
        self.stage = stage
        self.kind = kind
        self.progress = progress
        self.folder = folder
        self.lives = []
        self.on_disk_bytes = self.resent_bytes = self.reconnect_ms = None

    def run(self):
        """Its result as an object for JSON."""
        self.folder.mkdir()
        problem = None
        try:
            self.start_fetching()
            self.reach_progress()
            began, life, mark = getattr(self, f"drop_{self.kind}")()
            up = life.events.wait(since=mark, limit_s=GIVEN_UP_S, event="link", state="up")
            self.reconnect_ms = round((up["at"] - began) * 1000)
            self.finish(life)
        except AssertionError as error:
            problem = str(error)[:1000]
        finally:
            for life in self.lives:
                life.stop()
        manual = sum(len(life.events.all(event="manual_recovery")) for life in self.lives)
        equal = folders.hashes(self.folder) == self.stage.wanted
        shutil.rmtree(self.folder)
        return {
            "kind": self.kind, "planned_percent": round(self.progress * 100, 1), "automatic": not problem and not manual,
            "manual_events": manual, "hashes_equal": equal, "reconnect_ms": self.reconnect_ms,
            "on_disk_bytes": self.on_disk_bytes, "resent_bytes": self.resent_bytes, "total_bytes": self.stage.wanted_bytes,
            **({"problem": problem} if problem else {}),
        }

    def start_fetching(self):
        life = self.stage.fetcher.fetch(folder=self.folder)
        self.lives.append(life)
        return life

    def reach_progress(self):
        self.stage.arrived(self.lives[0], int(self.progress * 100))

    # ---- each returns (when the victim was started again, or cut; the process that reconnects; its events from then on) ----

    def drop_fetcher(self):
        self.lives[0].kill()
        return self.restart_fetcher()

    def drop_relay(self):
        self.stage.relay.kill()
        self.lives[0].kill()
        began = time.monotonic()
        self.stage.relay.start()
        return (began, *self.restart_fetcher()[1:])

    def drop_sharer(self):
        self.stage.sharing.kill()
        mark = self.lives[0].events.mark()
        self.count_on_disk()
        began = time.monotonic()
        self.stage.restart_sharer()
        return began, self.lives[0], mark

    def drop_path(self):
        mark = self.lives[0].events.mark()
        began = time.monotonic()
        self.stage.network.forget_flows()
        self.count_on_disk()
        return began, self.lives[0], mark

    def restart_fetcher(self):
        self.count_on_disk()
        began = time.monotonic()
        return began, self.start_fetching(), 0

    def count_on_disk(self):
        if self.lives[0].events.all(event="complete"):
            raise Missed
        self.on_disk_bytes = folders.on_disk_bytes(self.folder)

    # ---- the end ----

    def finish(self, life):
        complete = life.events.wait(limit_s=GIVEN_UP_S, event="complete")
        status = life.wait()
        assert status == 0, f"the fetching side ended with {status}: {life.errors[-3:]}"
        # A second process needs what was not on the disk; the same process has taken everything once.
        needed = self.stage.wanted_bytes - (self.on_disk_bytes if len(self.lives) > 1 else 0)
        self.resent_bytes = max(0, complete["bytesReceived"] - needed)


def percent(part, whole):
    return round(100 * part / whole, 2) if whole else None


def summary(results):
    """The figures of the report over these drops."""
    times = sorted(r["reconnect_ms"] for r in results if r["reconnect_ms"] is not None)
    counted = [r for r in results if r["resent_bytes"] is not None]
    on_disk = sum(r["on_disk_bytes"] for r in counted)
    resent = sum(min(r["resent_bytes"], r["on_disk_bytes"]) for r in counted)
    return {
        "automatic_percent": percent(sum(r["automatic"] for r in results), len(results)),
        "median_ms": round(statistics.median(times)) if times else None,
        "p95_ms": times[max(0, -(-len(times) * 95 // 100) - 1)] if times else None,
        "bytes_saved_percent": percent(on_disk - resent, on_disk),
        "manual_percent": percent(sum(r["manual_events"] > 0 for r in results), len(results)),
    }
