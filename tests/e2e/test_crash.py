"""Samples of tests/crash: kills of a relay, and of a client, under load, and of what was not synced nothing stays."""

import os
import subprocess
from pathlib import Path

import pytest

from support.process import BUILD

CRASH = Path(__file__).resolve().parents[1] / "crash"
LIMIT_S = 300
N_KILLS = 50


@pytest.mark.parametrize("command", ["run", "clients"])
def test_nothing_acknowledged_is_lost(command):
    done = subprocess.run([CRASH / command, "--kills", str(N_KILLS), "--jobs", "2"], capture_output=True, text=True, timeout=LIMIT_S,
                          env={**os.environ, "SYNCSHELL_BUILD_DIR": str(BUILD)})
    assert done.returncode == 0, done.stdout + done.stderr
    summary, verdict = done.stdout.splitlines()[-2:]
    assert verdict == "2 passed, 0 failed"
    assert summary.startswith(f"{N_KILLS} kills ") and "lost 0, doubled 0, reordered 0" in summary
    taken = int(summary.split("; ")[1].split()[0])
    assert taken > 0, "no kill ever met a write that was not synced: " + summary
