"""One live attempt per session (P4), and every signal routed or its sender told (P1)."""

from test_recovery import connect, open_session


def test_both_sides_offer_at_once(world):
    """The first offer at the relay wins; the loser hears glare_lost and gets the winner's offer: one generation, one pair of
    descriptions, on both sides."""
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner, [])
    generation = connect(joiner, provider, session) + 1
    mark = world.events.mark()
    world.offer_at_once((joiner, provider), session=session, generation=generation)
    refused = world.events.wait(since=mark, event="signal_refused", code="glare_lost")
    loser, winner = (joiner, provider) if refused["who"] == "joiner" else (provider, joiner)
    assert refused["ticket"] == loser.events.wait(tag="at once")["ticket"]
    offer = world.events.wait(since=mark, who=loser.name, event="offer", sessionId=session)
    assert (offer["generation"], offer["sdp"]) == (generation, f"v=0 by {winner.name}")
    loser.send("answer", session=session, generation=generation, sdp=f"v=0 answer by {loser.name}")
    answer = world.events.wait(since=mark, who=winner.name, event="answer", sessionId=session)
    assert (answer["generation"], answer["sdp"]) == (generation, f"v=0 answer by {loser.name}")
    for side, event in ((winner, "offer"), (winner, "signal_refused"), (loser, "answer")):
        assert not world.events.all(since=mark, who=side.name, event=event)


def test_a_late_answer_is_refused_with_its_own_code(world):
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner, [])
    old = joiner.event("offer_needed", sessionId=session)["generation"]
    joiner.send("offer", session=session, generation=old, sdp="v=0 old")
    provider.event("offer", sessionId=session, generation=old)
    joiner.send("offer", session=session, generation=0, sdp="v=0 new")
    new = provider.events.wait(where=lambda e: e.get("event") == "offer" and e["generation"] > old)["generation"]
    ticket = provider.send("answer", session=session, generation=old, sdp="v=0 too late")
    provider.event("signal_refused", ticket=ticket, code="stale_generation")
    provider.send("answer", session=session, generation=new, sdp="v=0 in time")
    assert joiner.event("answer", sessionId=session)["sdp"] == "v=0 in time"
    assert not joiner.events.all(event="answer", sdp="v=0 too late")


def test_an_offer_waits_for_a_peer_that_is_away(world):
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner, [])
    needed = joiner.event("offer_needed", sessionId=session)
    provider.kill()
    joiner.event("peer_presence", peerId=provider.peer_id, presence="away")
    ticket = joiner.send("offer", session=session, generation=needed["generation"], sdp="v=0 held")
    held = joiner.event("signal_held", ticket=ticket)
    assert held["heldMs"] > 0
    provider = world.peer("provider")
    assert provider.event("offer", sessionId=session)["sdp"] == "v=0 held"


def test_an_offer_that_nobody_takes_comes_back_as_undeliverable(world):
    world.restart_relay(timing_offer_ttl_ms=1500)
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner, [])
    needed = joiner.event("offer_needed", sessionId=session)
    provider.kill()
    joiner.event("peer_presence", peerId=provider.peer_id, presence="away")
    ticket = joiner.send("offer", session=session, generation=needed["generation"], sdp="v=0 in vain")
    joiner.event("signal_held", ticket=ticket)
    assert joiner.event("signal_refused", ticket=ticket)["code"] == "expired"
    provider = world.peer("provider")
    provider.event("syncshell_ready")
    assert not provider.events.all(event="offer", sdp="v=0 in vain")


def test_a_generation_survives_the_relay(world):
    """After a restart the relay knows no live attempt: an answer to the old one is stale, the next offer is above it."""
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner, [])
    first = connect(joiner, provider, session)
    marks = {side: side.events.mark() for side in (joiner, provider)}
    world.relay.kill()
    world.start_relay()
    for side, mark in marks.items():
        side.event("syncshell_ready", since=mark)
    joiner.send("link", session=session, generation=first, state="lost")
    assert connect(joiner, provider, session, marks[joiner], marks[provider]) > first
