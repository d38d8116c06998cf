"""The hostile cases, on the sanitizer build; as a stage of tests/run, or alone for tests/hostile/run."""

import os
import subprocess
import sys

from build import BUILD, REPOSITORY, SANITIZER_ENVIRONMENT, BuildError, tests_folder

SECONDS_MAX = 600


def start(report, expression, **options):
    folder = tests_folder()
    folder.compile(report)
    command = [sys.executable, "-u", "tests/hostile/main.py", *(["-k", expression] if expression else [])]
    environment = {**os.environ, "SYNCSHELL_BUILD_DIR": str(folder.path), "PYTHONDONTWRITEBYTECODE": "1",
                   "UBSAN_OPTIONS": SANITIZER_ENVIRONMENT["UBSAN_OPTIONS"]}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL, check=False, **options)


def run(report, expression):
    log = BUILD / "hostile.log"
    report.progress("hostile cases")
    with open(log, "wb") as out:
        try:
            status = start(report, expression, stdout=out, stderr=subprocess.STDOUT, timeout=SECONDS_MAX).returncode
        except subprocess.TimeoutExpired:
            status = f"time-out after {SECONDS_MAX} s"
    lines = log.read_text(errors="replace").splitlines()
    counted = count(report, lines)
    if status != 0 and not counted and not (expression and lines and lines[-1] == "0 passed, 0 failed"):
        report.fail(f"hostile: ended with {status}", "\n".join(lines[-50:]))


def count(report, lines):
    """Counts each case once; whether any failed."""
    failed = False
    for at, line in enumerate(lines):
        if line.startswith("ok   "):
            report.ok(f"hostile: {line[5:]}")
        elif line.startswith("FAIL "):
            failed = True
            text = lines[at + 1:]
            end = next((n for n, t in enumerate(text) if not t.startswith("     ")), len(text))
            report.fail(f"hostile: {line[5:]}", "\n".join(text[:end]))
    return failed


class Progress:
    def progress(self, text):
        print(text, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(start(Progress(), sys.argv[1]).returncode)
    except BuildError as error:
        print(f"{error}\n0 passed, 1 failed")
        sys.exit(1)
