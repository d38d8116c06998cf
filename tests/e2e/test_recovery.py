"""A dropped pair finds each other again: kills at the worst moment, and then exactly what is missing (P2, P3)."""

import hashlib

import pytest

N_FILES = 1000


def entry(index):
    path = f"mods/secret-armour-{index:04d}.tex"
    return {"path": path, "size": 1000 + index, "hash": hashlib.sha256(path.encode()).hexdigest(), "algorithm": "sha256"}


FILES = [entry(i) for i in range(N_FILES)]


def open_session(provider, joiner, manifest=FILES):
    joiner.send("open", peer=provider.peer_id, role="joiner", label="armour pack")
    session = joiner.event("session_opened")["sessionId"]
    provider.event("session_opened", sessionId=session)
    provider.send("manifest", session=session, files=manifest)
    provider.event("manifest_saved", sessionId=session)
    return session


def connect(joiner, provider, session, joiner_since=0, provider_since=0):
    """One handshake, as two WebRTC stacks would drive it; the generation that came of it."""
    needed = joiner.event("offer_needed", since=joiner_since, sessionId=session)
    generation = needed["generation"]
    joiner.send("offer", session=session, generation=generation, sdp=f"v=0 offer {generation} private-address")
    offer = provider.event("offer", since=provider_since, sessionId=session, generation=generation)
    assert offer["sdp"] == f"v=0 offer {generation} private-address"
    provider.send("answer", session=session, generation=generation, sdp=f"v=0 answer {generation} private-address")
    answer = joiner.event("answer", since=joiner_since, sessionId=session, generation=generation)
    assert answer["sdp"] == f"v=0 answer {generation} private-address"
    joiner.send("candidate", session=session, generation=generation, candidate="candidate:1 1 udp 1 192.0.2.7 9 typ host",
                sdpMid="0", sdpMLineIndex=0)
    provider.event("candidate", since=provider_since, sessionId=session, generation=generation)
    for side in (joiner, provider):
        side.send("link", session=session, generation=generation, state="up")
    return generation


def report(joiner, session, files):
    """Posts one report per file without waiting: the moment of the kill is to fall anywhere among them."""
    for file in files:
        joiner.post("report", session=session, files=[{**file, "done": True}], tag=file["path"])


def acknowledged(joiner):
    """The paths that the library called saved: they must survive everything."""
    tickets = {e["ticket"]: e["tag"] for e in joiner.events.all(event="accepted") if e["tag"].startswith("mods/")}
    saved = {e["ticket"] for e in joiner.events.all(event="progress_saved")}
    return {path for ticket, path in tickets.items() if ticket in saved}


def paths(files):
    listed = [f["path"] for f in files]
    assert len(listed) == len(set(listed)), "a file is named twice"
    return set(listed)


def check_request(request, saved, reported):
    """What the joiner has and what it lacks, together, are the manifest: nothing missing, nothing doubled."""
    held, needed = paths(request["held"]), paths(request["needed"])
    assert saved <= held <= reported
    assert needed == paths(FILES) - held
    assert all(not f.get("ranges") for f in request["needed"])
    assert request["bytes"] == sum(f["size"] for f in FILES if f["path"] in needed)


def begin(world):
    """A connected pair in the middle of a transfer: half of the files reported, the first 400 known to be stored."""
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner)
    connect(joiner, provider, session)
    report(joiner, session, FILES[:400])
    joiner.events.wait(where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == 400)
    report(joiner, session, FILES[400:500])
    joiner.events.wait(where=lambda e: len(acknowledged(joiner)) > 410)
    return provider, joiner, session


def finish(world, provider, joiner, session, provider_since, joiner_since, saved):
    """After the disturbance: the request names what was saved, a link comes up, the rest is transferred, both close."""
    request = provider.event("recovery_request", since=provider_since, sessionId=session)
    check_request(request, saved, paths(FILES[:500]))
    connect(joiner, provider, session, joiner_since, provider_since)
    rest = [f for f in FILES if f["path"] in paths(request["needed"])]
    mark = joiner.events.mark()
    report(joiner, session, rest)
    joiner.events.wait(
        since=mark, where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == N_FILES
    )
    joiner.send("close", session=session, outcome="completed")
    joiner.event("session_closed", sessionId=session, outcome="completed")
    provider.event("session_closed", sessionId=session, outcome="completed")


def test_joiner_killed(world):
    provider, joiner, session = begin(world)
    since = provider.events.mark()
    joiner.kill()
    saved = acknowledged(joiner)
    joiner = world.peer("joiner")
    joiner.event("session_resumed", sessionId=session)
    finish(world, provider, joiner, session, since, 0, saved)


def test_relay_killed(world):
    provider, joiner, session = begin(world)
    marks = provider.events.mark(), joiner.events.mark()
    world.relay.kill()
    for side, mark in zip((provider, joiner), marks):
        side.event("relay_disconnected", since=mark)
    joiner.send("link", session=session, generation=1, state="lost")
    world.start_relay()
    for side, mark in zip((provider, joiner), marks):
        side.event("relay_connected", since=mark)
    finish(world, provider, joiner, session, marks[0], marks[1], acknowledged(joiner))


def test_relay_and_joiner_killed(world):
    provider, joiner, session = begin(world)
    since = provider.events.mark()
    world.relay.kill()
    joiner.kill()
    saved = acknowledged(joiner)
    joiner = world.peer("joiner")
    world.start_relay()
    joiner.event("session_resumed", sessionId=session)
    finish(world, provider, joiner, session, since, 0, saved)


def test_everything_killed(world):
    provider, joiner, session = begin(world)
    for process in (joiner, provider):
        process.kill()
    world.relay.kill()
    saved = acknowledged(joiner)
    world.start_relay()
    provider, joiner = world.peer("provider"), world.peer("joiner")
    provider.event("session_resumed", sessionId=session)
    finish(world, provider, joiner, session, 0, 0, saved)


def test_provider_killed(world):
    provider, joiner, session = begin(world)
    since = joiner.events.mark()
    provider.kill()
    joiner.send("link", session=session, generation=1, state="lost")
    provider = world.peer("provider")
    provider.event("session_resumed", sessionId=session)
    finish(world, provider, joiner, session, 0, since, acknowledged(joiner))


def test_provider_away_at_first(world):
    provider, joiner, session = begin(world)
    provider.kill()
    joiner.event("peer_presence", peerId=provider.peer_id, presence="away")
    joiner.kill()
    saved = acknowledged(joiner)
    joiner = world.peer("joiner")
    joiner.event("session_resumed", sessionId=session)
    joiner.event("recovery_requested", sessionId=session)
    provider = world.peer("provider")
    finish(world, provider, joiner, session, 0, 0, saved)


def test_provider_killed_before_it_took_the_request(world):
    """The inbox keeps the request: killed again right after connecting, the provider still gets it."""
    provider, joiner, session = begin(world)
    provider.kill()
    joiner.kill()
    saved = acknowledged(joiner)
    joiner = world.peer("joiner")
    joiner.event("recovery_requested", sessionId=session)
    for _ in range(3):
        provider = world.peer("provider")
        provider.event("relay_connected")
        provider.kill()
    provider = world.peer("provider")
    finish(world, provider, joiner, session, 0, 0, saved)


@pytest.mark.parametrize("share", [0, 990, 1000])
def test_drop_at_the_edges(world, share):
    """0 %, 99 % and 100 %: nothing, almost everything, everything had arrived."""
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner)
    connect(joiner, provider, session)
    if share:
        joiner.send("report", session=session, files=[{**f, "done": True} for f in FILES[:share]])
        joiner.events.wait(where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == share)
    provider.event("recovery_request", sessionId=session)  # the first connection's, which may come after its link
    since = provider.events.mark()
    joiner.kill()
    joiner = world.peer("joiner")
    request = provider.event("recovery_request", since=since, sessionId=session)
    assert paths(request["held"]) == paths(FILES[:share])
    assert paths(request["needed"]) == paths(FILES[share:])


def test_partial_and_mismatched_files(world):
    provider, joiner, _ = world.pair()
    manifest = [{"path": p, "size": 1000, "hash": "AB" * 32, "algorithm": "sha256"} for p in ("half", "other", "same", "new")]
    session = open_session(provider, joiner, manifest)
    connect(joiner, provider, session)
    joiner.send("report", session=session, files=[
        {**manifest[0], "hash": "ab" * 32, "ranges": [[0, 400], [600, 700]]},
        {**manifest[1], "hash": "cd" * 32, "done": True},
        {**manifest[2], "hash": "ab" * 32, "done": True},
    ])
    joiner.event("progress_saved", sessionId=session)
    since = provider.events.mark()
    joiner.kill()
    world.peer("joiner")
    # The request of the beginning, which knows of no file, may be told only now.
    request = provider.events.wait(since=since, where=lambda e: e.get("event") == "recovery_request" and e["held"])
    needed = {f["path"]: f for f in request["needed"]}
    assert set(needed) == {"half", "other", "new"}
    assert needed["half"]["ranges"] == [[400, 600], [700, 1000]]
    assert needed["other"]["mismatched"] is True
    assert request["bytes"] == 500 + 1000 + 1000


def test_a_lost_state_is_read_back_from_the_relay(world):
    """The journal is gone, the key is not: the relay's log, sealed, brings the session back."""
    provider, joiner, session = begin(world)
    since = provider.events.mark()
    joiner.kill()
    stored = max(e["filesDone"] for e in joiner.events.all(event="progress_stored"))
    for file in world.folder.joinpath("joiner").glob("journal*"):
        file.unlink()
    joiner = world.peer("joiner")
    joiner.send("join", invite=provider.events.wait(event="syncshell_created")["invite"])
    joiner.event("session_resumed", sessionId=session)
    request = provider.event("recovery_request", since=since, sessionId=session)
    assert len(paths(request["held"])) >= stored
