"""How much of the relay's core, the wire and the client engine the tests reach. tests/coverage/run --help explains."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "tests/runner")]

from build import BUILD, BuildError, coverage_folder  # noqa: E402
from report import Report  # noqa: E402
import unit  # noqa: E402

HELP = """\
Builds with coverage into build/coverage, runs the unit tests, the simulation and the hostile cases, and prints what share of lines and
branches of the relay's core, the wire and the client engine they reach, folder by folder, and the files that are below the bar.
Assertions count neither as lines nor as branches: their other way is never to be taken. Ends in "N passed, N failed": one for the lines
and one for the branches of each folder. build/coverage/report/index.html shows each line.
"""
FOLDERS = ("relay/core", "shared/wire", "shared/client", "shared/base")
BAR_PERCENT = 95
SIM_SEEDS = 2000


def run_tests(report, folder):
    for stale in folder.path.rglob("*.gcda"):
        stale.unlink()
    unit.run_tests(report, folder, "unit", [t["name"] for t in unit.tests_of(folder)], {})
    others = {"simulation": [folder.path / "tests/sim/sim", "--seeds", str(SIM_SEEDS)],
              "hostile cases": [sys.executable, REPOSITORY / "tests/hostile/main.py"]}
    for name, command in others.items():
        report.progress(name)
        done = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", env={**os.environ, "SYNCSHELL_BUILD_DIR": str(folder.path)}, check=False)
        report.check(name, "" if done.returncode == 0 else done.stdout[-4000:])


def measure():
    """{folder: {file: gcovr's figures}}."""
    report = BUILD / "coverage" / "report"
    report.mkdir(exist_ok=True)
    filters = [word for folder in FOLDERS for word in ("--filter", f"{folder}/")]
    subprocess.run(["gcovr", "--root", REPOSITORY, BUILD / "coverage", *filters, "--exclude-lines-by-pattern", r"\s*assert\(.*",
                    "--json-summary", report / "summary.json", "--html-details", report / "index.html"], cwd=REPOSITORY, check=True)
    files = json.loads((report / "summary.json").read_text())["files"]
    return {folder: {f["filename"]: f for f in files if f["filename"].startswith(folder + "/")} for folder in FOLDERS}


def show(figures):
    """The table; how many passed and failed."""
    passed = failed = 0
    for folder, files in figures.items():
        shares = []
        for what in ("line", "branch"):
            total = sum(f[f"{what}_total"] for f in files.values())
            percent = 100 * sum(f[f"{what}_covered"] for f in files.values()) / total
            passed, failed = (passed + 1, failed) if percent >= BAR_PERCENT else (passed, failed + 1)
            shares.append(f"{percent:5.1f} % of {total:5} {'lines' if what == 'line' else 'branches'}")
        print(f"{folder:15} {', '.join(shares)}")
    for files in figures.values():
        for name, f in files.items():
            if f["branch_total"] and 100 * f["branch_covered"] / f["branch_total"] < BAR_PERCENT:
                print(f"    {name}: {f['branch_total'] - f['branch_covered']} of {f['branch_total']} branches are not taken")
    return passed, failed


def main():
    options = argparse.ArgumentParser(prog="tests/coverage/run", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.parse_args()
    report, folder = Report(), coverage_folder()
    try:
        folder.compile(report)
    except BuildError as error:
        print(f"{error}\n0 passed, 1 failed")
        return 1
    run_tests(report, folder)
    passed, failed = show(measure())
    for name in report.failures:
        print(f"FAILED {name}")
    print(f"{passed} passed, {failed + len(report.failures)} failed")
    return 1 if failed or report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
