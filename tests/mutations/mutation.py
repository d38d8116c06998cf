"""What a planted bug is."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """`old` stands in `file` exactly once. `tests` are those that should notice: names of `meson test`, "sim", "crash/clients", or of
    pytest, such as "e2e/test_x.py::test_y"."""
    name: str
    promise: str
    bug: str
    file: str
    old: str
    new: str
    tests: list


CORE = "relay/core/"
STORE = "relay/adapters/store_sqlite/"
LISTENER = "relay/adapters/ws_lws/"
CLIENT = "shared/client/"
WIRE = "shared/wire/"
APP = "relay/app/"
TRANSPORT = "shared/transport/"
SYNC = "shared/sync/"
