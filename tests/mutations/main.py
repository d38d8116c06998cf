"""Puts known bugs into a copy of the sources, one at a time, and sees the tests find them."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from mutations import MUTATIONS  # noqa: E402
from scratch import REPOSITORY, BuildError, Scratch  # noqa: E402

HELP = """\
Puts known bugs into a copy of the sources in build/mutations, one at a time, builds that, and runs the tests that
should notice. Ends in "N killed, N survived"; exit status 0 only if none survived. The working tree is not touched.

A mutation is killed when a test fails, crashes or hangs because of it (each has a minute, and whatever it has started
ends with it); what failed is shown behind its name, and which of the tests named for it did not notice. One that survives
is a hole in the tests: write the test that fails with it.
The same tests first run without any mutation, and must pass, or a kill would prove nothing.

Mutations are data, in mutations.py and its neighbours: a text that stands in a file exactly once, and what takes its
place. Who changes such a text adjusts the mutation; "no longer applies" and "does not compile" count as survived.

examples:
  tests/mutations/run                                 all of them: some minutes
  tests/mutations/run --only forget_the_refund        one
  tests/mutations/run --check                         that all still apply; builds nothing
"""


def fault(mutation):
    """Why a mutation cannot be made, or ""."""
    path = REPOSITORY / mutation.file
    found = path.read_text().count(mutation.old) if path.exists() else 0
    if found != 1:
        return f"no longer applies: its text stands {found} times in {mutation.file}"
    return "" if mutation.old != mutation.new else "changes nothing"


def check(mutations):
    faults = {m.name: fault(m) for m in mutations if fault(m)}
    for name, text in faults.items():
        print(f"{name}: {text}")
    print(f"{len(mutations) - len(faults)} apply, {len(faults)} do not")
    return 1 if faults else 0


def last_lines(text, n=8):
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-n:])


def attempt(scratch, mutation):
    """(killed, what was seen)."""
    wrong = fault(mutation)
    if wrong:
        return False, wrong
    with scratch.mutated(mutation):
        try:
            scratch.compile(mutation.tests)
        except BuildError as error:
            return False, "does not compile\n" + last_lines(str(error))
        seen = {test: scratch.noticed(test) for test in mutation.tests}
    noticed = [f"{test}: {what}" for test, what in seen.items() if what]
    missed = [test for test, what in seen.items() if not what]
    if not noticed:
        return False, "no test noticed: " + ", ".join(missed)
    return True, "; ".join(noticed) + (f" (not by {', '.join(missed)})" if missed else "")


def without_any(scratch, mutations):
    """Whether the tests pass as the sources are: otherwise a kill would prove nothing."""
    tests = sorted({test for m in mutations for test in m.tests})
    unknown = [test for test in tests if not scratch.knows(test)]
    if unknown:
        print(f"there are no such tests: {', '.join(unknown)}")
        return False
    scratch.compile(tests)
    failed = {test: what for test in tests if (what := scratch.noticed(test))}
    for test, what in failed.items():
        print(f"fails without any mutation: {test}: {what}")
    return not failed


def run(mutations):
    killed, survived = 0, []
    began = time.monotonic()
    scratch = Scratch()
    try:
        print("building the copy, and running the tests without any mutation", flush=True)
        scratch.prepare()
        if not without_any(scratch, mutations):
            survived = [m.name for m in mutations]
            mutations = []
    except BuildError as error:
        print(error)
        survived = [m.name for m in mutations]
        mutations = []
    for mutation in mutations:
        dies, seen = attempt(scratch, mutation)
        print(f"[{time.monotonic() - began:4.0f} s] {'killed  ' if dies else 'SURVIVED'} {mutation.promise}"
              f" {mutation.name}: {seen}", flush=True)
        killed += dies
        survived += [] if dies else [mutation.name]
    print(f"{killed} killed, {len(survived)} survived")
    return 1 if survived or not killed else 0


def main():
    parser = argparse.ArgumentParser(prog="tests/mutations/run", description=HELP,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="only this mutation; may be repeated")
    parser.add_argument("--list", action="store_true", help="name them, with the promise that each breaks and how")
    parser.add_argument("--check", action="store_true", help="only see that each can still be made")
    arguments = parser.parse_args()
    unknown = set(arguments.only or []) - {m.name for m in MUTATIONS}
    if unknown:
        parser.error(f"no mutation is named {', '.join(sorted(unknown))}; --list names them")
    mutations = [m for m in MUTATIONS if not arguments.only or m.name in arguments.only]
    if arguments.list:
        for m in mutations:
            print(f"{m.promise} {m.name}: {m.bug} ({m.file})")
        return 0
    return check(mutations) if arguments.check else run(mutations)


if __name__ == "__main__":
    sys.exit(main())
