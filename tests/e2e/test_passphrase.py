"""Syncshells whose secret is made out of a passphrase: with and without an invite, and what a wrong one comes to."""

PASSPHRASE = "correct horse battery staple"


def found(world, name="owner"):
    """Creates one; its id, its invite and the file with the passphrase."""
    file = world.folder / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    done = world.command(name, "create", "--relay", world.url, "--passphrase-file", file)
    assert "Warning" in done.stderr and "test guesses" in done.stderr
    members = world.command(name, "members", "--json").stdout
    return members.split('"syncshellId":"')[1].split('"')[0], done.stdout.strip(), file


def join(world, name, syncshell_id, file, *more, **options):
    return world.command(name, "join", "--relay", world.url, "--syncshell", syncshell_id, "--passphrase-file", file, *more,
                         **options)


def test_members_find_each_other_by_passphrase_and_by_invite(world):
    syncshell_id, invite, file = found(world)
    assert join(world, "device", syncshell_id, "-", text_in=PASSPHRASE).stdout.strip() == syncshell_id
    assert world.command("guest", "join", invite).stdout.strip() == syncshell_id
    assert world.command("device", "invite", "--syncshell", syncshell_id).stdout.strip() == invite

    provider, joiner = world.peer("owner"), world.peer("device")
    joiner.event("syncshell_ready", syncshellId=syncshell_id)
    joiner.send("open", syncshell=syncshell_id, peer=provider.peer_id, role="joiner", session="s1", label="armour")
    provider.event("session_opened", sessionId="s1")
    joiner.event("offer_needed")
    joiner.send("offer", session="s1", generation=1, sdp="an offer")
    assert provider.event("offer", generation=1)["sdp"] == "an offer"


def test_a_wrong_passphrase_is_refused_and_leaves_nothing(world):
    syncshell_id, _, file = found(world)
    wrong = world.folder / "wrong"
    wrong.write_text("correct horse battery stable")
    refused = join(world, "guest", syncshell_id, wrong, check=False)
    assert refused.returncode == 1 and "bad_proof" in refused.stderr
    assert world.command("guest", "invite", "--syncshell", syncshell_id, check=False).returncode == 1
    wrong.write_text("too short")
    refused = join(world, "guest", syncshell_id, wrong, check=False)
    assert refused.returncode == 1 and "E_PASSPHRASE" in refused.stderr


def test_a_rotated_key_ends_it_for_newcomers(world):
    syncshell_id, _, file = found(world)
    invite = world.command("owner", "rotate-key").stdout.strip()
    refused = join(world, "guest", syncshell_id, file, check=False)
    assert refused.returncode == 1 and "wrong_key_epoch" in refused.stderr
    assert world.command("guest", "join", invite).stdout.strip() == syncshell_id


def test_a_join_that_was_not_answered_goes_on_at_the_next_start(world):
    syncshell_id, _, file = found(world)
    assert world.relay.stop() == 0
    assert join(world, "guest", syncshell_id, file, "--timeout", "1", check=False).returncode == 1
    assert world.command("guest", "invite", "--syncshell", syncshell_id, check=False).returncode == 1  # the owner is not known
    world.start_relay()
    guest = world.peer("guest")
    assert guest.event("syncshell_joined", syncshellId=syncshell_id)["ownerPeerId"]


def test_the_passphrase_is_kept_nowhere(world):
    _, _, file = found(world)
    file.unlink()
    for path in world.folder.rglob("*"):
        assert not path.is_file() or PASSPHRASE.encode() not in path.read_bytes(), path
