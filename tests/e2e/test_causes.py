"""P7: a recovery that fails has one cause, the same at both sides, in the relay's log and in its store."""

import json
import sqlite3
from pathlib import Path

from test_recovery import connect, open_session

CAUSES = {row["cause"] for row in json.loads((Path(__file__).parents[2] / "schema" / "causes.json").read_text())}


def stored_cause(world, session):
    with sqlite3.connect(f"file:{world.relay_folder}/relay.db?mode=ro", uri=True) as db:
        return db.execute("SELECT cause FROM session WHERE recovery_session_id = ?", (session,)).fetchone()[0]


def start_attempt(joiner, provider, session, since=0):
    generation = joiner.events.wait(since=since, event="offer_needed", sessionId=session)["generation"]
    joiner.send("offer", session=session, generation=generation, sdp="v=0 offer")
    provider.event("offer", sessionId=session, generation=generation)
    provider.send("answer", session=session, generation=generation, sdp="v=0 answer")
    joiner.event("answer", sessionId=session, generation=generation)
    return generation


def test_one_cause_for_both_sides(world):
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner, [])
    generation = start_attempt(joiner, provider, session)
    provider.send("link_failed", session=session, generation=generation, cause="turn_refused",
                  iceServer="turn:turn.example:3478")
    heard = [side.event("session_cause", sessionId=session) for side in (joiner, provider)]
    assert [e["cause"] for e in heard] == ["turn_refused"] * 2
    # The joiner is told that it need not wait until its own time is over.
    assert joiner.event("attempt_failed", sessionId=session)["cause"] == "turn_refused"
    joiner.send("close", session=session, outcome="failed")
    closed = [side.event("session_closed", sessionId=session) for side in (joiner, provider)]
    assert [e["cause"] for e in closed] == ["turn_refused"] * 2
    assert "turn_refused" in CAUSES
    assert stored_cause(world, session) == "turn_refused"
    for event in ("attempt_failed", "session_closed"):
        world.relay.process.listening.wait(
            where=lambda e, event=event: f"event={event}" in e["line"] and "cause=turn_refused" in e["line"])


def test_a_link_clears_it_and_cancelling_sets_it(world):
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner, [])
    generation = start_attempt(joiner, provider, session)
    marks = {side: side.events.mark() for side in (joiner, provider)}
    joiner.send("link_failed", session=session, generation=generation)
    for side in (joiner, provider):
        side.event("session_cause", sessionId=session, cause="link_failed")
    connect(joiner, provider, session, marks[joiner], marks[provider])
    for side, mark in marks.items():
        side.events.wait(since=mark, where=lambda e: e.get("event") == "session_cause" and "cause" not in e)
    provider.send("close", session=session, outcome="cancelled")
    for side in (joiner, provider):
        assert side.event("session_closed", sessionId=session)["cause"] == "cancelled"
    assert stored_cause(world, session) == "cancelled"
