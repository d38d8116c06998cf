"""Much at once."""

from support.wait import nth

from .drops import RATE_BYTES, begin, finish_killed, kill_unfinished
from .scenario import scenario

LONG_S = 1200


@scenario()
def more_than_1000_files(stage):
    """1,200 files; the fetching side dies in the middle."""
    _, fetching = begin(stage, n_files=1200, file_bytes=2_000)
    stage.arrived(fetching, 50)
    kill_unfinished(fetching)
    finish_killed(stage)


@scenario(n_fetchers=3)
def several_transfers_at_once(stage):
    """Three members fetch from one at the same time; one of them dies, and the others do not notice."""
    stage.fill(100, 18_000)
    stage.limit(RATE_BYTES)
    stage.share()
    fetching = stage.fetch_all()
    stage.arrived(fetching[0], 50)
    kill_unfinished(fetching[0])
    missing = stage.missing_bytes()
    fetching[0] = stage.fetch("--from", stage.sharer_id)
    received = [stage.complete(one)["bytesReceived"] for one in fetching]
    assert received == [missing, stage.total_bytes, stage.total_bytes]
    assert all(len(one.events.all(event="link", state="up")) == 1 for one in fetching)


@scenario(long=True)
def more_than_1_gb(stage):
    """1.1 GB, of which one file has 600 MB; each side dies once."""
    stage.fill(500, 1_000_000)
    stage.add_large_file(600_000_000)
    stage.limit(40_000_000)
    sharing, fetching = stage.share(), stage.fetch()
    fetching.events.wait(event="file", where=nth(100), limit_s=LONG_S)
    sharing.kill()
    stage.share()
    fetching.events.wait(event="progress", where=lambda e: e["ofBytes"] - e["bytes"] < 400_000_000, limit_s=LONG_S)
    kill_unfinished(fetching)
    finish_killed(stage)
