"""That the benchmark runs: every row, tiny, on the sanitizer build, with the floor once more as a server from outside.

Its figures mean nothing here and are not looked at."""

import json
import os
import subprocess
import sys

from build import BUILD, REPOSITORY, tests_folder

SECONDS_MAX = 300  # the first time it installs packages
KEYS = {"row", "ours", "peer", "ratio", "bar", "ok"}
# Below, a build is named; who runs the command by hand names none, and must get one.
BUILDS_ITSELF = "import sys, main, prepare; sys.exit(prepare.GIVEN_BUILD is not None)"


def run(report, expression):
    if expression and expression not in "bench":
        return
    folder = tests_folder()
    folder.compile(report)
    report.progress("bench: every row, tiny")
    rows = BUILD / "bench.jsonl"
    rows.unlink(missing_ok=True)
    try:
        result = bench(folder, "--quick", "--json", rows, "--peer", f"again={folder.path}/tests/bench/bench-floor")
    except subprocess.TimeoutExpired as late:
        report.fail("bench: runs", f"not done after {SECONDS_MAX} s\n{late.stdout or ''}")
        return
    report.check("bench: builds what it measures when no build is named", unnamed())
    report.check("bench: runs", result.stdout if result.returncode else "")
    report.check("bench: writes a row for each", faults(folder, rows))


def bench(folder, *arguments):
    return subprocess.run(
        [REPOSITORY / "tests/bench/run", *arguments], env={**os.environ, "SYNCSHELL_BUILD_DIR": str(folder.path)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS_MAX,
        check=False)


def unnamed():
    environment = {name: value for name, value in os.environ.items() if name != "SYNCSHELL_BUILD_DIR"}
    result = subprocess.run([sys.executable, "-c", BUILDS_ITSELF], cwd=REPOSITORY / "tests/bench/suite",
                            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, check=False)
    return result.stdout or "it takes another build than its own" if result.returncode else ""


def faults(folder, file):
    if not file.exists():
        return "nothing was written"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    listed = [line.split()[0] for line in bench(folder, "--list").stdout.splitlines()]
    found = [f"{row}: not {sorted(KEYS)}" for row in rows if not KEYS <= set(row)]
    found += [f"{row['row']}: {row}" for row in rows if not row["ours"] >= 0 or row["peer"].keys() != row["ratio"].keys()]
    if [row["row"] for row in rows] != listed:
        found.append(f"rows: {[row['row'] for row in rows]}, listed: {listed}")
    if not any("again" in row["peer"] for row in rows):
        found.append("the server of --peer is nowhere")
    return "\n".join(found)
