"""Random kills under load, round after round, on the programs of SYNCSHELL_BUILD_DIR (default: build/tests,
which is built).

Ends in "N passed, N failed". Each round names its seed: --seed with --rounds 1 repeats its plan. The folder of a failed round
is kept, and named."""

import argparse
import collections
import random
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "runner"), str(HERE)]

import programs  # noqa: E402
from support.campaign import Round  # noqa: E402


def main():
    options = argparse.ArgumentParser(prog="tests/e2e/campaign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--seed", type=int, help="of the first round; the next ones count up. Default: random")
    options.add_argument("--seconds", type=float, default=20, help="of disturbance in each round")
    given = options.parse_args()
    programs.build()
    first = given.seed if given.seed is not None else random.SystemRandom().randrange(10**9)
    passed = failed = 0
    kills = collections.Counter()
    for seed in range(first, first + given.rounds):
        folder = Path(tempfile.mkdtemp(prefix="campaign-"))
        round_ = Round(folder, seed, given.seconds)
        faults = round_.run()
        kills.update(round_.kills)
        books = round_.books.values()
        print(f"{'FAILED' if faults else 'passed'} seed {seed}: {sum(round_.kills.values())} disturbances, "
              f"{len(books)} sessions, {sum(len(b.saved) for b in books)} files saved", flush=True)
        for fault in faults[:5]:
            print(f"    {fault[:2000]}", flush=True)
        if faults:
            failed += 1
            print(f"    kept: {folder}")
        else:
            passed += 1
            shutil.rmtree(folder)
    print(", ".join(f"{what}: {n}" for what, n in sorted(kills.items())))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
