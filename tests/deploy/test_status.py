"""The status page in a real browser, its data, and the same in a terminal."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from admin_site import TOKEN
from support.command import on_store
from test_recovery import FILES, connect, open_session

HERE = Path(__file__).resolve().parent


@pytest.fixture
def scene(world, admin):
    """A session whose link was lost and came back, and one whose attempt has failed."""
    provider, joiner, syncshell = world.pair()
    good = open_session(provider, joiner)
    connect(joiner, provider, good)
    joiner.send("report", session=good, files=[{**FILES[0], "done": True}])
    joiner.event("progress_saved", sessionId=good)
    marks = joiner.events.mark(), provider.events.mark()
    for side in (joiner, provider):
        side.send("link", session=good, generation=1, state="lost")
    connect(joiner, provider, good, *marks)
    log = world.relay.process.listening
    log.wait(where=lambda e: "event=link_up" in e["line"] and "kept_bytes=" in e["line"])
    log.wait(where=lambda e: "event=link_up" in e["line"] and "recovery_ms=" in e["line"])
    mark = joiner.events.mark()
    joiner.send("open", peer=provider.peer_id, role="joiner", label="second")
    bad = joiner.event("session_opened", since=mark)["sessionId"]
    provider.event("session_opened", sessionId=bad)
    joiner.event("offer_needed", since=mark, sessionId=bad)
    joiner.send("offer", session=bad, generation=1, sdp="v=0 private-address")
    provider.event("offer", sessionId=bad, generation=1)
    joiner.send("link", session=bad, generation=1, state="failed", cause="turn_unreachable")
    log.wait(where=lambda e: "event=attempt_failed" in e["line"])
    return {"provider": provider, "joiner": joiner, "syncshell": syncshell, "good": good, "bad": bad}


def test_the_data_is_guarded_and_true(scene, admin, world):
    assert admin.ask("/status.json", None).status == 401
    answer = admin.ask("/status.json")
    status = json.loads(answer.text)
    assert status["relay"]["state"] == "ready" and status["relay"]["url"].endswith(f":{world.relay.port}")
    [syncshell] = status["syncshells"]
    assert (syncshell["id"], syncshell["members"], syncshell["online"], syncshell["sessions"]) == (scene["syncshell"], 2, 2, 2)
    assert sorted(p["id"] for p in syncshell["peers"]) == sorted(scene[who].peer_id[:16] for who in ("joiner", "provider"))
    [recovering] = status["recovering"]
    assert recovering["session"] == scene["bad"] and recovering["generation"] >= 1 and recovering["joinerOnline"]
    assert recovering["cause"] == "turn_unreachable" and recovering["sentence"] == "The TURN server did not answer."
    assert status["connected"] >= 1 and status["failed"] >= 1
    assert status["keptBytes"] == FILES[0]["size"]
    assert {"cause": "turn_unreachable", "count": 1} in [{k: c[k] for k in ("cause", "count")} for c in status["causes"]]
    assert len(status["minutes"]) == 60 and sum(m["recoveries"] for m in status["minutes"]) == 1
    assert {"session_opened", "attempt_started", "link_up", "attempt_failed"} <= {e["event"] for e in status["events"]}
    # Blind: no whole peer id, no body.
    assert scene["joiner"].peer_id not in answer.text and "private-address" not in answer.text


def test_it_is_shown_in_a_terminal(scene, world):
    text = on_store(world.relay.database, "status").stdout
    assert text.startswith("Syncshell relay ") and ": ready\n" in text
    assert re.search(r"^  connections    2, of them signed in: 2$", text, re.MULTILINE), text
    assert re.search(r"^ +1  The TURN server did not answer\. \(turn_unreachable\)$", text, re.MULTILINE), text
    assert f"  {scene['syncshell']}: 2 of 2 members here, 2 open sessions\n" in text
    assert re.search(r"^  not sent again +\d", text, re.MULTILINE), text
    assert "Recovering now: 1\n" in text and scene["bad"] in text
    assert world.relay.stop() == 0
    done = on_store(world.relay.database, "status", status=1)
    assert done.stderr.startswith(f"syncshell-relay: no relay runs on {world.relay.database} ")
    world.start_relay()


def brightness(css):
    return sum(map(int, re.findall(r"\d+", css)[:3]))


def test_it_is_a_page_for_everybody(scene, admin, tmp_path):
    folder = tmp_path / "browser"
    folder.mkdir()
    url = f"http://127.0.0.1:{admin.port}/"
    done = subprocess.run(["node", HERE / "look.js", url, TOKEN, folder, scene["bad"]], capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    if keep := os.environ.get("SYNCSHELL_SCREENSHOTS"):
        shutil.copytree(folder, keep, dirs_exist_ok=True, ignore=lambda _, names: [n for n in names if not n.endswith(".png")])
    seen = json.loads(done.stdout)
    assert not seen["faults"]
    assert seen["refused"] == "That is not the token."
    assert all(request.startswith(url) for request in seen["requests"]), "something comes from elsewhere"
    assert TOKEN not in " ".join(seen["requests"])
    for name, view in seen["views"].items():
        assert view["state"].startswith("ready, version "), name
        # Its library tries again: by the time that the third browser looks, that attempt may have run out.
        assert view["recovering"].endswith(("The TURN server did not answer.", "No direct link came up in time."))
        assert "The TURN server did not answer." in view["causes"]
        assert "link" in view["timeline"] and "failed" in view["timeline"] and view["bars"] == 120
        assert view["lanes"] == [scene["bad"][:8], scene["good"][:8]]
        assert view["marks"]["good"] >= 2 and view["marks"]["bad"] >= 1 and view["marks"]["time"] >= 2, view["marks"]
        assert scene["syncshell"][:8] in view["syncshells"] and "2 of 2 here" in view["syncshells"]
        assert not view["overflows"], f"{name}: wider than the screen"
        assert view["unnamed"] == 0
        assert (folder / f"{name}.png").stat().st_size > 10000
    for name, view in seen["busy"].items():
        assert view["lanes"] == 12 and not view["overflows"] and not view["outside"], (name, view)
    assert brightness(seen["views"]["light"]["background"]) > brightness(seen["views"]["light"]["color"])
    assert brightness(seen["views"]["dark"]["background"]) < brightness(seen["views"]["dark"]["color"])
    keyboard = seen["keyboard"]
    names = [stop["name"] for stop in keyboard["stops"]]
    assert ["skip", "pause", "scroll", "timeline"] in [names[i:i + 4] for i in range(len(names))], names
    assert all(stop["ring"] for stop in keyboard["stops"] if stop["name"] != "BODY"), keyboard
    assert (keyboard["paused"], keyboard["goesOn"]) == ("true", "false")
