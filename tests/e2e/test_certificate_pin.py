"""The relay's key, pinned: from the owner by invites to its members, and what happens when the relay has another one."""

import base64
import hashlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from support.certificate import Certificate
from support.process import Peer, Relay, syncshell


def pin_of(certificate):
    key = x509.load_pem_x509_certificate(certificate.certificate.read_bytes()).public_key()
    info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.urlsafe_b64encode(hashlib.sha256(info).digest()).decode().rstrip("=")


def inside(invite):
    text = invite.strip().removeprefix("syncshell1.")
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def with_pin(invite, pin):
    fields = {key: value for key, value in {**inside(invite), "pin": pin}.items() if value}
    return "syncshell1." + base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


class Place:
    """A relay with TLS, an owner that has pinned its key, and members that trust no authority."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate = self.certificate_in("first")
        (folder / "relay").mkdir()
        self.relay = Relay(folder / "relay", self.certificate).start()
        self.peers = []
        self.invite = self.command("owner", "create", "--relay", self.relay.url, "--ca", self.certificate.authority,
                                   "--pin", "connected").stdout.strip()

    def certificate_in(self, name):
        (self.folder / name).mkdir()
        return Certificate(self.folder / name)

    def command(self, name, *arguments, **options):
        return syncshell(*arguments, "--state", self.folder / name, **options)

    def peer(self, name):
        self.peers.append(Peer(self.folder / name))
        return self.peers[-1]

    def change_key(self):
        assert self.relay.stop() == 0
        self.certificate = self.relay.tls = self.certificate_in("second")
        self.relay.start()

    def end(self):
        reports = [r for r in ((p.stop(), p.sanitizer_report())[1] for p in self.peers) if r]
        status = self.relay.stop()
        assert status == 0 and not self.relay.reports and not reports, (self.relay.reports, reports)


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.end()


def test_the_pin_is_all_that_a_member_needs(place):
    assert inside(place.invite)["pin"] == pin_of(place.certificate)
    place.command("member", "join", place.invite)
    assert place.command("member", "invite", "--syncshell", inside(place.invite)["id"]).stdout.strip() == place.invite
    place.command("member", "members")  # by the state directory alone

    without = place.command("stranger", "join", with_pin(place.invite, None), check=False)
    assert without.returncode == 1 and "certificate_refused" in without.stderr


def test_another_key_is_refused_whoever_signed_it(place):
    wrong = with_pin(place.invite, pin_of(place.certificate_in("other")))
    for trust in ([], ["--ca", place.certificate.authority]):
        refused = place.command("member", "join", wrong, *trust, check=False)
        assert refused.returncode == 1 and "wrong_certificate_pin" in refused.stderr


def test_a_changed_key_reaches_members_by_a_new_invite(place):
    place.command("member", "join", place.invite)
    member = place.peer("member")
    member.event("relay_connected")
    place.change_key()
    assert member.events.wait(event="relay_disconnected", code="wrong_certificate_pin")["retryMs"] > 0

    refused = place.command("owner", "members", "--ca", place.certificate.authority, check=False)
    assert refused.returncode == 1 and "wrong_certificate_pin" in refused.stderr
    place.command("owner", "members", "--pin", pin_of(place.certificate))  # as its operator told the owner
    invite = place.command("owner", "invite").stdout.strip()
    assert inside(invite)["pin"] == pin_of(place.certificate)

    since = member.events.mark()
    member.send("join", invite=invite)
    member.event("syncshell_ready", since=since)


def test_the_pin_can_be_given_up_and_renewed(place):
    place.change_key()
    trust = ["--ca", place.certificate.authority]
    place.command("owner", "members", *trust, "--pin", "none")
    assert "pin" not in inside(place.command("owner", "invite", *trust).stdout)
    place.command("owner", "members", *trust, "--pin", "connected")
    place.command("owner", "members")
    assert inside(place.command("owner", "invite").stdout)["pin"] == pin_of(place.certificate)


def test_a_strangers_invite_does_not_change_the_pin(place):
    """Whoever made another syncshell at the relay could otherwise stand between its guests and all their syncshells."""
    place.command("member", "join", place.invite)
    theirs = place.command("stranger", "create", "--relay", place.relay.url, "--ca", place.certificate.authority).stdout.strip()
    wrong = with_pin(theirs, pin_of(place.certificate_in("other")))
    refused = place.command("member", "join", wrong, check=False)
    assert refused.returncode == 1 and "wrong_certificate_pin" in refused.stderr
    place.command("member", "join", with_pin(theirs, pin_of(place.certificate)))
    place.command("member", "join", place.invite)
