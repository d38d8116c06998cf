"""pytest on the programs of the sanitizer build.

What a sanitizer finds in one of those programs goes to a file, and any such file is a failure, whatever the test that
ran the program made of it.
"""

import os
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree

from build import BUILD, REPOSITORY, SANITIZER_ENVIRONMENT, tests_folder

NOTHING_SELECTED = 5  # pytest's exit status


def run(report, stage, tests, expression, *, processes, seconds_max, environment=None, arguments=()):
    """Builds, and runs the tests of a folder; False when the expression selected none."""
    folder = tests_folder()
    folder.compile(report)
    report.progress(f"{stage} tests")
    results = BUILD / f"{stage}.xml"
    results.unlink(missing_ok=True)
    log = BUILD / f"{stage}.log"
    sanitizer_reports = BUILD / f"{stage}-sanitizer-reports"
    command = [sys.executable, "-m", "pytest", tests, "-q", "--tb=short", "-p", "no:cacheprovider",
               "-n", str(processes), f"--junitxml={results}", *(["-k", expression] if expression else []), *arguments]
    shutil.rmtree(sanitizer_reports, ignore_errors=True)
    sanitizer_reports.mkdir()
    log_path = f"log_path={sanitizer_reports}/report"
    environment = {
        **os.environ,
        "ASAN_OPTIONS": log_path,
        "UBSAN_OPTIONS": f"{SANITIZER_ENVIRONMENT['UBSAN_OPTIONS']}:{log_path}",
        "SYNCSHELL_BUILD_DIR": str(folder.path),
        "SYNCSHELL_RELAY_BIN": str(folder.path / "relay/app/syncshell-relay"),
        "SYNCSHELL_BIN": str(folder.path / "shared/cli/syncshell"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **(environment or {}),
    }
    status = run_with_progress(report, stage, command, environment, log, seconds_max)
    if status == NOTHING_SELECTED and expression:
        return False
    found = [f.read_text(errors="replace") for f in sorted(sanitizer_reports.iterdir())]
    report.check(f"{stage}: no sanitizer report", "\n".join(found))
    failed = count_results(report, stage, results) if results.exists() else 0
    if status != 0 and failed == 0:
        report.fail(f"{stage}: pytest ended with status {status}", log.read_text(errors="replace"))
    return True


def run_with_progress(report, stage, command, environment, log, seconds_max):
    """Runs pytest with its output in a file, telling now and then that it still runs; returns its exit status."""
    # In the background of a script SIGINT is ignored, and the programs that tests start and interrupt would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(log, "wb") as out, subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL,
                                                  stdout=out, stderr=subprocess.STDOUT) as pytest:
        for waited in range(0, seconds_max, 30):
            try:
                return pytest.wait(timeout=30)
            except subprocess.TimeoutExpired:
                report.progress(f"{stage} tests: {waited + 30} s, {log.relative_to(REPOSITORY)} has the details")
        pytest.kill()
        pytest.wait()
        return f"time-out after {seconds_max} s"


def count_results(report, stage, results):
    """Counts each test once; returns how many failed."""
    failed = 0
    for case in xml.etree.ElementTree.parse(results).getroot().iter("testcase"):
        name = f"{stage}: {case.get('classname')}::{case.get('name')}"
        problems = [child for child in case if child.tag in ("failure", "error", "skipped")]
        if not problems:
            report.ok(name)
            continue
        failed += 1
        suffix = " (skipped)" if problems[0].tag == "skipped" else ""
        report.fail(name + suffix, "\n".join(p.text or p.get("message") or "" for p in problems))
    return failed
