"""What the library makes of an owner's decisions. The owner is spoken by support/raw.py, the members are ours."""

import asyncio

import pytest

from support.raw import Group, RawPeer, invite, public_text
from test_sync import Sync


async def found(world):
    """An owner that has made a syncshell, and is in it."""
    owner, group = RawPeer(world.url, None, world.tls.client_context() if world.tls else None), Group()
    await owner.connect()
    await owner.create(group)
    await owner.join(group)
    return owner, group


async def remove(owner, group, member_id):
    await owner.owner("RemoveMember", group, 1, member_id)


async def rotate(owner, group, _member_id):
    new = Group(group.id, epoch=2)
    await owner.owner("RotateGroupKey", group, 1, 2, public_text(new.signing_key))


async def delete(owner, group, _member_id):
    await owner.owner("DeleteSyncshell", group, 1)


def play(world, decide, kill_first=False):
    """An owner and our member with an open session; `decide` lets the owner act. Returns the member and the syncshell."""
    with asyncio.Runner() as runner:
        owner, group = runner.run(found(world))
        member = world.peer("member")
        member.send("join", invite=invite(world.url, group, owner))
        member.event("syncshell_ready", syncshellId=group.id)
        member.send("open", syncshell=group.id, peer=owner.id, role="joiner", session="s1")
        member.event("session_opened")
        if kill_first:
            member.kill()
        runner.run(decide(owner, group, member.peer_id))
        runner.run(owner.close())
    return member, group


def still_known(world, group):
    """Whether the state directory holds the syncshell: what it holds is joined at every start."""
    return world.command("member", "invite", "--syncshell", group.id, check=False).returncode == 0


def test_a_removed_member_ends_its_sessions_and_stays_away(world):
    member, group = play(world, remove)
    closed = member.event("session_closed")
    assert (closed["sessionId"], closed["outcome"], closed["cause"]) == ("s1", "cancelled", "member_removed")
    assert member.event("membership_ended")["code"] == "member_removed"
    member.stop()
    assert not still_known(world, group)


def test_a_member_hears_of_a_deletion_when_it_comes_back(world):
    _, group = play(world, delete, kill_first=True)
    member = world.peer("member")
    assert member.event("session_closed")["cause"] == "syncshell_deleted"
    assert member.event("membership_ended")["code"] == "syncshell_deleted"
    member.stop()
    assert not still_known(world, group)


def test_a_rotated_key_keeps_the_session(world):
    member, group = play(world, rotate)
    assert member.event("membership_ended")["code"] == "wrong_key_epoch"
    assert not member.events.all(event="session_closed")
    member.stop()
    assert still_known(world, group)


@pytest.mark.parametrize("decide, code", [(remove, "member_removed"), (rotate, "wrong_key_epoch")])
def test_a_fetch_ends_with_the_membership(world, tmp_path, decide, code):
    async def play_fetch():
        owner, group = await found(world)
        await asyncio.to_thread(world.command, "member", "join", invite(world.url, group, owner))
        trust = ["--ca", str(world.tls.authority)] if world.tls else []
        fetch = Sync("fetch", tmp_path / "target", world.folder / "member", *trust)
        world.processes.append(fetch)
        opened = await owner.expect("SessionChanged")
        await decide(owner, group, opened["session"]["joinerPeerId"])
        await owner.close()
        return fetch

    (tmp_path / "target").mkdir()
    fetch = asyncio.run(play_fetch())
    assert fetch.wait() == 1
    assert any(code in line for line in fetch.errors), fetch.errors
