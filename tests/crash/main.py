"""Kills a real relay at random moments under load, takes away what no sync had made to last, and looks whether anything that it had
acknowledged is lost, doubled or reordered. tests/crash/run --help explains."""

import asyncio
import collections
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
sys.path[:0] = [str(HERE.parent / "runner"), str(HERE), str(E2E)]

import campaign  # noqa: E402

HELP = """\
Starts a relay, loads it with sessions, progress and requests that are all written to its store, kills it with SIGKILL at a random moment,
and takes from its files what no sync had made to last (all of it, a part, or nothing: what a power cut may do). Then it starts again on
that folder, and two peers who know what was acknowledged look at what it still has. Some kills fall on the start itself.

Several relays at once, each in a folder of its own; after some kills a folder is given up for a new one. Ends in
"K kills, A acknowledged: lost 0, doubled 0, reordered 0" and "N passed, N failed", a folder each. The folder of a failed one is kept, and
named with its seed: the plan follows from that, the moments at which kills fall are the machine's.
"""
LOAD_MS_MAX = 150
START_MS_MAX = 60
EARLY_SHARE = 0.15  # of kills that fall on the start


def run_folder(job):
    seed, n_kills, keep_unsynced = job
    from observer import Observer
    from support.process import RELAY, Relay
    chance, counts, faults = random.Random(seed), collections.Counter(), []
    with campaign.folder_of(faults) as folder:
        relay = Relay(folder, **campaign.NO_LIMITS)
        relay.environment = {} if keep_unsynced else {"LD_PRELOAD": campaign.preloaded(RELAY, campaign.UNSYNCED)}
        observer = Observer(chance)
        try:
            asyncio.run(run_lives(relay, observer, chance, n_kills, counts))
        finally:
            if relay.process:
                relay.kill()
            ledger = observer.ledger
            counts.update(acknowledged=ledger.acknowledged, lost=len(ledger.lost), doubled=len(ledger.doubled),
                          reordered=len(ledger.reordered))
            faults += observer.faults + ledger.faults() + relay.reports
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
        relay.kill()
        campaign.cut_power(relay.database, chance, counts)
    relay.start()
    await observer.connect(relay.url)
    await observer.check()
    await observer.leave()


def show(counts):
    return (f"{counts['kills']} kills ({counts['kills at the start']} of them at the start), {counts['acknowledged']} acknowledged: "
            f"{campaign.verdict(counts)}; {campaign.power(counts)}")


def main():
    given = campaign.options("tests/crash/run", HELP).parse_args()
    campaign.build(["relay/app/syncshell-relay", campaign.UNSYNCED])
    return campaign.run(run_folder, given, show)


if __name__ == "__main__":
    sys.exit(main())
