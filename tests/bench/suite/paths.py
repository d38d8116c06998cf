"""Where things are, and who runs on which core."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
SOURCES = REPOSITORY / "tests/bench"
GIVEN_BUILD = os.environ.get("SYNCSHELL_BUILD_DIR")  # asked once, here: whoever uses the peers of tests/e2e sets it for them
BUILD = Path(GIVEN_BUILD or REPOSITORY / "build/bench")
PEERS = REPOSITORY / "build/bench-peers"
DATA = REPOSITORY / "build/bench-data"  # not /tmp: that may be memory, and durable writes are measured
REPORT = REPOSITORY / "build/bench-report"

RELAY = BUILD / "relay/app/syncshell-relay"
FLOOR = BUILD / "tests/bench/bench-floor"
LOAD = BUILD / "tests/bench/bench-load"

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = {CORES[0]}, {CORES[-1]}


PRIORITY = -19  # only root may raise it
AUTOGROUP = Path("/proc/self/autogroup")  # where it exists, priorities count only within a session


def pin(cores):
    """For Popen's preexec_fn, with a session of its own: the child, and all its threads, on these cores."""
    def apply():
        os.sched_setaffinity(0, cores)
        if os.geteuid() == 0:
            os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
            if AUTOGROUP.exists():
                AUTOGROUP.write_text(str(PRIORITY))
    return apply
