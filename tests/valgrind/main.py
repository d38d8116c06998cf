"""Runs whole recoveries with every program in valgrind. tests/valgrind/run --help explains."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "runner"))

import pytests  # noqa: E402
from build import BUILD, BuildError, BuildFolder  # noqa: E402
from report import Report  # noqa: E402

HELP = """\
Builds without sanitizers into build/valgrind and runs a test of tests/e2e/test_recovery.py with the relay and both clients in valgrind: a
transfer whose relay and fetching side are killed in the middle, over plain sockets and TLS. No program may use memory wrongly, leak
any, or end with a descriptor that it has opened. Ends in "N passed, N failed": the tests, and each process that came to its end by itself
(one that was killed has no last word). Not part of tests/run: it has a build of its own.
"""
PROGRAMS = {"SYNCSHELL_RELAY_BIN": "relay/app/syncshell-relay", "SYNCSHELL_BIN": "shared/cli/syncshell"}
TESTS = "test_relay_and_joiner_killed"
LIMIT_S = 600
OPTIONS = ["--quiet", "--leak-check=full", "--show-leak-kinds=definite,indirect,possible", "--track-fds=yes", "--trace-children=no",
           f"--suppressions={HERE / 'suppressions'}"]
LOGS = BUILD / "valgrind-logs"

STANDARD = re.compile(r"Open file descriptor [012]:")
OPEN = re.compile(r"^==\d+== Open ")
EMPTY = re.compile(r"^==\d+==\s*$")
INHERITED = "<inherited from parent>"


def wrapped(folder):
    """The programs' environment: each name stands for a script that starts the program in valgrind."""
    environment = {"SYNCSHELL_BUILD_DIR": str(folder.path)}
    for variable, program in PROGRAMS.items():
        script = LOGS / Path(program).name
        words = ["valgrind", *OPTIONS, f"--log-file={LOGS}/%p.log", str(folder.path / program)]
        script.write_text(f"#!/bin/sh\nexec {' '.join(words)} \"$@\"\n")
        script.chmod(0o755)
        environment[variable] = str(script)
    return environment


def faults(text):
    """What a log says beyond the descriptors that every program has, or was given."""
    lines, kept = text.splitlines(), []
    for line, following in zip(lines, [*lines[1:], ""]):
        given = OPEN.match(line) and (INHERITED in following or STANDARD.search(line))
        if not given and INHERITED not in line and not EMPTY.match(line) and "FILE DESCRIPTORS" not in line:
            kept.append(line)
    return "\n".join(kept)


def check_logs(report):
    logs = sorted(LOGS.glob("*.log"))
    ended = [log for log in logs if "FILE DESCRIPTORS" in log.read_text()]
    for log in logs:
        report.check(f"valgrind: process {log.stem}", faults(log.read_text()))
    report.check("valgrind: the relays and clients came to their ends", "" if len(ended) >= 3 else f"only {len(ended)} logs are whole")


def run(report):
    folder = BuildFolder("valgrind", ["--buildtype=debugoptimized"])
    folder.compile(report, list(PROGRAMS.values()))
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir()
    results, log = BUILD / "valgrind.xml", BUILD / "valgrind.log"
    results.unlink(missing_ok=True)
    report.progress("recoveries in valgrind")
    command = [sys.executable, "-m", "pytest", HERE.parent / "e2e" / "test_recovery.py", "-q", "--tb=short", "-p", "no:cacheprovider",
               "-k", TESTS, f"--junitxml={results}"]
    environment = {**os.environ, **wrapped(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    status = pytests.run_with_progress(report, "valgrind", command, environment, log, LIMIT_S)
    failed = pytests.count_results(report, "valgrind", results) if results.exists() else 0
    if status != 0 and failed == 0:
        report.fail(f"valgrind: pytest ended with status {status}", log.read_text(errors="replace"))
    check_logs(report)


def main():
    argparse.ArgumentParser(prog="tests/valgrind/run", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    report = Report()
    report.begin_stage()
    try:
        run(report)
    except BuildError as error:
        report.fail("valgrind: building", str(error))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
