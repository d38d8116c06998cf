"""What the client library costs its host: tests/bench/client-cost, as figures of rows."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from paths import BUILD, SOURCES


def cost(quick):
    with tempfile.TemporaryDirectory(prefix="bench-client-") as folder:
        file = Path(folder) / "figures.json"
        tiny = ["--idle", "1", "--most", "10", "--events", "20"] if quick else []
        subprocess.run([sys.executable, SOURCES / "client-cost", "--json", file, *tiny], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "SYNCSHELL_BUILD_DIR": str(BUILD)})
        figures = json.loads(file.read_text())
    return {
        "client_kb": figures["client_bytes"] / 1024,
        "idle_us_per_minute": figures["idle_cpu_us_per_client"] * 60 / figures["idle_s"],
        "event_us": figures["event_cpu_us"],
    }
