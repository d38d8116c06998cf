"""The doctor finds what is well and what is not, on real servers, and says what to do."""

import re

import pytest
from support.certificate import Certificate
from support.command import relay_command
from support.process import Relay
from support.turn import TurnServer, free_port

SECRET = "a-secret-between-two-servers"


class Site:
    def __init__(self, folder, tls, turn_url, secret=SECRET):
        self.folder, self.tls = folder, tls
        (folder / "data").mkdir()
        (folder / "turn.secret").touch(mode=0o600)
        (folder / "turn.secret").write_text(f"{secret}\n")
        self.port = free_port()
        self.file = folder / "relay.toml"
        self.file.write_text(f"""
[listen]
port = {self.port}
tls_certificate = "{tls.certificate}"
tls_key = "{tls.key}"
[public]
urls = ["wss://localhost:{self.port}"]
[store]
path = "{folder}/data/relay.db"
[[ice.server]]
urls = ["{turn_url}", "stun:{turn_url.split(':', 1)[1].split('?')[0]}"]
secret_file = "{folder}/turn.secret"
""")
        self.relay = Relay(folder / "data", config=self.file)
        self.relay.port = self.port

    def doctor(self, *more, status=0):
        return relay_command("--config", self.file, "doctor", *more, status=status).stdout


@pytest.fixture
def turn(tmp_path):
    server = TurnServer(tmp_path, secret=SECRET)
    yield server
    server.stop()


@pytest.fixture
def site(tmp_path, certificate, turn):
    site = Site(tmp_path, certificate, turn.url())
    site.relay.start()
    yield site
    assert site.relay.stop() in (0, None)
    assert not site.relay.reports


def test_all_is_well(site, turn):
    # The test's certificate is good for two days: that, and nothing else, is found.
    text = site.doctor("--ca", site.tls.authority, status=1)
    url = f"wss://localhost:{site.port}"
    for line in (f"ok     The relay runs on {site.folder}/data/relay.db and is ready.", f"ok     {url} leads to a relay.",
                 f"ok     {turn.url()} gives an allocation.", f"ok     stun:127.0.0.1:{turn.port} answers."):
        assert line in text.splitlines(), text
    [fault] = [line for line in text.splitlines() if line.startswith("FAULT")]
    assert re.fullmatch(f"FAULT  The certificate of {url} is good for [12] more days only.", fault)
    assert "ok     The database's disk has " in text
    assert turn.lines("REFRESH processed, success"), "the allocation was not given back"


def test_an_unknown_authority_is_found(site):
    text = site.doctor(status=1)
    assert re.search(r"FAULT  wss://localhost:\d+ has a certificate that clients refuse: ", text), text


def test_no_relay_is_found(site):
    assert site.relay.stop() == 0
    text = site.doctor("--ca", site.tls.authority, status=1)
    assert f"FAULT  No relay answers on {site.folder}/data/relay.db." in text
    assert f"FAULT  wss://localhost:{site.port} cannot be reached from here: Connection refused.\n" in text
    assert "       Check the name in the DNS" in text


def test_a_wrong_turn_secret_is_found(tmp_path, certificate, turn):
    site = Site(tmp_path, certificate, turn.url(), secret="another-secret-altogether")
    text = site.doctor(status=1)
    assert f"FAULT  {turn.url()} refuses the credentials (401).\n       Compare the secret and the clock" in text, text


def test_no_turn_server_is_found(tmp_path, certificate):
    url = f"turn:127.0.0.1:{free_port()}?transport=udp"
    text = Site(tmp_path, certificate, url).doctor(status=1)
    assert f"FAULT  {url} " in text and "Check that it runs, and that its ports are open." in text, text


def test_what_it_does_not_speak_it_says(tmp_path, certificate):
    url = "turns:localhost:5349?transport=tcp"
    text = Site(tmp_path, certificate, url).doctor(status=1)
    assert f"note   {url} was not tried: doctor speaks UDP only.\n" in text
