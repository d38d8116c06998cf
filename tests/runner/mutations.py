"""That the known bugs of tests/mutations still fit the sources, and that a test of one leaves no process behind. Planting them takes
minutes: tests/mutations/run."""

import subprocess
import sys

from build import REPOSITORY


def run(report, expression):
    if expression is not None and expression not in "mutations":
        return
    report.progress("mutations: each still applies")
    check(report, "tests/mutations/run --check", ["tests/mutations/run", "--check"])
    check(report, "tests/mutations/run --help", ["tests/mutations/run", "--help"])
    check(report, "nothing is left of a test",
          [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/mutations/test_process_tree.py"])


def check(report, name, command):
    done = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    report.check(f"mutations: {name}", "" if done.returncode == 0 else done.stdout.decode(errors="replace"))
