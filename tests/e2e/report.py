"""Drops real transfers and reports how they came back.

Runs a relay and pairs of peers in network namespaces (as root), drops N transfers at random moments between 0 and 99 %, and
prints how many recovered by themselves and how fast. What is dropped takes turns: the fetching peer is killed and started
again; the sharing peer is; the path between them is cut while the relay stays reachable; the relay and the fetching peer
are killed together. Time is from the victim's restart, or from the cut, to the open channel. Bytes saved: of the bytes that
were on the fetching side's disk at the drop, how many were not sent again.

A release is built into build/report and used, unless SYNCSHELL_BUILD_DIR names other programs. Exit status: 0; 1 when a file
differs at the end or a drop did not recover."""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
BUILD = REPOSITORY / "build" / "report"
FIGURES = (("automatic_percent", "recovered automatically", "%"), ("median_ms", "time to open channel, median", "ms"),
           ("p95_ms", "time to open channel, 95th percentile", "ms"), ("bytes_saved_percent", "bytes not sent twice", "%"),
           ("manual_percent", "manual recoveries", "%"))


def build_release():
    options = ["--buildtype=release", "-Dtests=false", "-Dsync=enabled", "-Dwerror=false"]
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["meson", "setup", BUILD, REPOSITORY, *options], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", BUILD], check=True, stdout=subprocess.DEVNULL)
    os.environ["SYNCSHELL_BUILD_DIR"] = str(BUILD)


def parse():
    options = argparse.ArgumentParser(prog="tests/e2e/report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--drops", type=int, default=40, metavar="N", help="how many (default: 40)")
    options.add_argument("--json", type=Path, metavar="FILE", help="where the figures go as JSON")
    options.add_argument("--pair", action="append", metavar="A-B",
                         help="what shares and what fetches: c, node, chromium; may be repeated (default: c-c)")
    options.add_argument("--seed", type=int, help="of the moments of the drops and of the files (default: random)")
    return options.parse_args()


def run_pair(pair, n_drops, chance, results):
    from support import drops
    sharing, fetching = pair.split("-")
    with tempfile.TemporaryDirectory(prefix="report-") as folder:
        stage = drops.DropStage(Path(folder), sharing, fetching, chance.random())
        try:
            for number in range(n_drops):
                result = run_drop(drops, stage, drops.KINDS[number % len(drops.KINDS)], chance, Path(folder))
                results.append({"pair": pair, **result})
                show_drop(len(results), results[-1])
        finally:
            findings = stage.stop()
            stage.close()
        return findings


def run_drop(drops, stage, kind, chance, folder):
    while True:
        try:
            return drops.Drop(stage, kind, chance.uniform(0, 0.99), folder / "fetched").run()
        except drops.Missed:
            print("  (over before the drop: again)", flush=True)


def show_drop(number, result):
    state = "automatic" if result["automatic"] else "MANUAL" if result["manual_events"] else "NOT RECOVERED"
    time = "-" if result["reconnect_ms"] is None else result["reconnect_ms"]
    print(f"{number:5} {result['pair']:10} {result['kind']:8} at {result['planned_percent']:4.1f} %  {time:>6} ms  "
          f"{state}{'' if result['hashes_equal'] else ', FILES DIFFER'} {result.get('problem', '')}", flush=True)


def show_table(groups):
    print(f"\n{'':22}{'drops':>6}{'automatic':>11}{'median':>10}{'p95':>10}{'saved':>9}{'manual':>9}")
    for name, (n_drops, figures) in groups.items():
        shown = ["-" if figures[key] is None else f"{figures[key]} {unit}" for key, _, unit in FIGURES]
        print(f"{name:22}{n_drops:6}{shown[0]:>11}{shown[1]:>10}{shown[2]:>10}{shown[3]:>9}{shown[4]:>9}")


def main():
    given = parse()
    if not os.environ.get("SYNCSHELL_BUILD_DIR"):
        build_release()
    sys.path[:0] = [str(HERE.parent / "runner"), str(HERE)]
    import programs
    from support import drops
    if given.pair:
        programs.install_peers()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**9)
    pairs = given.pair or ["c-c"]
    print(f"{given.drops} drops, seed {seed}", flush=True)
    results, findings = [], []
    for index, pair in enumerate(pairs):
        share = given.drops * (index + 1) // len(pairs) - given.drops * index // len(pairs)
        findings += run_pair(pair, share, random.Random(f"{seed} {pair}"), results)
    groups = {"all": results}
    for key in ("kind", "pair"):
        for value in dict.fromkeys(r[key] for r in results):
            groups[value] = [r for r in results if r[key] == value]
    groups = {name: (len(members), drops.summary(members)) for name, members in groups.items()}
    show_table(groups)
    overall = groups["all"][1]
    print()
    for key, text, unit in FIGURES:
        print(f"{text}: {'-' if overall[key] is None else overall[key]} {unit}")
    if given.json:
        details = {"seed": seed, "drops": len(results), "groups": {n: {"drops": c, **f} for n, (c, f) in groups.items()},
                   "each": results}
        given.json.write_text(json.dumps({**overall, "details": details}, indent=1) + "\n")
    for finding in findings:
        print(finding)
    return 0 if not findings and all(r["hashes_equal"] and r["reconnect_ms"] is not None for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
