"""The relay: away, killed, without the session that is to be recovered."""

import contextlib
import sqlite3

from .drops import attempts_fail, begin, finish_killed, kill_unfinished, lost
from .scenario import scenario


@scenario()
def relay_away_before(stage):
    """The relay is away when both sides start, and comes: they wait for it."""
    stage.relay.kill()
    _, fetching = begin(stage)
    fetching.events.wait(event="scanned")
    stage.relay.start()
    stage.complete(fetching)


@scenario()
def relay_away_during(stage):
    """The relay dies in the middle and stays away: a link that is up needs none. The end is told to the other side when it is
    back."""
    sharing, fetching = begin(stage)
    stage.arrived(fetching, 50)
    stage.relay.kill()
    assert stage.complete(fetching)["bytesReceived"] == stage.total_bytes
    assert len(fetching.events.all(event="link", state="up")) == 1
    sharing.events.wait(event="relay_disconnected")
    mark = sharing.events.mark()
    stage.relay.start()
    sharing.events.wait(since=mark, event="relay_connected")


@scenario()
def relay_away_at_the_drop(stage):
    """The relay is away when the link drops, and comes back later: then they find each other."""
    sharing, fetching = begin(stage)
    stage.arrived(fetching, 50)
    mark = fetching.events.mark()
    stage.relay.kill()
    sharing.kill()
    lost(fetching, mark)
    sharing = stage.share()
    sharing.events.wait(event="scanned")
    stage.relay.start()
    assert stage.complete(fetching)["bytesReceived"] == stage.total_bytes


@scenario()
def relay_killed_during_recovery(stage):
    """The relay is killed while two sides find each other again, and once more when they are about to: nothing is lost."""
    _, fetching = begin(stage)
    stage.arrived(fetching, 50)
    kill_unfinished(fetching)
    missing = stage.missing_bytes()
    fetching = stage.fetch()
    for event in ("relay_connected", "session"):
        fetching.events.wait(event=event)
        stage.relay.kill()
        stage.relay.start()
    assert stage.complete(fetching)["bytesReceived"] == missing


def forget_sessions(relay):
    """As if they had expired, and their tombstones, too."""
    with contextlib.closing(sqlite3.connect(relay.database)) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("DELETE FROM session")


@scenario()
def missing_session(stage):
    """The relay does not have the session any more with which both sides come back: it is made again, and continues."""
    sharing, fetching = begin(stage)
    stage.arrived(fetching, 50)
    kill_unfinished(fetching)
    sharing.kill()
    stage.relay.kill()
    forget_sessions(stage.relay)
    stage.relay.start()
    missing = stage.missing_bytes()
    stage.share()
    assert stage.complete(stage.fetch())["bytesReceived"] == missing


@scenario(n_fetchers=1)
def state_is_lost(stage):
    """The fetching side loses its state directory, and with it the session: as a new member it still does not fetch what it
    has."""
    _, fetching = begin(stage)
    stage.arrived(fetching, 50)
    kill_unfinished(fetching)
    missing = stage.missing_bytes()
    stage.fetcher.state = stage.path / "another-state"
    stage.fetcher.join(stage.invite)
    fetching = stage.fetch("--from", stage.sharer_id)
    assert stage.complete(fetching)["bytesReceived"] == missing


@scenario()
def data_path_is_blocked(stage):
    """Nothing passes between the two, while both reach the relay: attempts fail, and the first after the end of it succeeds."""
    _, fetching = begin(stage)
    stage.arrived(fetching, 50)
    mark = fetching.events.mark()
    stage.network.block(stage.sharer.host, stage.fetcher.host)
    lost(fetching, mark)
    attempts_fail(fetching, mark)
    stage.network.unblock(stage.sharer.host, stage.fetcher.host)
    assert stage.complete(fetching)["bytesReceived"] == stage.total_bytes
