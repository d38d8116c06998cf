"""What crosses the wire and rests in the database contains nothing that the members meant for each other alone (P5)."""

import base64
import json

from test_recovery import FILES, connect, open_session


def spellings(secret):
    """The ways in which a text could hide in plain sight."""
    raw = secret.encode()
    return {raw, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw)[:-4], json.dumps(secret)[1:-1].encode()}


def test_the_relay_learns_no_name_no_sdp_and_no_secret(world):
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner)
    connect(joiner, provider, session)
    joiner.send("report", session=session, files=[{**f, "done": True} for f in FILES[:300]])
    joiner.event("progress_stored", sessionId=session, filesDone=300)
    since = provider.events.mark()
    joiner.kill()
    joiner = world.peer("joiner")
    request = provider.event("recovery_request", since=since, sessionId=session)
    assert len(request["held"]) == 300
    joiner.event("recovery_response", sessionId=session)
    connect(joiner, provider, session, 0, since)
    assert world.relay.process.stop() == 0

    invite = provider.events.wait(event="syncshell_created")["invite"]
    details = json.loads(base64.urlsafe_b64decode(invite.split(".", 1)[1] + "=="))
    secrets = {details["secret"], invite, "armour pack", "private-address", "192.0.2.7", "candidate:1"}
    secrets |= {f["path"] for f in FILES} | {f["hash"] for f in FILES} | {"secret-armour"}
    log = "\n".join(world.relay.process.errors).encode()
    places = {"wire": b"".join(world.tap.raw), "log": log}
    for file in world.relay_folder.iterdir():
        places[file.name] = file.read_bytes()
    assert "relay.db" in places
    if world.tls:
        assert len(places["wire"]) > 0
    for place, content in places.items():
        for secret in secrets:
            for spelling in spellings(secret):
                assert spelling not in content, f"{secret!r} stands in {place}"
    # The search can find: what the relay may know is there.
    assert provider.peer_id.encode() in places["wire"]
    world.relay.collect()
