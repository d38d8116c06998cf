"""`syncshell` and `syncshell-relay` as a person meets them."""

import signal
import subprocess

from support.process import RELAY, SYNCSHELL


def test_create_join_members_sessions(world):
    created = world.command("owner", "create", "--relay", world.url)
    invite = created.stdout.strip()
    assert invite.startswith("syncshell1.") and "\n" not in invite
    world.command("guest", "join", invite)
    owner, guest = (world.command(name, "id").stdout.strip() for name in ("owner", "guest"))
    assert owner != guest
    members = world.command("guest", "members").stdout
    assert owner in members and guest in members
    assert world.command("guest", "sessions").returncode == 0


def test_a_wrong_invite_is_told(world):
    done = world.command("guest", "join", "syncshell1.nonsense", check=False)
    assert done.returncode != 0 and "invite" in done.stderr


def test_help_and_version():
    for program, words in ((RELAY, ("--check-config", "SYNCSHELL_RELAY_", "config")), (SYNCSHELL, ("peer", "create", "invite"))):
        help_text = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=60)
        assert help_text.returncode == 0 and all(word in help_text.stdout for word in words)
        version = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
        assert version.returncode == 0 and version.stdout.strip()


def test_closed_streams_are_no_files_of_the_state_directory(world):
    """What is printed by a program that was started without standard streams goes nowhere."""
    world.command("owner", "id")
    state = world.folder / "owner"
    subprocess.run(["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', SYNCSHELL, "peer", "--state", state], timeout=60, check=False)
    assert (state / "lock").read_text() == ""


def test_peer_goes_on_after_bad_lines(world):
    peer = world.peer("owner")
    for line in ("", "hello", "[]", "{}", '{"command":"fly"}', '{"command":"offer"}', "{" * 10000):
        peer.child.stdin.write(line + "\n")
    peer.child.stdin.flush()
    peer.send("create")
    peer.event("syncshell_created")
    assert len(peer.events.all(event="rejected")) >= 5
    assert all(e["message"] for e in peer.events.all(event="rejected"))


def test_a_peer_outlives_its_terminal(world):
    """Started by nohup, it goes on when the terminal's SIGHUP comes."""
    peer = world.peer("owner", prefix=["nohup"])
    peer.child.send_signal(signal.SIGHUP)
    peer.send("create")
    peer.event("syncshell_created")
