"""Recovery codes in the wrong hands: each case its documented code, and the session stays where it belongs."""

import asyncio
import hashlib

from scene import SESSION, case, stranger
from support.raw import Group, recovery_code

GUESSES = {"limits_failures_max": 3, "timing_failure_delay_ms": 600000, "timing_failure_delay_max_ms": 600000}
THIEF, HASTY_THIEF = "127.0.0.9", "127.0.0.10"


async def guest_of(world, group, address=None):
    guest = await stranger(world, address).connect()
    await guest.join(group)
    return guest


async def joiner(peer, group):
    """Who receives in SESSION, as the relay tells it on joining."""
    sessions = (await peer.join(group))["sessions"]
    return {s["recoverySessionId"]: s["joinerPeerId"] for s in sessions}[SESSION]


@case(**GUESSES)
async def guessing_codes(world, owner, other, group):
    """Four wrong ones, and the address is not listened to; not with the right one either. Others are."""
    code = recovery_code()
    await other.issue_code(group, SESSION, code)
    thief = await guest_of(world, group, THIEF)
    for _ in range(4):
        assert (await thief.redeem_code(group, recovery_code(), "Error"))["code"] == "wrong_recovery_code"
    refusal = await thief.redeem_code(group, code, "Error")
    assert refusal["code"] == "too_many_failures" and refusal["retryAfterMs"] > 0
    device = await guest_of(world, group)
    assert (await device.redeem_code(group, code))["recoverySessionId"] == SESSION
    await thief.close()
    await device.close()


@case(**GUESSES)
async def guessing_codes_all_at_once(world, owner, other, group):
    """Before any of them is answered: no more are looked at than one after another. Nor by not waiting for the answers."""
    code = recovery_code()
    await other.issue_code(group, SESSION, code)
    thief = await guest_of(world, group, HASTY_THIEF)
    sent = [await thief.send("RedeemRecoveryCode", syncshellId=group.id, code=c) for c in [recovery_code() for _ in range(30)] + [code]]
    said = [(await thief.expect("Error", inReplyTo=m))["code"] for m in sent]
    assert set(said) == {"wrong_recovery_code", "too_many_failures"} and said.count("wrong_recovery_code") <= 4, said
    assert said[-1] == "too_many_failures"
    await thief.close()
    device = await guest_of(world, group)
    assert (await device.redeem_code(group, code))["recoverySessionId"] == SESSION
    await device.close()


@case
async def replaying_a_code(world, owner, other, group):
    """Who has listened to it being read aloud comes too late."""
    code = recovery_code()
    await other.issue_code(group, SESSION, code)
    device, thief = await guest_of(world, group), await guest_of(world, group)
    await device.redeem_code(group, code)
    for late in (thief, other, owner):
        assert (await late.redeem_code(group, code, "Error"))["code"] == "recovery_code_used"
    assert await joiner(owner, group) == device.id
    await device.close()
    await thief.close()


@case(timing_recovery_code_ttl_ms=100, **GUESSES)
async def an_expired_code(world, owner, other, group):
    """It says so to who holds it, however often; another one is wrong, not expired."""
    code = recovery_code()
    assert (await other.issue_code(group, SESSION, code))["validForMs"] == 100
    device = await guest_of(world, group)
    while (await owner.redeem_code(group, code, "Error"))["code"] == "not_participant":  # while it is valid
        await asyncio.sleep(0.02)
    for _ in range(10):
        assert (await device.redeem_code(group, code, "Error"))["code"] == "recovery_code_expired"
    assert (await device.redeem_code(group, recovery_code(), "Error"))["code"] == "wrong_recovery_code"
    assert await joiner(owner, group) == other.id
    await device.close()


@case
async def codes_of_others(world, owner, other, group):
    """Only the joiner makes one; a code of one syncshell opens nothing in another, nor to who is no member."""
    third = await guest_of(world, group)
    for peer in (third, owner):
        assert (await peer.issue_code(group, SESSION, recovery_code(), "Error"))["code"] == "not_participant"
    code = recovery_code()
    await other.issue_code(group, SESSION, code)
    assert (await owner.redeem_code(group, code, "Error"))["code"] == "not_participant"
    elsewhere = Group()
    await third.create(elsewhere)
    await third.join(elsewhere)
    assert (await third.redeem_code(elsewhere, code, "Error"))["code"] == "wrong_recovery_code"
    outsider = await stranger(world).connect()
    assert (await outsider.redeem_code(group, code, "Error"))["code"] == "not_joined"
    assert await joiner(owner, group) == other.id
    for peer in (third, outsider):
        await peer.close()


@case
async def a_hash_of_another_syncshell(world, owner, other, group):
    """Whoever makes codes may give the relay any hash: one that stands in another syncshell is refused, and no fault of its store; the
    maker's earlier code counts still."""
    code, earlier = recovery_code(), recovery_code()
    await other.issue_code(group, SESSION, code)
    elsewhere = Group()
    await other.create(elsewhere)
    await other.join(elsewhere)
    await owner.join(elsewhere)
    await other.ask("SessionOpen", "Stored", syncshellId=elsewhere.id, recoverySessionId="elsewhere",
                    joinerPeerId=other.id, providerPeerId=owner.id)
    await other.issue_code(elsewhere, "elsewhere", earlier)
    text = "\n".join(("syncshell.v1 recovery-code", group.id, code))
    answer = await other.ask("IssueRecoveryCode", "Error", syncshellId=elsewhere.id, recoverySessionId="elsewhere",
                             codeSha256=hashlib.sha256(text.encode()).hexdigest())
    assert answer["code"] == "recovery_code_used"
    device = await guest_of(world, group)
    await device.join(elsewhere)
    await device.redeem_code(group, code)
    await device.redeem_code(elsewhere, earlier)
    await device.close()


@case
async def a_former_joiner_goes_on(world, owner, other, group):
    """The device that lost the session writes, offers and hands over in vain."""
    code = recovery_code()
    await other.issue_code(group, SESSION, code)
    device = await guest_of(world, group)
    await device.redeem_code(group, code)
    moved = await other.expect("SessionChanged")
    assert moved["session"]["joinerPeerId"] == device.id
    await other.refused("not_participant", "ReconnectOffer", b"x" * 40, **other.route(group, owner.id, SESSION, 2))
    await other.refused("not_participant", "SessionProgress", b"x", syncshellId=group.id, recoverySessionId=SESSION,
                        baseVersion=1, bodyFormat="sealed")
    await other.refused("not_participant", "SessionSnapshotRequest", syncshellId=group.id, recoverySessionId=SESSION,
                        afterVersion=0)
    assert (await other.issue_code(group, SESSION, recovery_code(), "Error"))["code"] == "not_participant"
    assert await joiner(owner, group) == device.id
    await device.close()


@case
async def many_codes_for_one_session(world, owner, other, group):
    """Each ends the one before; nobody fills the relay with them."""
    codes = [recovery_code() for _ in range(20)]
    for code in codes:
        await other.issue_code(group, SESSION, code)
    device = await guest_of(world, group)
    assert (await device.redeem_code(group, codes[-2], "Error"))["code"] == "recovery_code_expired"
    assert (await device.redeem_code(group, codes[0], "Error"))["code"] == "wrong_recovery_code"
    await device.redeem_code(group, codes[-1])
    await device.close()


@case
async def a_code_of_a_removed_member(world, owner, other, group):
    code = recovery_code()
    await other.issue_code(group, SESSION, code)
    device = await guest_of(world, group)
    await owner.owner("RemoveMember", group, 1, other.id)
    assert (await device.redeem_code(group, code, "Error"))["code"] == "session_closed"
    await device.close()
