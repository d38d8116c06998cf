"""Drops: of either side, of the path, at the beginning, in the middle and at the end, many at once, one after the other."""

from support.drops import Missed

from .scenario import scenario

N_FILES = 200
FILE_BYTES = 18_000
RATE_BYTES = 1_800_000  # a second: the whole takes two
FAILING_S = 300  # no time that is promised
SLOWER = ((60, 30_000), (85, 5_000))


def begin(stage, n_files=N_FILES, file_bytes=FILE_BYTES, rate_bytes=RATE_BYTES):
    """A transfer that has begun: (sharing, fetching)."""
    stage.fill(n_files, file_bytes)
    stage.limit(rate_bytes)
    return stage.share(), stage.fetch()


def kill_unfinished(fetching):
    fetching.kill()
    if fetching.events.all(event="complete"):
        raise Missed


def lost(fetching, since):
    """Waits until the loss is noticed, which must be before the end."""
    fetching.events.wait(since=since, where=lambda e: e["event"] == "complete" or e.get("state") == "lost")
    if not fetching.events.all(event="link", state="lost"):
        raise Missed


def attempts_fail(fetching, since=0):
    """Waits until one did, for those whose WebRTC tells, or all five; the event."""
    return fetching.events.wait(since=since, limit_s=FAILING_S,
                                where=lambda e: e["event"] == "manual_recovery" or e.get("state") == "failed")


def finish_killed(stage):
    """The fetching side, which has been killed, starts again: only what is not on its disk comes."""
    missing = stage.missing_bytes()
    fetching = stage.fetch()
    complete = stage.complete(fetching)
    assert complete["bytesReceived"] == missing, f"{complete} instead of {missing}"
    assert fetching.events.wait(event="session")["how"] == "resumed"
    assert not fetching.events.all(event="manual_recovery")


@scenario()
def drop_at_0_percent(stage):
    """The fetching side dies as soon as the link is up."""
    _, fetching = begin(stage)
    fetching.events.wait(event="link", state="up")
    kill_unfinished(fetching)
    finish_killed(stage)


@scenario()
def drop_at_50_percent(stage):
    """The fetching side dies in the middle: what it has is not sent again."""
    _, fetching = begin(stage)
    stage.arrived(fetching, 50)
    kill_unfinished(fetching)
    assert stage.missing_bytes() < stage.total_bytes * 0.6
    finish_killed(stage)


@scenario(slow=True)
def drop_at_99_percent(stage):
    """The fetching side dies just before the end: the last percent comes, and no more."""
    _, fetching = begin(stage, file_bytes=4_000, rate_bytes=400_000)
    for percent, rate_bytes in SLOWER:  # so that a drop can fall into the last percent
        stage.arrived(fetching, percent)
        stage.limit(rate_bytes)
    stage.arrived(fetching, 99)
    kill_unfinished(fetching)
    assert stage.missing_bytes() <= stage.total_bytes * 0.01
    stage.limit(RATE_BYTES)
    finish_killed(stage)


@scenario()
def sharing_side_dies(stage):
    """The sharing side dies in the middle and starts again: the fetching side goes on by itself, with what is missing."""
    sharing, fetching = begin(stage)
    stage.arrived(fetching, 50)
    sharing.kill()
    mark = fetching.events.mark()
    stage.share()
    lost(fetching, mark)
    again = fetching.events.wait(since=mark, event="receiving")
    assert again["bytes"] < stage.total_bytes * 0.6
    assert stage.complete(fetching)["bytesReceived"] == stage.total_bytes


@scenario()
def both_sides_die(stage):
    """Both sides die in the middle and start again."""
    sharing, fetching = begin(stage)
    stage.arrived(fetching, 50)
    sharing.kill()
    kill_unfinished(fetching)
    stage.share()
    finish_killed(stage)


@scenario()
def path_is_cut(stage):
    """The path forgets the connection, as a NAT does, and says nothing: both sides notice, and find another."""
    _, fetching = begin(stage)
    stage.arrived(fetching, 50)
    mark = fetching.events.mark()
    stage.network.forget_flows()
    lost(fetching, mark)
    assert stage.complete(fetching)["bytesReceived"] == stage.total_bytes
    assert not fetching.events.all(event="manual_recovery")


@scenario()
def drop_during_reconnection(stage):
    """While a drop is being recovered from, the same side dies again, then the other one, then the path is cut."""
    sharing, fetching = begin(stage)
    stage.arrived(fetching, 25)
    kill_unfinished(fetching)
    fetching = stage.fetch()
    fetching.events.wait(event="session", how="resumed")
    kill_unfinished(fetching)
    fetching = stage.fetch()
    fetching.events.wait(event="session", how="resumed")
    sharing.kill()
    stage.share()
    fetching.events.wait(event="link", state="up")
    stage.network.forget_flows()
    stage.complete(fetching)


@scenario(slow=True, n_fetchers=10)
def ten_fetchers_lose_their_sharer(stage):
    """Ten members fetch from one that dies and starts again: all of them reconnect at once."""
    stage.fill(40, 20_000)
    stage.limit(100_000)
    sharing = stage.share()
    fetching = stage.fetch_all()
    for one in fetching:
        one.events.wait(event="receiving")
    sharing.kill()
    if any(one.events.all(event="complete") for one in fetching):
        raise Missed
    stage.sharer.host.limit(10_000_000)
    stage.share()
    for one in fetching:
        stage.complete(one)
        assert one.events.all(event="link", state="lost")


@scenario(slow=True)
def peer_away_for_all_attempts(stage):
    """The sharing side stays away for all five attempts: the fetching side says that help is needed, and still recovers by
    itself when the other one is back."""
    sharing, fetching = begin(stage)
    stage.arrived(fetching, 50)
    sharing.kill()
    lost(fetching, 0)
    fetching.events.wait(event="manual_recovery", limit_s=180)
    stage.share()
    assert stage.complete(fetching)["bytesReceived"] == stage.total_bytes
