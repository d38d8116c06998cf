"""Plays the scenarios of tests/README.md with real peers in network namespaces (as root), several at once.

Builds into build/tests, unless SYNCSHELL_BUILD_DIR names other programs. Ends in "N passed, N failed"; exit status 0 only if all passed."""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

E2E = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(E2E.parent / "runner"), str(E2E)]
import programs  # noqa: E402
from scenarios import SCENARIOS, run  # noqa: E402
from support.transfer import IMPLEMENTATIONS  # noqa: E402


def parse():
    options = argparse.ArgumentParser(prog="tests/e2e/scenarios/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pair", action="append", metavar="A-B",
                         help=f"what shares and what fetches: {', '.join(IMPLEMENTATIONS)}; may be repeated (default: all pairs)")
    options.add_argument("--only", action="append", metavar="NAME", choices=SCENARIOS, help="may be repeated")
    options.add_argument("--long", action="store_true", help="also those of more than 1 GB")
    options.add_argument("--jobs", type=int, default=4, metavar="N", help="how many at once (default: 4)")
    options.add_argument("--list", action="store_true", help="say what there is")
    given = options.parse_args()
    everything = [f"{a}-{b}" for a in IMPLEMENTATIONS for b in IMPLEMENTATIONS]
    for pair in given.pair or ():
        if pair not in everything:
            options.error(f"no such pair: {pair}")
    given.pair = given.pair or everything
    return given


def play(scenario, pair):
    began = time.monotonic()
    problem = run(scenario.name, *pair.split("-"))
    print(f"{'FAILED' if problem else 'ok':7}{pair:20}{scenario.name} ({time.monotonic() - began:.0f} s)", flush=True)
    if problem:
        print(problem, flush=True)
    return not problem


def main():
    given = parse()
    chosen = [s for s in SCENARIOS.values() if s.name in (given.only or SCENARIOS) and (given.long or given.only or not s.long)]
    if given.list:
        for scenario in chosen:
            print(f"{scenario.name:40}{scenario.title}")
        return 0
    programs.build()
    programs.install_peers()
    chosen.sort(key=lambda s: not s.slow)
    with ThreadPoolExecutor(given.jobs) as pool:
        results = list(pool.map(lambda job: play(*job), [(s, pair) for pair in given.pair for s in chosen]))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
