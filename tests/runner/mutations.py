"""That the known bugs of tests/mutations still fit the sources. Planting them takes minutes: tests/mutations/run."""

import subprocess

from build import REPOSITORY


def run(report, expression):
    if expression is not None and expression not in "mutations":
        return
    report.progress("mutations: each still applies")
    for argument in ("--check", "--help"):
        done = subprocess.run(["tests/mutations/run", argument], cwd=REPOSITORY, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        report.check(f"mutations: tests/mutations/run {argument}",
                     "" if done.returncode == 0 else done.stdout.decode(errors="replace"))
