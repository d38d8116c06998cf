"""Waiting for events, never for time: each wait ends with its event, or fails the test after a generous limit."""

import threading
import time

LIMIT_S = 60.0
LIMITS_MAX = 5  # so many limits, if something comes all the time and never what is waited for


class Log:
    """An append-only list of dicts that threads fill and tests wait on. A wait starts where the test says, so nothing that
    came early is missed and nothing is taken twice by accident."""

    def __init__(self, name):
        self.name = name
        self.entries = []
        self.changed = threading.Condition()
        self.ended = False

    def append(self, entry):
        with self.changed:
            self.entries.append(entry)
            self.changed.notify_all()

    def end(self):
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def mark(self):
        """The position from which later entries are new."""
        with self.changed:
            return len(self.entries)

    def all(self, since=0, until=None, **wanted):
        with self.changed:
            return [e for e in self.entries[since:until] if matches(e, wanted)]

    def wait(self, since=0, limit_s=LIMIT_S, where=None, **wanted):
        """The first entry at or after `since` with these values (and for which `where` is true). The limit is for a log to which
        nothing is added: what comes shows that it goes on."""
        position = since
        end = time.monotonic() + LIMITS_MAX * limit_s
        with self.changed:
            while True:
                while position < len(self.entries):
                    entry = self.entries[position]
                    position += 1
                    if matches(entry, wanted) and (where is None or where(entry)):
                        return entry
                if self.ended:
                    raise AssertionError(f"{self.name} ended without {wanted}; last: {self.entries[-8:]}")
                if time.monotonic() > end or not self.changed.wait(limit_s):
                    raise AssertionError(f"{self.name}: no {wanted} in {limit_s} s; last: {self.entries[-8:]}")


def nth(n):
    """For `where`: the n-th entry that matches otherwise."""
    left = iter(range(n - 1, -1, -1))
    return lambda _entry: next(left) == 0


def matches(entry, wanted):
    return all(entry.get(key) == value for key, value in wanted.items())
