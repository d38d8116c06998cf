"""What a syncshell's owner does with our library and command: in force at once and after restarts, each once, and what the other
members make of a rotated key."""

import json

from test_recovery import connect, open_session


def removed_for_good(world, joiner, shell):
    """It ended its sessions, and neither its next start nor the invite lets it in."""
    assert joiner.event("session_closed")["cause"] == "member_removed"
    assert joiner.event("membership_ended", syncshellId=shell)["code"] == "member_removed"
    joiner.stop()
    assert world.command("joiner", "invite", "--syncshell", shell, check=False).returncode != 0


def test_a_removed_member_is_out_at_once_and_stays_out(world):
    provider, joiner, shell = world.pair()
    session = open_session(provider, joiner, [])
    connect(joiner, provider, session)
    invite = provider.event("syncshell_created")["invite"]
    ticket = provider.send("remove_member", peer=joiner.peer_id)
    done = provider.event("member_removed", ticket=ticket)
    assert (done["syncshellId"], done["peerId"]) == (shell, joiner.peer_id)
    provider.event("peer_presence", peerId=joiner.peer_id, presence="left")
    removed_for_good(world, joiner, shell)
    world.relay.kill()
    world.start_relay()
    again = world.command("joiner", "join", invite, check=False)
    assert again.returncode == 1 and "member_removed" in again.stderr


def test_who_was_away_hears_of_the_removal_and_not_of_the_new_key_alone(world):
    """An owner who removes somebody rotates the key, too."""
    provider, joiner, shell = world.pair()
    open_session(provider, joiner, [])
    joiner.kill()
    provider.event("member_removed", ticket=provider.send("remove_member", peer=joiner.peer_id))
    rotate(provider)
    removed_for_good(world, world.peer("joiner"), shell)


def rotate(provider):
    return provider.event("key_rotated", ticket=provider.send("rotate_key"))["invite"]


def test_a_rotated_key_keeps_sessions_for_those_who_get_the_new_invite(world):
    provider, joiner, shell = world.pair()
    old = provider.event("syncshell_created")["invite"]
    session = open_session(provider, joiner)
    generation = connect(joiner, provider, session)
    files = [{"path": "mods/secret-armour-0000.tex", "size": 1000, "done": True}]
    joiner.send("report", session=session, files=files)
    joiner.event("progress_stored", filesDone=1)
    mark = joiner.events.mark()
    joiner.send("recover", session=session)  # sealed under the old key; the provider reads it from its inbox later
    joiner.event("recovery_requested", since=mark)
    invite = rotate(provider)
    assert invite != old
    assert joiner.event("membership_ended", syncshellId=shell)["code"] == "wrong_key_epoch"
    joiner.send("link", session=session, generation=generation, state="lost")
    joiner.kill()
    world.relay.kill()
    world.start_relay()
    joiner = world.peer("joiner")
    assert joiner.event("membership_ended", syncshellId=shell)["code"] == "wrong_key_epoch"
    refused = joiner.event("request_failed", ticket=joiner.send("join", invite=old))
    assert refused["code"] == "wrong_key_epoch"
    ticket = joiner.send("join", invite=invite)
    joiner.event("syncshell_joined", ticket=ticket)
    joiner.event("session_resumed", sessionId=session)
    since = provider.events.mark()
    connect(joiner, provider, session, 0, since)
    joiner.event("progress_stored", filesDone=1)  # once more: the log is under the new key now
    joiner.send("close", session=session, outcome="completed")
    for side in (joiner, provider):
        assert side.event("session_closed", sessionId=session)["outcome"] == "completed"
    guest = world.command("guest", "join", old, check=False)
    assert guest.returncode == 1 and "wrong_key_epoch" in guest.stderr and "new invite" in guest.stderr
    world.command("guest", "join", invite)


def test_what_lies_in_an_inbox_outlives_the_key(world):
    """A request of before the rotation, of which the provider hears only after it."""
    provider, joiner, _ = world.pair()
    third = world.peer("third")
    third.send("join", invite=provider.event("syncshell_created")["invite"])
    third.event("syncshell_ready")
    joiner.send("open", peer=third.peer_id, role="joiner")
    session = joiner.event("session_opened")["sessionId"]
    third.send("manifest", session=session, files=[{"path": "a", "size": 10}])
    third.event("manifest_saved", sessionId=session)
    joiner.send("report", session=session, files=[{"path": "b", "size": 7, "done": True}])
    joiner.event("progress_saved", sessionId=session)
    third.kill()
    joiner.event("peer_presence", peerId=third.peer_id, presence="away")
    ticket = joiner.send("recover", session=session)  # by its ticket: one of before the report may be told only now
    request = joiner.event("recovery_requested", ticket=ticket)["requestId"]
    invite = rotate(provider)
    joiner.event("membership_ended")
    joiner.stop()
    third = world.peer("third")
    third.event("membership_ended", code="wrong_key_epoch")
    third.send("join", invite=invite)
    heard = third.event("recovery_request", sessionId=session, requestId=request)
    assert [f["path"] for f in heard["held"]] == ["b"] and [f["path"] for f in heard["needed"]] == ["a"]


def test_an_owner_killed_while_it_rotates_knows_the_new_key(world):
    """Killed right after the wish: it is carried out once, by whichever process, and the owner is never locked out."""
    provider, joiner, shell = world.pair()
    for _ in range(4):
        provider.post("rotate_key", tag="rotate")
        provider.events.wait(event="accepted", tag="rotate")
        provider.kill()
        provider = world.peer("provider")
        provider.event("syncshell_ready", syncshellId=shell)
    provider.send("rotate_key")
    invite = provider.events.wait(where=lambda e: e.get("event") == "key_rotated" and "ticket" in e)["invite"]
    joiner.event("membership_ended", code="wrong_key_epoch")
    mark = joiner.events.mark()
    joiner.send("join", invite=invite)
    joiner.event("syncshell_joined", since=mark)
    provider.event("peer_presence", peerId=joiner.peer_id, presence="online")


def test_handed_over_and_deleted(world):
    provider, joiner, shell = world.pair()
    session = open_session(provider, joiner, [])
    provider.event("owner_changed", ticket=provider.send("hand_over", peer=joiner.peer_id))
    assert joiner.event("owner_changed")["ownerPeerId"] == joiner.peer_id
    assert len(provider.events.all(event="owner_changed")) == 1
    failed = provider.event("request_failed", ticket=provider.send("rotate_key"))
    assert failed["code"] == "not_owner"
    joiner.event("syncshell_deleted", ticket=joiner.send("delete_syncshell", syncshell=shell))
    assert provider.event("membership_ended")["code"] == "syncshell_deleted"
    for side in (provider, joiner):
        assert side.event("session_closed", sessionId=session)["cause"] == "syncshell_deleted"
        side.stop()
    assert world.command("joiner", "rotate-key", "--syncshell", shell, check=False).returncode == 1


def test_the_owners_commands(world):
    created = json.loads(world.command("owner", "create", "--relay", world.url, "--json").stdout)
    world.command("guest", "join", created["invite"])
    guest = world.command("guest", "id").stdout.strip()
    refused = world.command("guest", "rotate-key", check=False)
    assert refused.returncode == 1 and "not_owner" in refused.stderr and "Only the owner" in refused.stderr
    invite = world.command("owner", "rotate-key").stdout.strip()
    assert invite.startswith("syncshell1.") and invite != created["invite"]
    world.command("guest", "join", invite)
    world.command("owner", "hand-over", guest)
    members = json.loads(world.command("guest", "members", "--json").stdout)
    assert guest in json.dumps(members)
    owner = world.command("owner", "id").stdout.strip()
    gone = world.command("guest", "remove-member", owner)
    assert "rotate-key" in gone.stderr
    world.command("guest", "delete", "--syncshell", created["syncshellId"])
    assert world.command("guest", "join", invite, check=False).returncode == 1
