"""What the campaigns of kills have in common: their build, folders of kills in several processes at once, and the closing lines."""

import argparse
import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import random
import shutil
import tempfile
import time
import traceback
from pathlib import Path

KILLS_PER_FOLDER = 25
UNSYNCED = "tests/crash/libunsynced.so"
NO_LIMITS = {"rates_writes_per_minute": 60000000, "rates_queries_per_minute": 60000000, "rates_joins_per_minute": 60000000,
             "rates_connects_per_minute": 60000000, "log_level": "info"}


def options(prog, description):
    given = argparse.ArgumentParser(prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--kills", type=int, default=1000, metavar="N", help="how many (default: 1000)")
    given.add_argument("--seed", type=int, help="of the first folder; the next ones count up (default: random)")
    given.add_argument("--jobs", type=int, default=4, metavar="N", help="folders at once (default: 4)")
    given.add_argument("--keep-unsynced", action="store_true", help="take nothing from the files: a kill, no power cut")
    return given


def build(targets):
    """The programs as they are shipped, and what is preloaded into them; unless there are some already."""
    if os.environ.get("SYNCSHELL_BUILD_DIR"):
        return
    from build import crash_folder
    from report import Report
    folder = crash_folder()
    folder.compile(Report(), targets)
    os.environ["SYNCSHELL_BUILD_DIR"] = str(folder.path)


def preloaded(program, *libraries):
    """The value of LD_PRELOAD for it, in the order in which they see a call."""
    from support.process import runtimes_of
    return " ".join([*runtimes_of(program), *(str(Path(os.environ["SYNCSHELL_BUILD_DIR"]) / library) for library in libraries)])


@contextlib.contextmanager
def folder_of(faults):
    """A folder that stays if there are faults when it is left, with their whole text."""
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    try:
        yield folder
    except Exception as fault:  # whatever it is, the folder tells the rest
        faults.append("".join(traceback.format_exception(fault, limit=-4)))
    if faults:
        (folder / "faults").write_text("\n".join(faults))
    else:
        shutil.rmtree(folder)


def run(run_folder, given, show):
    """Each folder of `given.kills` by `run_folder`, which takes (seed, kills, keep unsynced) and returns (seed, folder, counts, faults)."""
    first = given.seed if given.seed is not None else random.SystemRandom().randrange(10**9)
    shares = [min(KILLS_PER_FOLDER, given.kills - done) for done in range(0, given.kills, KILLS_PER_FOLDER)]
    total, failed, began = collections.Counter(), 0, time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(run_folder, (first + i, share, given.keep_unsynced)) for i, share in enumerate(shares)]
        for n_done, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            seed, folder, counts, faults = job.result()
            total.update(counts)
            failed += bool(faults)
            for fault in faults[:5]:
                print(f"FAILED seed {seed}, kept in {folder}: {fault[-2000:]}", flush=True)
            if n_done % 10 == 0 and n_done < len(jobs):
                print(f"[{time.monotonic() - began:4.0f} s] {show(total)}", flush=True)
    print(show(total))
    print(f"{len(shares) - failed} passed, {failed} failed")
    return 1 if failed else 0


def verdict(counts):
    return f"lost {counts['lost']}, doubled {counts['doubled']}, reordered {counts['reordered']}"


def power(counts):
    return f"{counts['kills that took writes']} kills took {counts['writes taken back']} writes that were not synced"


def cut_power(database, chance, counts):
    from undo import power_cut
    gone = power_cut(database, chance)
    counts["writes taken back"] += gone
    counts["kills that took writes"] += gone > 0
