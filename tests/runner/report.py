"""Counts results, tells what is going on, and shows details of failures only."""

import sys
import time

# More failures of one stage than this are named, not shown: they mostly have the same cause.
DETAILED_FAILURES_MAX = 20
DETAIL_LINES_MAX = 200


class Report:
    def __init__(self):
        self.passed = 0
        self.failures = []  # names
        self._started = time.monotonic()
        self._failures_before_stage = 0

    def begin_stage(self):
        self._failures_before_stage = len(self.failures)

    def progress(self, text):
        """One line about what happens now, with the seconds since the start."""
        print(f"[{time.monotonic() - self._started:4.0f} s] {text}", flush=True)

    def ok(self, _name):
        self.passed += 1

    def fail(self, name, details=""):
        self.failures.append(name)
        print(f"FAILED {name}", flush=True)
        if len(self.failures) - self._failures_before_stage > DETAILED_FAILURES_MAX:
            return
        lines = details.rstrip().splitlines()
        if len(lines) > DETAIL_LINES_MAX:  # the ends tell the most: the first error, and the last word
            half = DETAIL_LINES_MAX // 2
            lines = lines[:half] + [f"... {len(lines) - 2 * half} lines ..."] + lines[-half:]
        for line in lines:
            print(f"    {line}")
        sys.stdout.flush()

    def check(self, name, details):
        """A check that is in order when it found nothing to say."""
        if details:
            self.fail(name, details)
        else:
            self.ok(name)

    def close(self):
        """Prints the closing lines; returns the exit status."""
        if self.passed == 0 and not self.failures:
            self.fail("no test was run")
        if self.failures:
            self.progress("failed:")
            for name in self.failures:
                print(f"    {name}")
        else:
            self.progress("done")
        print(f"{self.passed} passed, {len(self.failures)} failed", flush=True)
        return 1 if self.failures else 0
