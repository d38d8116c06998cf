"""Recovery codes spoken without our library: stored before they are answered, used once, and only their hash at rest."""

import asyncio
import contextlib
import hashlib
import sqlite3
from pathlib import Path

from support.raw import recovery_code
from test_owners import SESSION, crash, raw, trio


def case(function):
    def test(world):
        async def run():
            async with trio(world) as (owner, second, third, group):
                await function(world, owner, second, third, group)
        asyncio.run(run())
    test.__name__ = function.__name__
    test.__doc__ = function.__doc__
    return test


def session_of(peer):
    return f"{SESSION}-{peer.id[-6:]}"


def rows(world, sql):
    with contextlib.closing(sqlite3.connect(f"file:{world.relay.database}?mode=ro", uri=True)) as database:
        return database.execute(sql).fetchall()


@case
async def test_a_code_survives_a_kill_and_hands_the_session_over(world, owner, second, third, group):
    """The joiner is gone for good; its user goes on at another device."""
    session, code = session_of(second), recovery_code()
    stored = await second.issue_code(group, session, code)
    assert 0 < stored["validForMs"] <= 600000
    await second.close()
    await crash(world, owner, third)
    await owner.join(group)
    await third.join(group)
    assert (await third.redeem_code(group, code))["recoverySessionId"] == session
    for peer in (owner, third):
        changed = (await peer.expect("SessionChanged"))["session"]
        assert (changed["joinerPeerId"], changed["providerPeerId"], changed["state"]) == (third.id, owner.id, "open")
    # What was acknowledged is known after the next kill, too, and not done a second time.
    await crash(world, owner, second, third)
    joined = await second.join(group)
    assert {s["recoverySessionId"]: s["joinerPeerId"] for s in joined["sessions"]} == {session: third.id}
    await third.join(group)
    assert (await third.redeem_code(group, code))["duplicate"] is True
    assert (await second.redeem_code(group, code, "Error"))["code"] == "recovery_code_used"
    await owner.join(group)
    offer = third.route(group, owner.id, session, 65)  # above what the relay may have forgotten
    await third.send("ReconnectOffer", b"x" * 40, **offer)
    await owner.expect("ReconnectOffer", messageId=offer["messageId"])


@case
async def test_killed_right_behind_the_redemption(world, owner, second, third, group):
    """Either it was stored or it was not: asking again is safe, and there is one joiner."""
    session, code = session_of(second), recovery_code()
    await second.issue_code(group, session, code)
    await third.send("RedeemRecoveryCode", syncshellId=group.id, code=code)
    await crash(world, owner, third)
    await third.join(group)
    assert (await third.redeem_code(group, code))["recoverySessionId"] == session
    joined = await owner.join(group)
    assert {s["recoverySessionId"]: s["joinerPeerId"] for s in joined["sessions"]}[session] == third.id


@case
async def test_killed_right_behind_the_making(world, owner, second, third, group):
    """Either it was stored or it was not: the same code is made again, and is one."""
    session, code = session_of(second), recovery_code()
    text = "\n".join(("syncshell.v1 recovery-code", group.id, code))
    await second.send("IssueRecoveryCode", syncshellId=group.id, recoverySessionId=session,
                      codeSha256=hashlib.sha256(text.encode()).hexdigest())
    await crash(world, owner, second, third)
    await second.join(group)
    await second.issue_code(group, session, code)
    assert rows(world, "SELECT count(*) FROM recovery_code") == [(1,)]
    await third.join(group)
    await third.redeem_code(group, code)


@case
async def test_of_two_devices_at_once_one_has_it(world, owner, second, third, group):
    """Also after a kill right behind them; and the one that lost hears it."""
    session, code = session_of(second), recovery_code()
    fourth = raw(world)
    await fourth.connect()
    await fourth.join(group)
    await second.issue_code(group, session, code)
    for device in (third, fourth):
        await device.send("RedeemRecoveryCode", syncshellId=group.id, code=code)
    await crash(world, owner, third, fourth)
    for device in (third, fourth):
        await device.join(group)
    answers = [await device.redeem_code(group, code, None) for device in (third, fourth)]
    assert sorted(a["type"] for a in answers) == ["Error", "Stored"], answers
    assert [a["code"] for a in answers if a["type"] == "Error"] == ["recovery_code_used"]
    joined = await owner.join(group)
    winner = (third, fourth)[[a["type"] for a in answers].index("Stored")]
    assert {s["recoverySessionId"]: s["joinerPeerId"] for s in joined["sessions"]}[session] == winner.id
    await fourth.close()


@case
async def test_the_joiner_that_redeems_its_own_code_keeps_it(world, owner, second, third, group):
    session, code = session_of(second), recovery_code()
    await second.issue_code(group, session, code)
    own = await second.redeem_code(group, code)
    assert own["duplicate"] is True and own["recoverySessionId"] == session
    assert (await third.redeem_code(group, code))["recoverySessionId"] == session  # it counts still


@case
async def test_a_new_code_ends_the_one_before(world, owner, second, third, group):
    first, later = recovery_code(), recovery_code()
    await second.issue_code(group, session_of(second), first)
    await second.issue_code(group, session_of(second), later)
    assert (await third.redeem_code(group, first, "Error"))["code"] == "recovery_code_expired"
    await third.redeem_code(group, later)


@case
async def test_only_a_hash_is_at_rest(world, owner, second, third, group):
    code = recovery_code()
    await second.issue_code(group, session_of(second), code)
    await third.redeem_code(group, code)
    dump = "\n".join(map(str, rows(world, "SELECT sha256, redeemed_by FROM recovery_code")))
    assert code not in dump and third.id in dump
    await second.close()
    for file in filter(Path.is_file, world.relay.database.parent.iterdir()):
        assert code.encode() not in file.read_bytes(), file
    assert not any(code in line for line in world.relay.process.errors)


@case
async def test_codes_go_with_their_session(world, owner, second, third, group):
    code = recovery_code()
    await second.issue_code(group, session_of(second), code)
    await second.ask("SessionClose", "Stored", syncshellId=group.id, recoverySessionId=session_of(second), outcome="cancelled")
    assert (await third.redeem_code(group, code, "Error"))["code"] == "session_closed"
    await owner.owner("DeleteSyncshell", group, 1)
    fourth = raw(world)
    await fourth.connect()
    assert (await fourth.redeem_code(group, code, "Error"))["code"] == "not_joined"
    await fourth.close()
