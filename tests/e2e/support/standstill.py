"""When the machine itself stood still: a virtual one whose host had no time for it, a suspended one, one that is overloaded. What a relay
is to do within some time it cannot do in that time, and a test that looks at a clock leaves it out."""

import os
import threading
import time

STEP_S = 0.02
ANSWER_S = 60  # for a thread of it that hangs
LATE_S = 0.1  # less than that is the scheduler's usual business


class Standstill:
    """On each processor a thread that does nothing but wake up, for as long as this is open. They compute nothing: a relay that
    takes all processors for itself does not keep them from it."""

    def __init__(self):
        self.gaps = []  # (from, to), of all processors
        self.seen = {}  # when each last looked
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.watch, args=(cpu,), daemon=True) for cpu in sorted(os.sched_getaffinity(0))]
        for thread in self.threads:
            thread.start()

    def watch(self, cpu):
        os.sched_setaffinity(0, {cpu})  # this thread's
        due = time.monotonic() + STEP_S
        self.seen[cpu] = due - STEP_S
        while not self.over.wait(STEP_S):
            now = time.monotonic()
            if now - due > LATE_S:
                self.gaps.append((due, now))
            self.seen[cpu] = now
            due = now + STEP_S

    def within(self, began, ended):
        """Seconds of this time in which some processor stood still."""
        limit = time.monotonic() + ANSWER_S
        while len(self.seen) < len(self.threads) or min(self.seen.values()) < ended:
            assert time.monotonic() < limit, "a processor stands still"
            time.sleep(STEP_S)
        total, reached = 0.0, began
        for start, end in sorted(self.gaps):
            start, end = max(start, reached), min(end, ended)
            total += max(0.0, end - start)
            reached = max(reached, end)
        return total

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def seconds_since(self, began):
        """Without those in which it stood still."""
        now = time.monotonic()
        return now - began - self.within(began, now)

    def close(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
