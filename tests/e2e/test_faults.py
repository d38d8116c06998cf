"""A sample of tests/faults: trouble around a relay, of which others notice nothing, and a storm of members that come back."""

import os
import subprocess
from pathlib import Path

import pytest

from support.process import BUILD

RUN = Path(__file__).resolve().parents[1] / "faults" / "run"
LIMIT_S = 300
N_MEMBERS = 300
CASES = ["stalled_disk", "slow_reader", "half_open_peers", "garbage_on_the_tls_port", "tls_renegotiation", "slowloris",
         "storm_after_a_kill", "storm_after_a_goodbye"]


@pytest.mark.parametrize("case", CASES)
def test_others_are_not_disturbed(case):
    done = subprocess.run([RUN, "--short", "--members", str(N_MEMBERS), "-k", case], capture_output=True, text=True, timeout=LIMIT_S,
                          env={**os.environ, "SYNCSHELL_BUILD_DIR": str(BUILD)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("1 passed, 0 failed\n")
