"""The library in a host that loads and unloads it: 100 times in one process, and nothing stays behind. And what a client costs.

The host runs under the sanitizers of the library that it loads. They know the number of bytes in use exactly, and what is
still allocated at the end although the library that could free it is gone is a leak to them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.process import INHERITED, Relay
from support.wait import LIMIT_S
from test_csharp import LIBRARY, environment, runtimes_of

REPOSITORY = Path(__file__).resolve().parents[2]
# A name is looked up in threads of the C library, which it ends when they had nothing to do for a second.
ROUNDS = {"127.0.0.1": 100, "localhost": 10}
# OpenSSL, which never leaves a process, keeps two index entries for each load of libwebsockets. Beyond them, 3 KB for what
# differs between two rounds by chance: less than one forgotten block of 64 bytes in each.
BYTES_PER_LOAD, BYTES_OF_CHANCE = 128, 3000


@pytest.mark.parametrize("host", ROUNDS)
def test_load_use_free_unload(tmp_path, certificate, host):
    program = tmp_path / "reload"
    subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", f"-I{REPOSITORY / 'shared/include'}", "-o", program,
                    REPOSITORY / "tests/e2e/library/reload.c"], check=True, timeout=LIMIT_S)
    folder = tmp_path / "relay"
    folder.mkdir()
    relay = Relay(folder, certificate).start()
    try:
        done = subprocess.run([program, LIBRARY, tmp_path, f"wss://{host}:{relay.port}", certificate.authority, str(ROUNDS[host])],
                              env={**INHERITED, "LD_PRELOAD": " ".join(runtimes_of(LIBRARY))},
                              capture_output=True, text=True, timeout=5 * LIMIT_S)
    finally:
        status = relay.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    grown = int(re.search(r": (-?\d+) bytes more", done.stdout).group(1))
    assert grown <= BYTES_PER_LOAD * ROUNDS[host] + BYTES_OF_CHANCE, done.stdout
    assert status == 0


def test_the_cost_of_a_client_can_be_measured(tmp_path):
    """The sanitizers' build says nothing about the cost: this is about the command."""
    file = tmp_path / "cost.json"
    done = subprocess.run([sys.executable, REPOSITORY / "tests/bench/client-cost", "--most", "10", "--idle", "0.1", "--json", file],
                          env={**os.environ, **environment()}, capture_output=True, text=True, timeout=5 * LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(file.read_text())
    assert [entry["count"] for entry in figures["clients"]] == [1, 1, 10]
    assert figures["client_bytes"] > 0 and figures["session_bytes"] > 0 and figures["library_stripped_bytes"] > 0
    assert figures["descriptors_per_client"] < 20 and figures["idle_wakeups_per_client"] < 100
