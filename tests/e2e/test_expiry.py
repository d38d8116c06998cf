"""A syncshell that nobody used for too long: what its members hear when they come back after all."""

import contextlib
import sqlite3

import pytest

SWEEP_LIMIT_S = 150  # a relay's first sweep comes a minute after its start


def age(database, days):
    """As if nobody had been there for so long."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE syncshell SET used_day = used_day - ?", (days,))


@pytest.mark.parametrize("world", ["plain"], indirect=True)  # a minute is enough
def test_late_members_hear_that_their_syncshell_expired(world):
    provider, joiner, shell = world.pair()
    for process in (provider, joiner, world.relay):
        process.stop()
    age(world.relay.database, 32)
    world.relay.settings["timing_syncshell_ttl_days"] = 30
    world.start_relay()
    world.relay.process.listening.wait(limit_s=SWEEP_LIMIT_S, where=lambda e: "syncshell_expired" in e["line"])
    for name in ("joiner", "provider"):
        assert world.peer(name).event("membership_ended", syncshellId=shell)["code"] == "syncshell_expired"
