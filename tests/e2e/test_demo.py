"""deploy/demo: what deploy/quickstart --demo runs after it has built."""

import os
import re
import subprocess
from pathlib import Path

from support.process import BUILD
from support.wait import LIMIT_S

DEMO = Path(__file__).resolve().parents[2] / "deploy/demo"
STEPS = ["killed", "started again", "own files hashed", "relay joined", "offer sent", "answer received", "channel open", "first byte",
         "done"]


def demo(folder, build, *options):
    """On a temporary folder of its own, which must be empty afterwards."""
    done = subprocess.run([DEMO, build, *options], capture_output=True, text=True, timeout=4 * LIMIT_S,
                          env={**os.environ, "TMPDIR": str(folder)})
    assert not list(folder.iterdir())
    return done


def test_it_comes_back(tmp_path):
    done = demo(tmp_path, BUILD, "--bytes", "12000000", "--files", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\033" not in done.stdout and done.stderr == ""
    steps = re.findall(r"^ +(\d+) ms  [ =*]+  (.+)$", done.stdout, re.MULTILINE)
    assert [text for _, text in steps if not text.startswith("link failed")] == STEPS
    times = [int(ms) for ms, _ in steps]
    assert times == sorted(times)
    assert re.search(r"not sent twice +[1-9]", done.stdout)
    assert re.search(r"sent again +0 bytes", done.stdout)
    assert re.search(r"61 files: every SHA-256 is equal", done.stdout)


def test_without_a_build(tmp_path):
    done = demo(tmp_path, tmp_path)
    assert done.returncode == 1
    assert "-Dsync=enabled" in done.stderr
