"""Kills a real relay at random moments under load, takes away what no sync had made to last, and looks whether anything that it had
acknowledged is lost, doubled or reordered. tests/crash/run --help explains."""

import argparse
import asyncio
import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
sys.path[:0] = [str(HERE.parent / "runner"), str(HERE), str(E2E)]

HELP = """\
Starts a relay, loads it with sessions, progress and requests that are all written to its store, kills it with SIGKILL at a random moment,
and takes from its files what no sync had made to last (all of it, a part, or nothing: what a power cut may do). Then it starts again on
that folder, and two peers who know what was acknowledged look at what it still has. Some kills fall on the start itself.

Several relays at once, each in a folder of its own; after some kills a folder is given up for a new one. Ends in
"K kills, A acknowledged: lost 0, doubled 0, reordered 0" and "N passed, N failed", a folder each. The folder of a failed one is kept, and
named with its seed: the plan follows from that, the moments at which kills fall are the machine's.
"""
UNSYNCED = "tests/crash/libunsynced.so"
KILLS_PER_FOLDER = 25
LOAD_MS_MAX = 150
START_MS_MAX = 60
EARLY_SHARE = 0.15  # of kills that fall on the start
NO_LIMITS = {"rates_writes_per_minute": 60000000, "rates_queries_per_minute": 60000000, "rates_joins_per_minute": 60000000,
             "rates_connects_per_minute": 60000000, "log_level": "info"}


def build():
    """The relay as it is shipped, and what is preloaded into it."""
    from build import crash_folder
    from report import Report
    folder = crash_folder()
    folder.compile(Report(), ["relay/app/syncshell-relay", UNSYNCED])
    return str(folder.path)


def run_folder(job):
    seed, n_kills, keep_unsynced = job
    from observer import Observer
    from support.process import RELAY, Relay, runtimes_of
    chance = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    relay = Relay(folder, **NO_LIMITS)
    preloaded = [*runtimes_of(RELAY), str(Path(os.environ["SYNCSHELL_BUILD_DIR"]) / UNSYNCED)]
    relay.environment = {} if keep_unsynced else {"LD_PRELOAD": " ".join(preloaded)}
    observer = Observer(chance)
    counts = collections.Counter()
    try:
        asyncio.run(run_lives(relay, observer, chance, n_kills, counts))
    except Exception as fault:  # whatever it is, the folder tells the rest
        observer.faults.append(f"{fault!r}")
    finally:
        if relay.process:
            relay.kill()
    ledger = observer.ledger
    counts.update(acknowledged=ledger.acknowledged, lost=len(ledger.lost), doubled=len(ledger.doubled),
                  reordered=len(ledger.reordered))
    faults = observer.faults + ledger.faults() + relay.reports
    if not faults:
        shutil.rmtree(folder)
    return seed, str(folder), counts, faults


async def run_lives(relay, observer, chance, n_kills, counts):
    for _ in range(n_kills):
        if relay.port and chance.random() < EARLY_SHARE:
            relay.launch()
            time.sleep(chance.random() * START_MS_MAX / 1000)  # the moment of the kill, not a wait for anything
            counts["kills at the start"] += 1
        else:
            relay.start()
            await observer.connect(relay.url)
            await observer.check()
            asyncio.get_running_loop().call_later(chance.random() * LOAD_MS_MAX / 1000, relay.process.child.kill)
            await observer.load()
            await observer.leave()
        counts["kills"] += 1
        cut_power(relay, chance, counts)
    relay.start()
    await observer.connect(relay.url)
    await observer.check()
    await observer.leave()


def cut_power(relay, chance, counts):
    from undo import power_cut
    relay.kill()
    gone = power_cut(relay.database, chance)
    counts["writes taken back"] += gone
    counts["kills that took writes"] += gone > 0


def show(counts):
    print(f"{counts['kills']} kills ({counts['kills at the start']} of them at the start), {counts['acknowledged']} acknowledged: "
          f"lost {counts['lost']}, doubled {counts['doubled']}, reordered {counts['reordered']}; "
          f"{counts['kills that took writes']} kills took {counts['writes taken back']} writes that were not synced", flush=True)


def main():
    options = argparse.ArgumentParser(prog="tests/crash/run", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=1000, metavar="N", help="how many (default: 1000)")
    options.add_argument("--seed", type=int, help="of the first folder; the next ones count up (default: random)")
    options.add_argument("--jobs", type=int, default=4, metavar="N", help="relays at once (default: 4)")
    options.add_argument("--keep-unsynced", action="store_true", help="take nothing from the files: a kill, no power cut")
    given = options.parse_args()
    if not os.environ.get("SYNCSHELL_BUILD_DIR"):
        os.environ["SYNCSHELL_BUILD_DIR"] = build()
    first = given.seed if given.seed is not None else random.SystemRandom().randrange(10**9)
    shares = [min(KILLS_PER_FOLDER, given.kills - done) for done in range(0, given.kills, KILLS_PER_FOLDER)]
    total, failed, began = collections.Counter(), 0, time.monotonic()
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(concurrent.futures.ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn")))
        jobs = [pool.submit(run_folder, (first + i, share, given.keep_unsynced)) for i, share in enumerate(shares)]
        for n_done, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            seed, folder, counts, faults = job.result()
            total.update(counts)
            failed += bool(faults)
            for fault in faults[:5]:
                print(f"FAILED seed {seed}, kept in {folder}: {fault[:1000]}", flush=True)
            if n_done % 10 == 0 and n_done < len(jobs):
                print(f"[{time.monotonic() - began:4.0f} s] ", end="")
                show(total)
    show(total)
    print(f"{len(shares) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
