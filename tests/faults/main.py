"""Makes trouble around real relays, and sees that nobody else is disturbed and everybody comes back. tests/faults/run --help explains."""

import argparse
import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "runner"), str(HERE.parent / "e2e")]

HELP = """\
Makes trouble around real relays and measures what others notice of it. Two probe members send each other messages all the time: each must
arrive, within 1.5 s. The cases: a storm of members that all come back at once after their relay was killed, or said goodbye, each the
library's real engine with keys and an address of its own; a disk that stands still; a slow reader; members whose packets are eaten; garbage,
broken handshakes and renegotiation on the TLS port; slowloris. In a network namespace of its own; needs root. Ends in "N passed, N failed".
"""
NAMESPACE = "FAULTS_NAMESPACE"
TARGETS = ["relay/app/syncshell-relay", "tests/faults/crowd", "tests/faults/libsick_disk.so"]
DESCRIPTORS_BESIDE_MEMBERS = 400  # a crowd has one for each member, and so has its relay, which wants a few hundred more


class Stage:
    """Of one case: its folder, its relays, and how much of everything."""

    def __init__(self, folder, certificate, given):
        self.folder = folder
        self.certificate = certificate
        self.members = given.members
        short = given.short
        self.limit_s = 200 if short else 600  # less than who samples it waits: so it can say where it stood
        self.stall_s = 2 if short else 10
        self.half_open = 10 if short else 100
        self.heartbeat_ms = 3000  # three of them without a word are the end, also of who could not run so long
        self.handshake_ms = 3000 if short else 5000
        self.drips = 50 if short else 1000
        self.garbage_rounds = 2 if short else 50
        self.renegotiations = 2 if short else 16
        self.relays = []
        self.noticed = ""

    def relay(self, environment=None, **settings):
        from support.process import Relay
        relay = Relay(self.folder, **settings)
        relay.environment = environment or {}
        self.relays.append(relay)
        return relay.start()

    @contextlib.asynccontextmanager
    async def undisturbed(self, relay):
        """Others notice nothing of what happens within."""
        from probe import Probe
        async with Probe(relay) as probe:
            await probe.served()
            mark = probe.mark()
            yield
            await probe.served()
            self.noticed = probe.check(mark)

    @contextlib.contextmanager
    def eaten(self, address):
        """Packets from there and to there, in this namespace."""
        rules = [("INPUT", "-s"), ("INPUT", "-d")]
        for chain, end in rules:
            subprocess.run(["iptables", "-w", "-A", chain, end, address, "-j", "DROP"], check=True)
        try:
            yield
        finally:
            for chain, end in rules:
                subprocess.run(["iptables", "-w", "-D", chain, end, address, "-j", "DROP"], check=True)

    def end(self):
        faults = []
        for relay in self.relays:
            status = relay.stop() if relay.process else 0
            faults += relay.reports + ([] if status == 0 else [f"the relay ended with {status}"])
        return faults


async def run_case(one, stage):
    """Why it failed, or ""; and what it says."""
    try:
        async with asyncio.timeout(stage.limit_s):
            return "", await one(stage)
    except Exception:  # whatever a case ends in is its result
        return traceback.format_exc(limit=-4), ""


def run(cases, given, folder):
    from support.certificate import Certificate
    certificate = Certificate(folder)
    failed = 0
    for number, one in enumerate(cases):
        own = folder / str(number)
        own.mkdir()
        stage = Stage(own, certificate, given)
        began = time.monotonic()
        fault, said = asyncio.run(run_case(one, stage))
        fault = "\n".join([fault, *stage.end()]).strip()
        failed += bool(fault)
        print(f"{'FAIL' if fault else 'ok  '} {one.__name__} ({time.monotonic() - began:.0f} s): {fault or said}", flush=True)
        if stage.noticed:
            print(f"     {stage.noticed}", flush=True)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed or not cases else 0


def in_namespace():
    """Again, in a network namespace of its own."""
    inside = subprocess.run(["unshare", "--net", "--", sys.executable, "-u", *sys.argv], env={**os.environ, NAMESPACE: "1"}, check=False)
    return inside.returncode


def fit_descriptors(members):
    """How many members there can be: as many as wanted, where the limit can be raised to what they need."""
    wanted = members + DESCRIPTORS_BESIDE_MEMBERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return members
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError):  # not even root may raise it everywhere
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        members = min(members, hard - DESCRIPTORS_BESIDE_MEMBERS)
        print(f"     only {members} members: a process may have no more than {hard} descriptors here", flush=True)
    return members


def build():
    from build import crash_folder
    from report import Report
    folder = crash_folder()
    folder.compile(Report(), TARGETS)
    os.environ["SYNCSHELL_BUILD_DIR"] = str(folder.path)


def main():
    options = argparse.ArgumentParser(prog="tests/faults/run", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-k", dest="expression", default="", metavar="NAME", help="only cases with NAME in their name")
    options.add_argument("--members", type=int, default=10000, metavar="N", help="of the storms (default: 10000)")
    options.add_argument("--short", action="store_true", help="a little of everything, as tests/run takes it")
    given = options.parse_args()
    if NAMESPACE not in os.environ:
        return in_namespace()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if not os.environ.get("SYNCSHELL_BUILD_DIR"):
        build()
    import cases
    import storm  # noqa: F401 (registers its cases)
    given.members = fit_descriptors(given.members)
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        return run([one for one in cases.CASES if given.expression in one.__name__], given, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
