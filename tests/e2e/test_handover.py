"""A transfer goes on at another device, by the code that the first one shows: with kills of both devices and of the relay around it."""

import json

from test_recovery import connect, entry, open_session

FILES = [entry(i) for i in range(20)]


def trio(world):
    """A connected pair with a session, and another device in the same syncshell."""
    provider, joiner, shell = world.pair()
    device = world.peer("device")
    device.send("join", invite=provider.event("syncshell_created")["invite"])
    device.event("syncshell_ready", syncshellId=shell)
    session = open_session(provider, joiner, FILES)
    connect(joiner, provider, session)
    for file in FILES[:5]:
        joiner.send("report", session=session, files=[{**file, "done": True}])
    joiner.events.wait(where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == 5)
    return provider, joiner, device, session


def manual(joiner, session):
    """Five failures in a row: the code of the event."""
    joiner.send("link", session=session, generation=1, state="lost")
    for generation in range(2, 7):
        joiner.event("offer_needed", sessionId=session, generation=generation)
        joiner.send("offer", session=session, generation=generation, sdp="v=0")
        joiner.send("link", session=session, generation=generation, state="failed")
        joiner.event("attempt_failed", sessionId=session, attempt=generation - 1)
        joiner.send("network_changed")
    event = joiner.event("manual_recovery", sessionId=session)
    assert event["validMs"] > 0 and event["cause"] == "link_failed"
    return event["recoveryCode"]


def goes_on(provider, device, session, since):
    """The whole transfer again, for the device has nothing on its disk; both close."""
    moved = provider.event("session_moved", since=since, sessionId=session)
    assert moved["peerId"] == device.peer_id
    request = provider.event("recovery_request", since=since, sessionId=session, peerId=device.peer_id)
    assert not request["held"] and {f["path"] for f in request["needed"]} == {f["path"] for f in FILES}
    assert device.event("session_resumed", sessionId=session)["label"] == "armour pack"
    assert not device.events.all(event="request_failed")
    connect(device, provider, session, 0, since)
    device.send("report", session=session, files=[{**file, "done": True} for file in FILES])
    device.events.wait(where=lambda e: e.get("event") == "progress_stored" and e["filesDone"] == len(FILES))
    device.send("close", session=session, outcome="completed")
    for side in (provider, device):
        assert side.event("session_closed", since=0, sessionId=session)["outcome"] == "completed"


def test_the_code_of_manual_recovery_outlives_its_device_and_the_relay(world):
    provider, joiner, device, session = trio(world)
    code = manual(joiner, session)
    joiner.kill()
    marks = provider.events.mark(), device.events.mark()
    world.relay.kill()
    world.start_relay()
    for side, mark in zip((provider, device), marks):
        side.event("syncshell_ready", since=mark)
    ticket = device.send("redeem", code=code.lower().replace("-", " "))
    assert device.event("code_redeemed", ticket=ticket)["sessionId"] == session
    goes_on(provider, device, session, marks[0])
    joiner = world.peer("joiner")
    assert joiner.event("session_closed", sessionId=session)["cause"] == "session_moved"
    joiner.event("syncshell_ready")
    assert not joiner.events.all(event="session_resumed")


def test_the_device_that_is_there_hears_it_at_once(world):
    provider, joiner, device, session = trio(world)
    mark = provider.events.mark()
    event = joiner.event("recovery_code", ticket=joiner.send("issue_code", session=session))
    device.send("redeem", code=event["recoveryCode"])
    assert joiner.event("session_closed", sessionId=session)["cause"] == "session_moved"
    goes_on(provider, device, session, mark)


def test_killed_while_it_redeems(world):
    """The answer is lost. The next process finds the session, and it is nobody else's."""
    provider, joiner, device, session = trio(world)
    mark = provider.events.mark()
    code = joiner.event("recovery_code", ticket=joiner.send("issue_code", session=session))["recoveryCode"]
    device.post("redeem", code=code, tag="redeem")
    provider.event("session_moved", since=mark)
    device.kill()
    device = world.peer("device")
    goes_on(provider, device, session, mark)


def test_a_code_counts_once_and_typos_are_noticed_here(world):
    provider, joiner, device, session = trio(world)
    code = joiner.event("recovery_code", ticket=joiner.send("issue_code", session=session))["recoveryCode"]
    frames = len(world.tap.types_seen)
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    device.post("redeem", code=wrong, tag="typo")
    assert device.events.wait(tag="typo")["error"] == "E_CODE"
    assert frames == len(world.tap.types_seen)  # the relay was not asked
    device.event("code_redeemed", ticket=device.send("redeem", code=code))
    refused = joiner.event("request_failed", ticket=joiner.send("redeem", code=code))
    assert refused["code"] == "recovery_code_used"
    provider.event("request_failed", ticket=provider.send("issue_code", session=session), code="wrong_role")


def test_who_was_away_for_two_moves_hears_that_it_moved(world):
    """A to B, B to C, and the relay starts anew: A comes back last."""
    provider, joiner, device, session = trio(world)
    third = world.peer("third")
    third.send("join", invite=provider.event("syncshell_created")["invite"])
    third.event("syncshell_ready")
    code = joiner.event("recovery_code", ticket=joiner.send("issue_code", session=session))["recoveryCode"]
    joiner.kill()
    device.event("code_redeemed", ticket=device.send("redeem", code=code))
    code = device.event("recovery_code", ticket=device.send("issue_code", session=session))["recoveryCode"]
    third.event("code_redeemed", ticket=third.send("redeem", code=code))
    assert device.event("session_closed")["cause"] == "session_moved"
    world.relay.kill()
    world.start_relay()
    joiner = world.peer("joiner")
    assert joiner.event("session_closed", sessionId=session)["cause"] == "session_moved"


def test_the_commands(world):
    provider, joiner, device, session = trio(world)
    joiner.stop()
    device.stop()
    code = world.command("joiner", "code", session).stdout.strip()
    assert len(code) == 20
    mistyped = world.command("device", "redeem", code[:-1] + ("1" if code[-1] == "0" else "0"), check=False)  # the check digit
    assert mistyped.returncode == 1 and "compare each letter" in mistyped.stderr
    done = json.loads(world.command("device", "redeem", code, "--json").stdout)
    assert done["sessionId"] == session
    again = world.command("joiner", "redeem", code, check=False)
    assert again.returncode == 1 and "recovery_code_used" in again.stderr and "syncshell code" in again.stderr
    assert session in world.command("device", "sessions").stdout
    assert world.command("joiner", "code", session, check=False).returncode == 1
