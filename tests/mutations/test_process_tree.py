"""That a test of a mutation takes everything with it that it has started. The runner's stage `mutations` runs this."""

import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from process_tree import adopt_orphans, run_alone  # noqa: E402

# Prints the id of a process in a session of its own whose parent is gone, which holds the output open; then does what it is told.
PROGRAM = """
import os, signal, sys
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(write, str(os.getpid()).encode())
        while True:
            signal.pause()
    os._exit(0)
os.wait()
print(os.read(read, 20).decode(), flush=True)
while sys.argv[1] == "hangs":
    signal.pause()
"""
HANGS_S = 5


@pytest.mark.parametrize(("does", "limit_s", "wanted"), [("hangs", HANGS_S, None), ("ends", 60, 0)])
def test_nothing_is_left(tmp_path, does, limit_s, wanted):
    adopt_orphans()
    began = time.monotonic()
    status, output = run_alone([sys.executable, "-c", PROGRAM, does], tmp_path, {}, limit_s)
    assert status == wanted
    assert not os.path.exists(f"/proc/{int(output)}")
    assert time.monotonic() - began < 60
