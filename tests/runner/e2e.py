"""The end-to-end tests: pytest on the programs of the sanitizer build.

What a sanitizer finds in one of those programs goes to a file, and any such file is a failure, whatever the test that
ran the program made of it.
"""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import javascript
from build import BUILD, REPOSITORY, SANITIZER_ENVIRONMENT, tests_folder

SANITIZER_REPORTS = BUILD / "e2e-sanitizer-reports"
TESTS = REPOSITORY / "tests/e2e"
UNUSED_SCHEMAS = BUILD / "e2e-unused-schemas"
SECONDS_MAX = 1200
PROCESSES = 4  # tests wait for events more than they compute
NOTHING_SELECTED = 5  # pytest's exit status


def run(report, expression):
    if not TESTS.is_dir():
        return
    folder = tests_folder()
    folder.compile(report)
    javascript.install(report)
    report.progress("end-to-end tests")
    results = BUILD / "e2e.xml"
    for old in (results, UNUSED_SCHEMAS):
        old.unlink(missing_ok=True)
    log = BUILD / "e2e.log"
    command = [sys.executable, "-m", "pytest", TESTS, "-q", "--tb=short", "-p", "no:cacheprovider",
               "-n", str(PROCESSES), f"--junitxml={results}", *(["-k", expression] if expression else [])]
    shutil.rmtree(SANITIZER_REPORTS, ignore_errors=True)
    SANITIZER_REPORTS.mkdir()
    log_path = f"log_path={SANITIZER_REPORTS}/report"
    environment = {
        **os.environ,
        "ASAN_OPTIONS": log_path,
        "UBSAN_OPTIONS": f"{SANITIZER_ENVIRONMENT['UBSAN_OPTIONS']}:{log_path}",
        "SYNCSHELL_BUILD_DIR": str(folder.path),
        "SYNCSHELL_RELAY_BIN": str(folder.path / "relay/app/syncshell-relay"),
        "SYNCSHELL_BIN": str(folder.path / "shared/cli/syncshell"),
        "SYNCSHELL_UNUSED_SCHEMAS": str(UNUSED_SCHEMAS),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    status = run_with_progress(report, command, environment, log)
    if status == NOTHING_SELECTED and expression:
        return
    found = [f.read_text(errors="replace") for f in sorted(SANITIZER_REPORTS.iterdir())]
    report.check("e2e: no sanitizer report", "\n".join(found))
    if not expression:
        unused = UNUSED_SCHEMAS.read_text() if UNUSED_SCHEMAS.exists() else "nothing was recorded"
        report.check("e2e: every schema was used", unused)
    failed = count_results(report, results) if results.exists() else 0
    if status != 0 and failed == 0:
        report.fail(f"e2e: pytest ended with status {status}", log.read_text(errors="replace"))


def run_with_progress(report, command, environment, log):
    """Runs pytest with its output in a file, telling now and then that it still runs; returns its exit status."""
    with open(log, "wb") as out, subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL,
                                                  stdout=out, stderr=subprocess.STDOUT) as pytest:
        for waited in range(0, SECONDS_MAX, 30):
            try:
                return pytest.wait(timeout=30)
            except subprocess.TimeoutExpired:
                report.progress(f"end-to-end tests: {waited + 30} s, {log.relative_to(REPOSITORY)} has the details")
        pytest.kill()
        pytest.wait()
        return f"time-out after {SECONDS_MAX} s"


def count_results(report, results):
    """Counts each test once; returns how many failed."""
    failed = 0
    for case in xml.etree.ElementTree.parse(results).getroot().iter("testcase"):
        name = f"e2e: {case.get('classname')}::{case.get('name')}"
        problems = [child for child in case if child.tag in ("failure", "error", "skipped")]
        if not problems:
            report.ok(name)
            continue
        failed += 1
        suffix = " (skipped)" if problems[0].tag == "skipped" else ""
        report.fail(name + suffix, "\n".join(p.text or p.get("message") or "" for p in problems))
    return failed
