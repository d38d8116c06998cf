"""The one-machine deployment: deploy/setup, compose.yaml, and what it hands to the relay, to Caddy and to coturn."""

import asyncio
import json
import os
import re
import shlex
import ssl
import stat
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from support.command import relay_command
from support.port import free_port
from support.process import Process, Relay
from support.raw import Group, RawPeer
from support.turn import password
from support.wait import LIMIT_S

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def run_setup(*arguments, status=0, **options):
    done = subprocess.run([DEPLOY / "setup", *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT_S,
                          stdin=subprocess.DEVNULL, check=False, **options)
    assert done.returncode == status, done
    return done


def variables(file):
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))


def test_setup_writes_once(tmp_path):
    file = tmp_path / "env"
    text = run_setup("--domain", "relay.example", "--output", file).stdout
    assert "docker compose" in text and "access-key add" in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = variables(file)
    assert first["DOMAIN"] == "relay.example" and first["CREATE_POLICY"] == "access-key"
    assert re.fullmatch("[0-9a-f]{64}", first["TURN_SECRET"]) and re.fullmatch("[0-9a-f]{64}", first["ADMIN_TOKEN"])
    assert first["ADMIN_TOKEN"] != first["TURN_SECRET"]
    done = run_setup("--domain", "other.example", "--output", file, status=1)
    assert done.stderr == f"setup: {file} exists and stays as it is\n" and variables(file) == first
    assert first["TURN_EXTERNAL_IP"] == ""
    run_setup("--domain", "relay.example", "--create-policy", "open", "--external-ip", "203.0.113.5", "--output", tmp_path / "second")
    second = variables(tmp_path / "second")
    assert second["TURN_SECRET"] != first["TURN_SECRET"] and second["TURN_EXTERNAL_IP"] == "203.0.113.5"


@pytest.mark.parametrize("arguments, sentence", [
    (["--domain", "https://relay.example"], "is no domain name in lower case"),
    (["--domain", "Relay.example"], "is no domain name in lower case"),
    (["--domain", "relay.example", "--create-policy", "all"], "is not one of access-key, open, nobody"),
    (["--domain", "relay.example", "--external-ip", "turn.example"], "is no IP address"),
    ([], "--domain is missing"),
    (["--domain"], "a value is missing after --domain"),
    (["--port", "1"], "unknown argument --port"),
])
def test_setup_refuses(tmp_path, arguments, sentence):
    file = tmp_path / "env"
    assert sentence in run_setup("--output", file, *arguments, status=1).stderr
    assert not file.exists()


@pytest.fixture(params=["", "203.0.113.5"])
def compose(tmp_path, request):
    """compose.yaml with setup's variables put in, on a machine with its own address and on one behind another."""
    external = ["--external-ip", request.param] if request.param else []
    run_setup("--domain", "relay.example", *external, "--output", tmp_path / "env")
    values = variables(tmp_path / "env")

    def replaced(match):
        name, kind, word = match.groups()
        if kind == ":+":
            return word if values[name] else ""
        return values[name] if name in values else word
    text = (DEPLOY / "compose.yaml").read_text()
    while "${" in text:  # from the inside
        text, n = re.subn(r"\$\{([A-Z_]+)(?:(:[-?+])([^{}]*))?\}", replaced, text)
        assert n
    return yaml.safe_load(text)


def image_environment():
    [env] = re.findall(r"^ENV (.*?)(?<!\\)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE | re.DOTALL)
    return dict(pair.split("=", 1) for pair in env.replace("\\\n", " ").split())


def test_the_relay_accepts_what_compose_sets(compose, tmp_path):
    service = compose["services"]["relay"]
    env = {**image_environment(), **{k: v for k, v in service["environment"].items() if k.startswith("SYNCSHELL_")}}
    written = env.pop("SYNCSHELL_RELAY_CONFIG")
    assert f"settings={written}\n" in (DEPLOY / "container-entrypoint").read_text()
    assert any(mount.startswith(str(Path(written).parent) + ":") for mount in service["tmpfs"])
    assert relay_command("--check-config", env=env).stdout.startswith("The configuration is valid.\n")
    assert service["environment"]["TURN_HOST"] == "relay.example" and len(service["environment"]["TURN_SECRET"]) == 64
    # The operator's HTTP is published to the machine itself, and nowhere else.
    assert service["ports"] == ["127.0.0.1:8788:8788"] and len(service["environment"]["ADMIN_TOKEN"]) == 64
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    # What the operator adds to deploy/.env, as the guide says; what setup wrote there disturbs nobody.
    assert service["env_file"] == [".env"]
    added = {**variables(tmp_path / "env"), "SYNCSHELL_RELAY_LIMITS_CONNECTIONS_MAX": "4000"}
    assert "connections_max = 4000\n" in relay_command("--print-config", env={**env, **added}).stdout
    [subnet] = [c["subnet"] for c in compose["networks"]["front"]["ipam"]["config"]]
    assert service["environment"]["SYNCSHELL_RELAY_PROXY_TRUSTED"] == subnet
    # Nothing but Caddy is in the network of whoever is believed, and its name is what Caddy dials.
    assert [n for n, s in compose["services"].items() if "front" in s.get("networks", [])] == ["relay", "caddy"]
    del env["SYNCSHELL_RELAY_PROXY_TRUSTED"]
    assert "there is no TLS" in relay_command("--check-config", env=env, status=2).stderr


def test_clients_come_through_caddy(tmp_path):
    """The real Caddy on the Caddyfile as it is, but for where it listens and where the relay is."""
    env = {**os.environ, "DOMAIN": "localhost", "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    adapted = subprocess.run(["caddy", "adapt", "--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile"], env=env,
                             capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout
    port = free_port()
    (tmp_path / "data").mkdir()
    relay = Relay(tmp_path / "data", public_urls=f"wss://localhost:{port}", proxy_trusted="127.0.0.1", create_policy="open")
    relay.start()
    assert adapted.count('"relay:8787"') == 1
    config = json.loads(adapted.replace('"relay:8787"', f'"127.0.0.1:{relay.port}"'))
    [server] = config["apps"]["http"]["servers"].values()
    assert server["listen"] == [":443"]
    server.update(listen=[f"127.0.0.1:{port}"], automatic_https={"disable_redirects": True})
    config["admin"] = {"disabled": True}
    config["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    file = tmp_path / "caddy.json"
    file.write_text(json.dumps(config))
    caddy = Process(["caddy", "run", "--config", str(file)], "caddy", env)
    try:
        caddy.listening.wait(where=lambda e: "serving initial configuration" in e["line"])
        root = tmp_path / "caddy/pki/authorities/local/root.crt"

        async def meet():
            deadline = time.monotonic() + LIMIT_S
            while True:
                try:
                    peer = await RawPeer(f"wss://localhost:{port}", None, ssl.create_default_context(cafile=root)).connect()
                    break
                except (OSError, ssl.SSLError):  # until it has its certificate
                    assert time.monotonic() < deadline
            await peer.create(group := Group())
            await peer.join(group)
            await peer.close()
        asyncio.run(meet())
        line = relay.process.listening.wait(where=lambda e: "event=connected" in e["line"])["line"]
        assert "address=127.0.0.1" in line
        assert not [e for e in relay.process.listening.all() if "forwarded_for_unusable" in e["line"]]
    finally:
        caddy.stop()
        assert relay.stop() == 0
    assert not relay.reports


def test_coturn_takes_its_file(compose, tmp_path):
    """The real coturn on turnserver.conf as it is, but for where it listens; the secret mints working credentials."""
    arguments = shlex.split(compose["services"]["turn"]["command"])
    assert arguments[:2] == ["-c", "/etc/coturn/turnserver.conf"]
    port = free_port()
    secret = next(a.split("=", 1)[1] for a in arguments if a.startswith("--static-auth-secret="))
    turn = Process(["turnserver", "-c", str(DEPLOY / "turnserver.conf"), *arguments[2:], "--listening-ip=127.0.0.1",
                    "--relay-ip=127.0.0.1", f"--listening-port={port}", f"--userdb={tmp_path}/users", f"--pidfile={tmp_path}/pid",
                    "--verbose"], "turnserver")
    try:
        turn.output.wait(where=lambda e: "UDP listener opened on" in e["line"])
        for given in (secret, "wrong"):
            username = f"{int(time.time()) + 3600}:peer"
            subprocess.run(["turnutils_uclient", "-u", username, "-w", password(given, username), "-p", str(port), "-n", "1", "-c", "-y",
                            "127.0.0.1"], capture_output=True, timeout=LIMIT_S, check=False)
            wanted = "ALLOCATE processed, success" if given == secret else "check_stun_auth: Cannot find credentials|error 401"
            turn.output.wait(where=lambda e, wanted=wanted: re.search(wanted, e["line"]))
        external = next((a.removeprefix("--external-ip=") for a in arguments if a.startswith("--external-ip=")), "")
        named = subprocess.run(["turnutils_uclient", "-v", "-u", username, "-W", secret, "-p", str(port), "-n", "1", "-c", "-y", "127.0.0.1"],
                               capture_output=True, text=True, timeout=LIMIT_S, check=False).stdout
        assert f"relay addr: {external or '127.0.0.1'}:" in named, named[-2000:]
    finally:
        turn.stop()
    lines = [e["line"] for e in turn.output.entries] + turn.errors
    assert not [line for line in lines if "Bad configuration" in line or "unknown" in line.lower()], lines
