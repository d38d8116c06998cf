"""What owners do, spoken without our library: in force at once, after a kill of the relay right behind the answer, and not
once more when the frames are sent again."""

import asyncio
import contextlib
import sqlite3

import pytest

from support.raw import Group, RawPeer, public_text

SESSION = "transfer-1"


def raw(world, key=None):
    """Through the tap: it judges both directions."""
    return RawPeer(world.url, key, world.tls.client_context() if world.tls else None)


@contextlib.asynccontextmanager
async def trio(world):
    """An owner and two members, each with a session with it; whoever is connected in the end is closed."""
    owner, second, third = raw(world), raw(world), raw(world)
    group = Group()
    await owner.connect()
    await owner.create(group)
    await owner.join(group)
    for peer in (second, third):
        await peer.connect()
        await peer.join(group)
        await peer.open_session(group, f"{SESSION}-{peer.id[-6:]}", peer.id, owner.id)
    yield owner, second, third, group
    for peer in (owner, second, third):
        await peer.close()


async def crash(world, *peers):
    """The relay is killed and started again, and these come back to it, not joined."""
    await asyncio.to_thread(world.relay.kill)
    await asyncio.to_thread(world.start_relay)
    for peer in peers:
        await peer.close()
        await peer.connect()


def rotated(group):
    return Group(group.id, epoch=group.epoch + 1)


async def rotate(owner, group, sequence):
    """The new group; the relay has it on disk."""
    new = rotated(group)
    await owner.owner("RotateGroupKey", group, sequence, new.epoch, public_text(new.signing_key))
    return new


def case(function):
    def test(world):
        async def run():
            async with trio(world) as peers:
                await function(world, *peers)
        asyncio.run(run())
    test.__name__ = function.__name__
    test.__doc__ = function.__doc__
    return test


@case
async def test_a_removed_member_is_out_at_once_and_after_a_kill(world, owner, second, third, group):
    await owner.owner("RemoveMember", group, 1, second.id)
    ended = await second.expect("MembershipEnded")
    assert ended["code"] == "member_removed" and ended["syncshellId"] == group.id
    await third.expect("PeerPresence", peerId=second.id, presence="left")
    await second.refused("not_joined", "ReconnectOffer", b"x" * 40, **second.route(group, owner.id, SESSION, 2))
    await crash(world, owner, second, third)
    assert (await second.join(group, "Error"))["code"] == "member_removed"
    assert (await second.join(rotated(group), "Error"))["code"] == "member_removed"
    joined = await owner.join(group)
    assert {m["peerId"] for m in joined["members"]} == {owner.id, third.id} and joined["ownerSequence"] == 1
    states = {s["joinerPeerId"]: (s["state"], s.get("outcome")) for s in joined["sessions"]}
    assert states == {second.id: ("closed", "cancelled"), third.id: ("open", None)}


@case
async def test_a_rotation_holds_after_a_kill_and_sessions_survive_it(world, owner, second, third, group):
    new = await rotate(owner, group, 1)
    assert (await second.expect("MembershipEnded"))["code"] == "wrong_key_epoch"
    await crash(world, owner, second, third)
    assert (await third.join(group, "Error"))["code"] == "wrong_key_epoch"
    assert (await third.join(rotated(group), "Error"))["code"] == "bad_proof"
    joined = await third.join(new)
    assert joined["keyEpoch"] == 2 and [s["state"] for s in joined["sessions"]] == ["open"]
    await owner.join(new)


@case
async def test_the_ownership_is_the_new_owners_after_a_kill(world, owner, second, third, group):
    await owner.owner("TransferOwnership", group, 1, second.id)
    changed = await third.expect("OwnerChanged")
    assert changed["ownerPeerId"] == second.id and changed["ownerSequence"] == 1
    await crash(world, owner, second, third)
    for peer in (owner, second, third):
        assert (await peer.join(group))["ownerPeerId"] == second.id
    refusal = await owner.owner("RemoveMember", group, 2, third.id, answer="Error")
    assert refusal["code"] == "not_owner"
    await second.owner("RemoveMember", group, 2, owner.id)
    assert (await owner.expect("MembershipEnded"))["code"] == "member_removed"


@case
async def test_a_deleted_syncshell_stays_deleted_after_a_kill(world, owner, second, third, group):
    await owner.owner("DeleteSyncshell", group, 1)
    assert (await second.expect("MembershipEnded"))["code"] == "syncshell_deleted"
    await crash(world, owner, second)
    for peer in (owner, second):
        assert (await peer.join(group, "Error"))["code"] == "syncshell_deleted"
    assert (await owner.create(group, "Error"))["code"] == "syncshell_deleted"


@case
async def test_nobody_else_may(world, owner, second, third, group):
    for message_type, subject in (
        ("RemoveMember", [third.id]), ("TransferOwnership", [second.id]), ("DeleteSyncshell", []),
        ("RotateGroupKey", [2, public_text(rotated(group).signing_key)]),
    ):
        refusal = await second.owner(message_type, group, 1, *subject, answer="Error")
        assert refusal["code"] == "not_owner", refusal
    # Signed by the owner's own hand, but sent by another.
    stolen = owner.owner_fields("RemoveMember", group, 1, third.id)
    await second.refused("not_owner", "RemoveMember", **stolen)
    await third.alive(group)


@pytest.mark.parametrize("changed", ["peerId", "ownerSequence", "syncshellId"])
def test_a_signature_fits_one_operation(world, changed):
    @case
    async def run(world, owner, second, third, group):
        other = Group()
        await owner.create(other)
        await owner.join(other)
        fields = owner.owner_fields("RemoveMember", group, 1, second.id)
        fields[changed] = {"peerId": third.id, "ownerSequence": 2, "syncshellId": other.id}[changed]
        await owner.refused("bad_signature", "RemoveMember", **fields)
        assert await owner.closed() == 4401
        await second.alive(group)
        await third.alive(group)
    run(world)


@case
async def test_recorded_frames_do_nothing_a_second_time(world, owner, second, third, group):
    """Whoever has recorded the owner's frames sends them again: on its connection, on another, and after a restart."""
    recorded = owner.owner_fields("RotateGroupKey", group, 1, 2, public_text(rotated(group).signing_key))
    recorded["messageId"] = "recorded"
    removal = owner.owner_fields("RemoveMember", group, 2, second.id)
    await owner.ask("RotateGroupKey", "Stored", **recorded)
    again = await owner.ask("RotateGroupKey", "Stored", **recorded)
    assert again["duplicate"] is True
    await owner.owner("TransferOwnership", group, 2, owner.id)
    stale = await owner.refused("stale_owner_sequence", "RotateGroupKey", **recorded)
    assert stale["version"] == 2
    await owner.refused("stale_owner_sequence", "RemoveMember", **removal)
    await crash(world, owner)
    # It is signed over another nonce now.
    assert (await owner.join(group, "Error"))["code"] == "wrong_key_epoch"
    await owner.refused("not_joined", "RotateGroupKey", **recorded)


@case
async def test_a_frame_of_an_earlier_connection_is_worthless(world, owner, second, third, group):
    recorded = owner.owner_fields("DeleteSyncshell", group, 1)
    await crash(world, owner)
    await owner.join(group)
    await owner.refused("bad_signature", "DeleteSyncshell", **recorded)
    assert await owner.closed() == 4401


def inbox_entries(world):
    with contextlib.closing(sqlite3.connect(f"file:{world.relay.database}?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*) FROM inbox_message").fetchone()[0]


@case
async def test_what_was_held_for_a_removed_member_goes_with_it(world, owner, second, third, group):
    session = f"{SESSION}-{second.id[-6:]}"
    await second.close()
    await owner.expect("PeerPresence", peerId=second.id, presence="away")
    offer = owner.route(group, second.id, session, 1)
    await owner.send("ReconnectOffer", b"x" * 40, **offer)
    await owner.ask("RecoveryRequest", "Stored", b"y" * 40, **owner.route(group, second.id, session, 1))
    assert inbox_entries(world) == 1
    await owner.owner("RemoveMember", group, 1, second.id)
    assert (await owner.expect("Undeliverable", inReplyTo=offer["messageId"]))["code"] == "target_left"
    await owner.refused("unknown_target", "RecoveryRequest", b"y" * 40, **owner.route(group, second.id, session, 1))
    await crash(world, owner)
    await owner.join(group)
    assert inbox_entries(world) == 0


@case
async def test_a_signature_for_another_relay_is_worthless(world, owner, second, third, group):
    owner.hello = {**owner.hello, "relayId": "another-relay"}
    assert (await owner.owner("RemoveMember", group, 1, second.id, answer="Error"))["code"] == "bad_signature"
    assert await owner.closed() == 4401
    await second.alive(group)


@case
async def test_a_signature_for_one_operation_fits_no_other_with_its_fields(world, owner, second, third, group):
    removal = owner.owner_fields("RemoveMember", group, 1, second.id)
    await owner.refused("bad_signature", "TransferOwnership", **removal)
    assert await owner.closed() == 4401
    await crash(world, owner)
    assert (await owner.join(group))["ownerPeerId"] == owner.id
