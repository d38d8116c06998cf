"""What /metrics says is in form, true, and what the dashboard and the alerts ask for."""

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path

import yaml
from exposition import parse, value
from support.wait import LIMIT_S
from test_recovery import FILES, connect, open_session

REPOSITORY = Path(__file__).resolve().parents[2]
MONITORING = REPOSITORY / "deploy/monitoring"
OURS = re.compile(r"\b((?:syncshell|process)_[a-z0-9_]+)")


def metrics(admin):
    answer = admin.ask("/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return parse(answer.text)


def test_they_are_for_those_with_the_token(admin):
    for token in (None, "", "wrong", "a-token-for-this-tes"):
        answer = admin.ask("/metrics", token)
        assert answer.status == 401 and answer.text == "" and answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_recovery_is_counted(world, admin):
    before = metrics(admin)
    assert value(before, "syncshell_connections") == 0 and value(before, "syncshell_store_healthy") == 1
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner)
    connect(joiner, provider, session)
    world.relay.process.listening.wait(where=lambda e: "event=link_up" in e["line"] and session in e["line"])
    after = metrics(admin)
    assert value(after, "syncshell_connections_authenticated") == 2
    assert value(after, "syncshell_syncshells_loaded") == 1
    assert value(after, "syncshell_sessions_opened_total") == 1
    assert value(after, "syncshell_attempts_started_total") == 1
    assert value(after, "syncshell_recovery_outcomes_total", outcome="connected", cause="") >= 1
    assert value(after, "syncshell_recovery_duration_seconds_count") == 0, "a first connection is no recovery"
    assert value(after, "syncshell_recovery_kept_bytes_total") == 0
    assert value(after, "syncshell_messages_routed_total") >= 3
    assert value(after, "syncshell_store_commits_total") == value(after, "syncshell_store_commit_duration_seconds_count") > 0
    assert value(after, "syncshell_store_database_bytes") + value(after, "syncshell_store_log_bytes") > 4096
    assert 0 < value(after, "process_resident_memory_bytes") and 0 < value(after, "process_open_fds") < 100
    assert value(after, "process_start_time_seconds") > 1.7e9


def test_a_recovery_is_timed_from_the_loss_and_its_bytes_are_counted(world, admin):
    """The joiner is killed: the provider, which saw the link go, tells when that was; the joiner tells what it had."""
    provider, joiner, marks = world.pair()
    session = open_session(provider, joiner)
    connect(joiner, provider, session)
    joiner.send("report", session=session, files=[{**file, "done": True} for file in FILES[:10]])
    joiner.event("progress_stored", sessionId=session)
    since = provider.events.mark()
    joiner.kill()
    provider.send("link", session=session, generation=1, state="lost")
    joiner = world.peer("joiner")
    mark = world.relay.process.listening.mark()
    connect(joiner, provider, session, provider_since=since)
    for word in ("recovery_ms=", f"kept_bytes={sum(file['size'] for file in FILES[:10])} "):
        world.relay.process.listening.wait(mark, where=lambda e, word=word: word in e["line"] + " ")
    after = metrics(admin)
    assert value(after, "syncshell_recovery_duration_seconds_count") == 1
    assert value(after, "syncshell_recovery_kept_bytes_total") == sum(file["size"] for file in FILES[:10])


def test_bytes_of_what_comes_again_are_not_kept(world, admin):
    """A file has changed at the provider while the joiner was away: named before the link was back, its bytes do not count."""
    provider, joiner, _ = world.pair()
    session = open_session(provider, joiner)
    connect(joiner, provider, session)
    joiner.send("report", session=session, files=[{**file, "done": True} for file in FILES[:10]])
    joiner.event("progress_stored", sessionId=session)
    since = provider.events.mark()
    joiner.kill()
    provider.send("link", session=session, generation=1, state="lost")
    provider.send("manifest", session=session, files=[{**FILES[0], "hash": "0" * 64}, *FILES[1:]])
    provider.event("manifest_saved", since=since, sessionId=session)
    joiner = world.peer("joiner")
    assert joiner.event("recovery_response", sessionId=session)["mismatched"]
    mark = world.relay.process.listening.mark()
    connect(joiner, provider, session, provider_since=since)
    kept = sum(file["size"] for file in FILES[1:10])
    world.relay.process.listening.wait(mark, where=lambda e: f"kept_bytes={kept} " in e["line"] + " ")
    assert value(metrics(admin), "syncshell_recovery_kept_bytes_total") == kept


def test_every_cause_is_a_series(admin):
    causes = {entry["cause"] for entry in json.loads((REPOSITORY / "schema/causes.json").read_text())}
    series = {dict(labels)["cause"] for (name, labels) in metrics(admin)
              if name == "syncshell_recovery_outcomes_total" and dict(labels)["outcome"] == "failed"}
    assert series == causes | {"other"}


def test_a_limit_is_counted_with_its_setting(world, admin):
    world.restart_relay(limits_address_connections_max=1)
    address = ("127.0.0.1", world.relay.port)
    with socket.create_connection(address), socket.create_connection(address):
        world.relay.process.listening.wait(where=lambda e: "event=turned_away" in e["line"])
    samples = metrics(admin)
    found = {dict(labels)["code"] for (name, labels), n in samples.items() if name == "syncshell_limits_hit_total" and n}
    assert found == {"too_many_handshakes"}
    assert value(samples, "syncshell_refusals_total", code="too_many_handshakes") == 1


def test_dashboard_and_alerts_ask_for_what_there_is(admin):
    known = {name for name, _ in metrics(admin)}
    known |= {"syncshell_ice_outcomes_total", "syncshell_certificate_expiry_timestamp_seconds"}  # with servers, and with TLS
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = [rule for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
    expressions += [rule["expr"] for rule in rules]
    used = set().union(*(OURS.findall(e) for e in expressions))
    assert used <= known, used - known
    assert len(used) > 20
    assert all(set(rule) == {"alert", "expr", "for", "labels", "annotations"} and set(rule["annotations"]) == {"summary", "action"}
               for rule in rules)
    for panel in dashboard["panels"]:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24 and panel["title"]


def promtool(*words, **options):
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=LIMIT_S, check=False, **options)
    assert done.returncode == 0, done
    return done.stdout


def test_promtool_has_nothing_to_say_of_the_metrics(world, admin):
    """Names, units, kinds and help of all of them, with recoveries, limits and an ICE server in them."""
    provider, joiner, _ = world.pair()
    connect(joiner, provider, open_session(provider, joiner))
    assert not promtool("check", "metrics", input=admin.ask("/metrics").text)


def test_promtool_takes_rules_and_configuration(tmp_path):
    for name in ("alerts.yaml", "prometheus.yml"):
        shutil.copy(MONITORING / name, tmp_path / name)
    token = tmp_path / "token"
    token.touch()
    text = (tmp_path / "prometheus.yml").read_text()
    assert text.count("/etc/prometheus/syncshell-relay.token") == 1
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/syncshell-relay.token", str(token)))
    assert "SUCCESS" in promtool("check", "config", "--lint=all", "--lint-fatal", tmp_path / "prometheus.yml")


def series(name, values, **labels):
    inside = ",".join(f'{key}="{value}"' for key, value in {"job": "syncshell-relay", "instance": "r", **labels}.items())
    return {"series": f"{name}{{{inside}}}", "values": values}


# Of each alert: what makes it, and what is much like it and does not.
SITUATIONS = {
    "SyncshellRelayDown": ([series("up", "0x60")], [series("up", "1x60")]),
    "SyncshellStoreFails": ([series("syncshell_store_healthy", "0x60")], [series("syncshell_store_healthy", "1x60")]),
    "SyncshellDiskAlmostFull": ([series("syncshell_store_filesystem_free_bytes", "4e8x60")], [series("syncshell_store_filesystem_free_bytes", "6e8x60")]),
    "SyncshellCommitsSlow": tuple([series("syncshell_store_commit_duration_seconds_bucket", f"0+{n}x60", le=le) for le, n in buckets]
                                  for buckets in ((("0.1", 10), ("1", 100), ("+Inf", 100)), (("0.1", 100), ("1", 100), ("+Inf", 100)))),
    "SyncshellRecoveriesFail": tuple([series("syncshell_recovery_outcomes_total", f"0+{failed}x60", outcome="failed", cause="timeout"),
                                      series("syncshell_recovery_outcomes_total", f"0+{connected}x60", outcome="connected", cause="")]
                                     for failed, connected in ((10, 1), (10, 10))),
    "SyncshellTurnFails": tuple([series("syncshell_recovery_outcomes_total", "0+1x60", outcome="failed", cause=cause)]
                                for cause in ("turn_refused", "peer_away")),
    "SyncshellLimitsHit": tuple([series("syncshell_limits_hit_total", f"0+{n}x60", code="flooding", setting="rates.refusals_per_minute")]
                                for n in (120, 30)),
    # The time of a test begins with 1970.
    "SyncshellCertificateExpires": tuple([series("syncshell_certificate_expiry_timestamp_seconds", f"{days * 86400}x60")] for days in (6, 8)),
    "SyncshellDescriptorsShort": tuple([series("process_open_fds", f"{n}x60"), series("process_max_fds", "1000x60")] for n in (950, 500)),
}


def test_each_alert_comes_when_it_should(tmp_path):
    """Played by promtool, in an hour of a situation and of one that is well."""
    rules = {rule["alert"] for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"] for rule in group["rules"]}
    assert rules == set(SITUATIONS)
    tests = [{"interval": "1m", "input_series": given,
              "promql_expr_test": [{"eval_time": "59m", "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
                                    "exp_samples": [{"labels": "{}", "value": 1}] if fires else []}]}
             for alert, situations in SITUATIONS.items() for given, fires in zip(situations, (True, False))]
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(MONITORING / "alerts.yaml")], "evaluation_interval": "1m", "tests": tests}))
    promtool("test", "rules", file)


def test_prometheus_is_pointed_at_the_default_port():
    jobs = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    assert jobs[0]["static_configs"] == [{"targets": ["127.0.0.1:8788"]}]
    assert 'port = 8788' in (REPOSITORY / "config.example.toml").read_text()
