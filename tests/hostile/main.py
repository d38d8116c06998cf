"""Runs the hostile cases; tests/hostile/run --help says how."""

import argparse
import asyncio
import resource
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import cases_code  # noqa: E402, F401 (registers its cases)
import cases_filled  # noqa: E402, F401
import cases_flood  # noqa: E402, F401
import cases_input  # noqa: E402, F401
import cases_limits  # noqa: E402, F401
import cases_memory  # noqa: E402, F401
import cases_proxy  # noqa: E402, F401
from scene import CASES, Scene, run_case  # noqa: E402
from support.certificate import Certificate  # noqa: E402

CASE_LIMIT_S = 120
SCENES_AT_ONCE = 3
DESCRIPTORS = 8192


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def ok(self, name):
        self.passed += 1
        print(f"ok   {name}", flush=True)

    def fail(self, name, text):
        self.failed += 1
        print(f"FAIL {name}", *(f"     {line}" for line in text.rstrip().split("\n")), sep="\n", flush=True)


def grouped(expression):
    """Cases by the relay that they run on: {(way, settings): [case, ...]}."""
    groups = {}
    for one in CASES:
        for way in ("plain",) if one.settings else ("plain", "tls"):
            if expression in f"{way}: {one.name}":
                groups.setdefault((way, tuple(sorted(one.settings.items()))), []).append(one)
    return groups


async def run_group(folder, certificate, way, settings, cases, tally):
    scene = Scene(folder, certificate if way == "tls" else None, dict(settings))
    try:
        await scene.start()
        for one in cases:
            name = f"{way}: {one.name}"
            try:
                await asyncio.wait_for(run_case(scene, one), CASE_LIMIT_S)
                tally.ok(name)
            except Exception:  # whatever a case ends in is its result
                tally.fail(name, traceback.format_exc(limit=-4))
    except Exception:
        tally.fail(f"{way}: {cases[0].name} and what follows it", traceback.format_exc(limit=-4))
    for problem in await scene.end():
        tally.fail(f"{way}: the relay of {cases[0].name}", problem)


async def run(expression, folder, tally):
    certificate = Certificate(folder)
    free = asyncio.Semaphore(SCENES_AT_ONCE)

    async def one_group(number, way, settings, cases):
        async with free:
            await run_group(folder / str(number), certificate, way, settings, cases, tally)
    await asyncio.gather(*(
        one_group(number, way, settings, cases)
        for number, ((way, settings), cases) in enumerate(grouped(expression).items())))


def main():
    parser = argparse.ArgumentParser(prog="tests/hostile/run", description=__doc__)
    parser.add_argument("-k", dest="expression", default="", metavar="NAME", help="only cases with NAME in their name")
    arguments = parser.parse_args()
    # A case has a thousand connections; a shell may give its programs no more than that, until they ask.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))
    folder = Path(tempfile.mkdtemp(prefix="syncshell-hostile-"))
    tally = Tally()
    began = time.monotonic()
    try:
        asyncio.run(run(arguments.expression, folder, tally))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"[{time.monotonic() - began:4.0f} s]")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.passed and not tally.failed else 1


if __name__ == "__main__":
    sys.exit(main())
