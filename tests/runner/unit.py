"""The C unit tests: `meson test`, each cmocka function counted by itself."""

import json
import os
import re
import subprocess

from build import SANITIZER_ENVIRONMENT, tests_folder

PROCESSES = (os.cpu_count() or 1) + 1  # some wait, for a time-out or for another process

# One result of the Test Anything Protocol, as cmocka writes it.
TAP_PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
TAP_RESULT = re.compile(r"^(not ok|ok) \d+(?: - (.*?))?(?:\s*# (SKIP|TODO)\b\s*(.*))?$", re.MULTILINE)


def run(report, expression):
    folder = tests_folder()
    folder.compile(report)
    for part in folder.unknown_parts():
        report.fail(f"unit: {part} is not part of the build", "list its folder in the meson.build above it")
    names = [t["name"] for t in tests_of(folder) if expression is None or expression in t["name"]]
    if names:
        run_tests(report, folder, "unit", names, SANITIZER_ENVIRONMENT)


def run_tests(report, folder, stage, names, environment):
    report.progress(f"{stage} tests ({len(names)} programs)")
    log = folder.path / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    # Its own verdict is not asked: each program's result is in the log. lint has its own stage.
    done = subprocess.run(["meson", "test", "-C", folder.path, "--num-processes", str(PROCESSES), "--no-rebuild", "--no-suite",
                           "lint", *names],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**os.environ, **environment})
    if not log.exists():
        report.fail("meson test", done.stdout.decode(errors="replace"))
        return
    reported = set()
    for line in log.read_text().splitlines():
        program = json.loads(line)
        program["name"] = program["name"].split(" / ")[-1]  # with several suites meson writes "project / name"
        reported.add(program["name"])
        count_program(report, stage, program)
    for name in sorted(set(names) - reported):
        report.fail(f"{stage}: {name}", "meson did not run it")


def tests_of(folder):
    """What meson knows of each test: its name, what has to be built for it, ..."""
    listed = subprocess.run(["meson", "introspect", "--tests", folder.path], stdout=subprocess.PIPE, check=True)
    return [t for t in json.loads(listed.stdout) if "lint" not in {s.split(":")[-1] for s in t["suite"]}]


def count_program(report, stage, program):
    output = program.get("stdout", "")
    details = output + program.get("stderr", "")
    failed = 0
    results = TAP_RESULT.findall(output)
    for verdict, name, directive, directive_text in results:
        name = f"{stage}: {program['name']}: {name or directive_text}"
        if verdict == "ok" and not directive:
            report.ok(name)
        else:
            failed += 1
            report.fail(name + (" (skipped)" if directive else ""), "" if failed > 1 else details)
    plan = TAP_PLAN.search(output)
    planned = int(plan.group(1)) if plan else 0
    if len(results) < planned:
        report.fail(f"{stage}: {program['name']}: ended after {len(results)} of {planned} tests", details)
    elif program["result"] != "OK" and failed == 0:
        # A leak found at exit, a time-out, a program that speaks no TAP.
        report.fail(f"{stage}: {program['name']}: {program['result'].lower()}", details)
    elif not results and failed == 0:
        report.ok(f"{stage}: {program['name']}")
