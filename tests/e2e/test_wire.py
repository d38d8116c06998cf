"""The schemas and the frames that really crossed describe the same language."""

from support.raw import Group, RawPeer
import asyncio


def test_leaving_ends_membership(world):
    provider, joiner, syncshell = world.pair()
    ticket = joiner.send("leave", syncshell=syncshell)
    joiner.event("syncshell_left", ticket=ticket)
    provider.event("peer_presence", peerId=joiner.peer_id, presence="left")


def test_the_relay_says_goodbye(world):
    """SIGTERM: GoAway, an orderly end with status 0, and the clients come back to the next relay by themselves."""
    provider, joiner, _ = world.pair()
    marks = {side: side.events.mark() for side in (provider, joiner)}
    assert world.relay.stop() == 0
    world.start_relay()
    for side, mark in marks.items():
        side.event("relay_connected", since=mark)
        side.event("syncshell_ready", since=mark)
    world.tap.log.wait(type="GoAway")


def test_raw_and_library_members_understand_each_other(world):
    """A member written from the protocol's description alone meets the library: same keys, same proofs, same sealing."""
    import base64
    import json

    provider, _, _ = world.pair()
    created = provider.events.wait(event="syncshell_created")
    details = json.loads(base64.urlsafe_b64decode(created["invite"].split(".", 1)[1] + "=="))
    group = Group(details["id"], base64.urlsafe_b64decode(details["secret"] + "="))

    async def run():
        raw = RawPeer(world.url, ssl=world.tls.client_context() if world.tls else None)
        await raw.connect()
        await raw.join(group)
        provider.send("open", peer=raw.id, role="provider", session="mixed")
        provider.event("session_opened", sessionId="mixed")
        await raw.expect("SessionChanged")
        sealed = group.seal({"offerSdp": "v=0 from outside"}, "ReconnectOffer", raw.id, provider.peer_id, "mixed", 1)
        await raw.send("ReconnectOffer", sealed, **raw.route(group, provider.peer_id, "mixed", 1))
        offer = await asyncio.to_thread(provider.event, "offer", sessionId="mixed")
        assert offer["sdp"] == "v=0 from outside"
        provider.send("answer", session="mixed", generation=1, sdp="v=0 from the library")
        answer = await raw.expect("ReconnectAnswer")
        opened = group.unseal(answer["body"], "ReconnectAnswer", provider.peer_id, raw.id, "mixed", 1)
        assert opened["answerSdp"] == "v=0 from the library"
        await raw.close()
    asyncio.run(run())
