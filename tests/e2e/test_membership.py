"""What the library makes of an owner's decisions. The owner is spoken by support/raw.py, the members are ours."""

import asyncio
import json

from support.raw import Group, RawPeer, b64, public_text
from test_sync import Sync


def invite(world, group, owner):
    details = {"relay": world.url, "id": group.id, "secret": b64(group.secret), "owner": owner.id}
    return "syncshell1." + b64(json.dumps(details).encode())


async def found(world):
    """An owner that has made a syncshell, and is in it."""
    owner, group = RawPeer(world.url, None, world.tls.client_context() if world.tls else None), Group()
    await owner.connect()
    await owner.create(group)
    await owner.join(group)
    return owner, group


def play(world, decide):
    """An owner and our member with an open session; `decide` lets the owner act. Returns the member and the syncshell."""
    with asyncio.Runner() as runner:
        owner, group = runner.run(found(world))
        member = world.peer("member")
        member.send("join", invite=invite(world, group, owner))
        member.event("syncshell_ready", syncshellId=group.id)
        member.send("open", syncshell=group.id, peer=owner.id, role="joiner", session="s1")
        member.event("session_opened")
        runner.run(decide(owner, member, group))
        runner.run(owner.close())
    return member, group


def still_known(world, group):
    """Whether the state directory holds the syncshell: what it holds is joined at every start."""
    return world.command("member", "invite", "--syncshell", group.id, check=False).returncode == 0


def test_a_removed_member_ends_its_sessions_and_stays_away(world):
    async def remove(owner, member, group):
        await owner.owner("RemoveMember", group, 1, member.peer_id)

    member, group = play(world, remove)
    closed = member.event("session_closed")
    assert (closed["sessionId"], closed["outcome"], closed["cause"]) == ("s1", "cancelled", "member_removed")
    assert member.event("membership_ended")["code"] == "member_removed"
    member.stop()
    assert not still_known(world, group)


def test_a_member_hears_of_a_deletion_when_it_comes_back(world):
    async def delete(owner, member, group):
        member.kill()
        await owner.owner("DeleteSyncshell", group, 1)

    _, group = play(world, delete)
    member = world.peer("member")
    assert member.event("session_closed")["cause"] == "syncshell_deleted"
    assert member.event("membership_ended")["code"] == "syncshell_deleted"
    member.stop()
    assert not still_known(world, group)


def test_a_rotated_key_keeps_the_session(world):
    async def rotate(owner, _member, group):
        new = Group(group.id, epoch=2)
        await owner.owner("RotateGroupKey", group, 1, 2, public_text(new.signing_key))

    member, group = play(world, rotate)
    assert member.event("membership_ended")["code"] == "wrong_key_epoch"
    assert not member.events.all(event="session_closed")
    member.stop()
    assert still_known(world, group)


def test_a_fetch_ends_with_the_membership(world, tmp_path):
    async def remove():
        owner, group = await found(world)
        await asyncio.to_thread(world.command, "member", "join", invite(world, group, owner))
        trust = ["--ca", str(world.tls.authority)] if world.tls else []
        fetch = Sync("fetch", tmp_path / "target", world.folder / "member", *trust)
        world.processes.append(fetch)
        opened = await owner.expect("SessionChanged")
        await owner.owner("RemoveMember", group, 1, opened["session"]["joinerPeerId"])
        await owner.close()
        return fetch

    (tmp_path / "target").mkdir()
    fetch = asyncio.run(remove())
    assert fetch.wait() == 1
    assert any("member_removed" in line for line in fetch.errors), fetch.errors
