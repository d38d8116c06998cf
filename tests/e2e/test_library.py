"""The library in a host that loads and unloads it: 100 times in one process, and nothing stays behind.

The host runs under the sanitizers of the library that it loads. They know the number of bytes in use exactly, and what is
still allocated at the end although the library that could free it is gone is a leak to them."""

import re
import subprocess
from pathlib import Path

from support.process import INHERITED, Relay
from support.wait import LIMIT_S
from test_csharp import LIBRARY, runtimes_of

REPOSITORY = Path(__file__).resolve().parents[2]
ROUNDS = 100
# OpenSSL, which never leaves a process, keeps two index entries for each load of libwebsockets. Beyond them, 3 KB for what
# differs between two rounds by chance: less than one forgotten block of 64 bytes in each.
BYTES_MAX = 128 * ROUNDS + 3000


def test_load_use_free_unload(tmp_path, certificate):
    program = tmp_path / "reload"
    subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", f"-I{REPOSITORY / 'shared/include'}", "-o", program,
                    REPOSITORY / "tests/e2e/library/reload.c"], check=True, timeout=LIMIT_S)
    folder = tmp_path / "relay"
    folder.mkdir()
    relay = Relay(folder, certificate).start()
    try:
        done = subprocess.run([program, LIBRARY, tmp_path, relay.url, certificate.authority, str(ROUNDS)],
                              env={**INHERITED, "LD_PRELOAD": " ".join(runtimes_of(LIBRARY))},
                              capture_output=True, text=True, timeout=5 * LIMIT_S)
    finally:
        status = relay.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    grown = int(re.search(r": (-?\d+) bytes more", done.stdout).group(1))
    assert grown <= BYTES_MAX, done.stdout
    assert status == 0
