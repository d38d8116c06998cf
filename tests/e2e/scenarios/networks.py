"""Bad networks."""

from support.turn import credential

from .drops import RATE_BYTES, attempts_fail, begin, finish_killed, kill_unfinished, lost
from .scenario import scenario


def drop_both_ways(stage, n_files=100, file_bytes=18_000, rate_bytes=RATE_BYTES):
    """The path is cut, later the fetching side dies: as on a good network."""
    _, fetching = begin(stage, n_files, file_bytes, rate_bytes)
    stage.arrived(fetching, 25)
    mark = fetching.events.mark()
    stage.network.forget_flows()
    lost(fetching, mark)
    again = fetching.events.wait(since=mark, event="receiving")
    fetching.events.wait(since=mark, event="file", where=lambda e: True)
    kill_unfinished(fetching)
    assert again["bytes"] < stage.total_bytes
    finish_killed(stage)


@scenario(slow=True, delay_ms=150)
def high_latency(stage):
    """300 ms there and back."""
    drop_both_ways(stage)


@scenario(slow=True)
def narrow_bandwidth(stage):
    """64 KB a second for everybody."""
    drop_both_ways(stage, n_files=40, file_bytes=10_000, rate_bytes=64_000)


@scenario(slow=True)
def packet_loss(stage):
    """Each twentieth packet is lost, at random."""
    stage.network.lose(0.05)
    drop_both_ways(stage, n_files=60, file_bytes=10_000)


@scenario(turn_secret="what the server knows", named=True, pairs=(("c", "c"), ("c", "node"), ("c", "chromium"), ("node", "chromium")))
def turn_named_by_the_relay(stage):
    """Nothing passes between the two but through the TURN server that the relay names, with credentials that it mints: files go over
    it, also after a drop, and neither side was told of any server."""
    stage.fill(100, 18_000)
    stage.limit(RATE_BYTES)
    stage.network.block(stage.sharer.host, stage.fetcher.host)
    sharing, fetching = stage.share("--relay-only"), stage.fetch("--relay-only")
    stage.arrived(fetching, 30)
    kill_unfinished(fetching)
    missing = stage.missing_bytes()
    fetching = stage.fetch("--relay-only")
    assert stage.complete(fetching)["bytesReceived"] == missing
    for side in (sharing, fetching):
        assert all(e["relayed"] for e in side.events.all(event="link", state="up"))
    assert stage.turn.lines("CREATE_PERMISSION processed, success")


@scenario(turn_secret="what the server knows")
def invalid_turn(stage):
    """Only a TURN server leads to the other side, and the credentials are wrong: that is said. With the right ones files go over it,
    also after a drop."""
    def through(secret):
        return ["--relay-only", "--ice-server", ",".join((stage.turn.url(), *credential(secret)))]

    stage.fill(100, 18_000)
    stage.limit(RATE_BYTES)
    stage.network.block(stage.sharer.host, stage.fetcher.host)
    stage.share()
    fetching = stage.fetch(*through("a guess"))
    failed = attempts_fail(fetching)
    assert failed.get("cause") == "turn_refused" or not stage.fetcher.implementation.names_servers_faults, failed
    fetching.stop()
    for _ in range(2):
        fetching = stage.fetch(*through("what the server knows"))
        fetching.events.wait(event="file")
        kill_unfinished(fetching)
    missing = stage.missing_bytes()
    assert stage.complete(stage.fetch(*through("what the server knows")))["bytesReceived"] == missing
    assert stage.turn.lines("CREATE_PERMISSION processed, success")
