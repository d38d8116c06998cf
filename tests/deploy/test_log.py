"""Lines of the relay's log and what its clients are told can be put side by side."""

import re


def test_a_refusal_has_the_same_id_on_both_sides(world):
    """In the relay's log, and in the event of the client whose request it was."""
    _, joiner, _ = world.pair()
    ticket = joiner.send("redeem", code="7YXW-4KQ0-1N8D-PZ3MB")  # well-formed, and nobody's
    told = joiner.event("request_failed", ticket=ticket, code="wrong_recovery_code")
    line = world.relay.process.listening.wait(where=lambda e: "event=refused" in e["line"] and "code=wrong_recovery_code" in e["line"])["line"]
    assert re.search(r" request=(\S+)", line)[1] == told["requestId"]
    assert f"peer={joiner.peer_id[:16]}" in line and "7YXW" not in line


def test_a_refused_signal_too(world):
    provider, joiner, _ = world.pair()
    joiner.send("open", peer=provider.peer_id, role="joiner")
    session = joiner.event("session_opened")["sessionId"]
    provider.event("session_opened", sessionId=session)
    world.offer_at_once((joiner, provider), session=session, generation=1)
    line = world.relay.process.listening.wait(where=lambda e: "code=glare_lost" in e["line"])["line"]
    request = re.search(r" request=(\S+)", line)[1]
    loser = joiner if f"peer={joiner.peer_id[:16]}" in line else provider
    assert loser.event("signal_refused")["requestId"] == request
