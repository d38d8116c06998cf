"""The unit tests of the parts with threads, on the thread sanitizer's build, for tests/thread/run."""

import os
import shutil
import sys

import unit
from build import BUILD, BuildError, thread_folder
from report import Report

# Programs without threads of ours are left out: they would only cost time.
TESTS = ("transport_", "loop_libevent", "ws_lws_", "store_", "cli_", "app_relay", "app_streams")
# They look at texts and symbols, or at this library as it is installed: nothing runs.
NOT_RUN = ("transport_header", "transport_library", "transport_manual")
REPORTS = BUILD / "thread-sanitizer-reports"


def run(report, expression):
    folder = thread_folder()
    folder.configure(report)
    tests = [t for t in unit.tests_of(folder)
             if t["name"].startswith(TESTS) and t["name"] not in NOT_RUN and (expression or "") in t["name"]]
    if not tests:
        return
    folder.compile(report, folder.files_of({target for t in tests for target in t["depends"]}))
    # Reports go to files: of a program that a test runs, the test may not show, or look at, what it prints.
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir()
    # By default each program sleeps for a second at its end, so that its threads may still race: half of the minute that
    # transport_client_end has, which ends 24.
    options = f"log_path={REPORTS}/report:second_deadlock_stack=1:atexit_sleep_ms=100"
    unit.run_tests(report, folder, "thread", [t["name"] for t in tests], {"TSAN_OPTIONS": options})
    report.check("thread: no sanitizer report",
                 "\n".join(f.read_text(errors="replace") for f in sorted(REPORTS.iterdir())))


def main():
    report = Report()
    report.begin_stage()
    try:
        run(report, sys.argv[1])
    except BuildError as error:
        report.fail("thread: building", str(error))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
