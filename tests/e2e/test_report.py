"""A sample of the report on drops: one of each kind."""

import json
import subprocess
from pathlib import Path

REPORT = Path(__file__).resolve().parent / "report"


def run_report(*arguments):
    # Its own limits end it; this one is for a report that hangs.
    return subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=600)


def test_every_kind_of_drop_recovers(tmp_path):
    file = tmp_path / "report.json"
    done = run_report("--drops", "4", "--seed", "5", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(file.read_text())
    details = figures.pop("details")
    assert figures.pop("median_ms") > 0 and figures.pop("p95_ms") > 0
    assert figures == {"automatic_percent": 100, "bytes_saved_percent": 100, "manual_percent": 0}
    assert sorted(drop["kind"] for drop in details["each"]) == ["fetcher", "path", "relay", "sharer"]
    assert all(drop["hashes_equal"] and drop["on_disk_bytes"] > 0 for drop in details["each"])


def test_help():
    assert "--drops" in run_report("--help").stdout
