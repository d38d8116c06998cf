"""Every failed recovery has a story, with the cause that both sides heard."""

import json
import sqlite3
from pathlib import Path

import pytest
from support.command import on_store
from test_recovery import connect, open_session

CAUSES = json.loads((Path(__file__).resolve().parents[2] / "schema/causes.json").read_text())


def test_a_failed_and_a_good_attempt_are_told(world):
    provider, joiner, syncshell = world.pair()
    session = open_session(provider, joiner)
    joiner.event("offer_needed", sessionId=session)
    joiner.send("offer", session=session, generation=1, sdp="v=0")
    provider.event("offer", sessionId=session, generation=1)
    joiner.send("link", session=session, generation=1, state="failed", cause="turn_refused",
                iceServer="turn:turn.example:3478")
    world.relay.process.listening.wait(where=lambda e: "event=attempt_failed" in e["line"])
    text = on_store(world.relay.database, "explain", session[:8]).stdout
    lines = text.splitlines()
    assert lines[0] == f"Session {session} of the syncshell {syncshell}"
    assert lines[1].startswith(f"  {joiner.peer_id[:16]} receives files from {provider.peer_id[:16]}.")
    assert f"generation 1, attempt 1: {joiner.peer_id[:16]}, the receiver, had none after " in lines[2]
    assert lines[2].endswith(" s, by turn:turn.example:3478: The TURN server refused the credentials. (turn_refused)")
    assert lines[3].startswith("  It is open, and expires at 20")
    assert lines[4] == "  Why it is not well: The TURN server refused the credentials. (turn_refused)"
    assert lines[5].startswith("  What to do: The relay's operator: compare the secret and the clock")
    since = joiner.events.mark()
    connect(joiner, provider, session, since)
    world.relay.process.listening.wait(where=lambda e: "event=link_up" in e["line"])
    joiner.send("close", session=session, outcome="completed")
    provider.event("session_closed", sessionId=session, outcome="completed")
    lines = on_store(world.relay.database, "explain", session).stdout.splitlines()
    assert any(" had a link after " in line for line in lines)
    assert lines[-1].startswith("  It was closed as completed, and is remembered until 20"), lines


@pytest.fixture
def database(world):
    """Of a relay that has ended, with one open session, to write into."""
    provider, joiner, _ = world.pair()
    open_session(provider, joiner)
    assert world.relay.stop() == 0
    yield world.relay.database
    world.start_relay()


def test_every_cause_is_told_in_sentences(database):
    """Also one that a later version made up."""
    with sqlite3.connect(database) as connection:
        [session] = connection.execute("SELECT recovery_session_id FROM session").fetchone()
    for entry in [*CAUSES, {"cause": "later_one", "sentence": "", "advice": ""}]:
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE session SET cause = ?", [entry["cause"]])
        text = on_store(database, "explain", session).stdout
        assert f"  Why it is not well: {entry['sentence']}" in text and f"({entry['cause']})" in text
        assert f"  What to do: {entry['advice']}" in text
        assert text.count("  Why it is not well: (") == 0


def test_what_is_not_there_is_told(database):
    done = on_store(database, "explain", "absent", status=1)
    assert done.stderr.startswith("syncshell-relay: no session absent is known;") and not done.stdout
    done = on_store(database.with_name("none.db"), "explain", "absent", status=1)
    assert "none.db cannot be opened: " in done.stderr
