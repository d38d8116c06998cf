"""A copy of the sources in which mutations are made, built and tested. The working tree is only read."""

import contextlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from process_tree import adopt_orphans, run_alone

REPOSITORY = Path(__file__).resolve().parents[2]
SCRATCH = REPOSITORY / "build" / "mutations"

PARTS = ["meson.build", "meson_options.txt", "config.example.toml", "deploy", "relay", "schema", "shared", "tests"]
# Made by builds and by package managers, in the working tree and in the copy.
NOT_SOURCES = re.compile(r"^(__pycache__|node_modules|\.pytest_cache|libwebsockets-\d.*)$")
# Without sanitizers, for speed; a mutant may leave a function unused, which must not keep it from being built.
BUILD_OPTIONS = ["--buildtype=debug", "-Doptimization=0", "-Dwerror=false", "-Dsync=enabled"]

SIM = "sim"
SIM_SEEDS = 400  # as many as tests/run takes
CRASH_CLIENTS = "crash/clients"
CRASH_CLIENTS_KILLS = 50  # as many as tests/run takes
CRASH_CLIENTS_TARGETS = ["relay/app/syncshell-relay", "shared/cli/syncshell", "tests/crash/libkillpoint.so", "tests/crash/libunsynced.so"]
PYTEST = re.compile(r"^(e2e|deploy)/test_\w+\.py(::\w+)?$")
PYTEST_TARGETS = ["relay/app/syncshell-relay", "shared/cli/syncshell", "tests/faults/libsick_disk.so"]
TEST_LIMIT_S = 60

TAP_FAILED = re.compile(r"^not ok \d+ - (\S+)", re.MULTILINE)
# cmocka's assertions, C's, and the simulation's.
REASON = re.compile(r"(Assertion `?.*failed|Segmentation fault|^seed \d+.*|^FAIL.*?(?= - |$))", re.MULTILINE)


class BuildError(Exception):
    """What the compiler said."""


def sources(root):
    for part in PARTS:
        if (root / part).is_file():
            yield part
        for folder, folders, files in os.walk(root / part):
            folders[:] = [name for name in folders if not NOT_SOURCES.match(name)]
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), root)


def ccache_first():
    """ccache, where there is one: a mutant that is taken back has been compiled before."""
    return {**os.environ, "PATH": "/usr/lib/ccache:" + os.environ.get("PATH", "/usr/bin:/bin")}


class Scratch:
    def __init__(self):
        adopt_orphans()
        self.source = SCRATCH / "source"
        self.build = SCRATCH / "build"
        self._tests = {}
        self._programs = set()

    def prepare(self):
        """Makes the copy like the working tree; what is like it already stays, or it would be compiled again."""
        present = set(sources(self.source)) if self.source.exists() else set()
        wanted = set(sources(REPOSITORY))
        for name in present - wanted:
            (self.source / name).unlink()
        for name in wanted:
            text = (REPOSITORY / name).read_bytes()
            copy = self.source / name
            if name in present and copy.read_bytes() == text:
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(text)
            shutil.copymode(REPOSITORY / name, copy)
        self._configure()
        self._run(["ninja", "-C", self.build, "build.ninja"])  # a test may be new
        self._tests = {test["name"].split(" / ")[-1]: test for test in self._introspect("--tests")}
        self._programs = {os.path.relpath(name, self.build) for target in self._introspect("--targets")
                          for name in target["filename"]}

    def _introspect(self, what):
        listed = subprocess.run(["meson", "introspect", what, self.build], stdout=subprocess.PIPE, check=True)
        return json.loads(listed.stdout)

    def _configure(self):
        record = SCRATCH / "options"
        exists = (self.build / "build.ninja").exists()
        if exists and record.exists() and record.read_text() == " ".join(BUILD_OPTIONS):
            return
        self._run(["meson", "setup", *(["--reconfigure"] if exists else []), self.build, self.source, *BUILD_OPTIONS])
        record.write_text(" ".join(BUILD_OPTIONS))

    def knows(self, test):
        if PYTEST.match(test):
            return (self.source / "tests" / test.split("::")[0]).exists()
        return test in (SIM, CRASH_CLIENTS) or test in self._tests

    def compile(self, tests):
        targets = {target for test in tests for target in self._targets(test)}
        self._run(["ninja", "-C", self.build, *sorted(targets)])

    def noticed(self, test):
        """Runs one test program: "" when it passes, otherwise what failed in it."""
        command, environment = self._command(test)
        status, output = run_alone(command, self.build, environment, TEST_LIMIT_S)
        if status is None:
            return f"hangs (ended after {TEST_LIMIT_S} s)"
        failed = TAP_FAILED.findall(output)
        if failed:
            return failed[0] + (f" and {len(failed) - 1} more" if len(failed) > 1 else "")
        if status == 0:
            return ""
        reason = REASON.search(output)
        return reason.group(0).strip() if reason else f"exit status {status}"

    @contextlib.contextmanager
    def mutated(self, mutation):
        """The copy has the mutation for as long as this lasts."""
        path = self.source / mutation.file
        original = path.read_text()
        path.write_text(original.replace(mutation.old, mutation.new))
        try:
            yield
        finally:
            path.write_text(original)

    def _targets(self, test):
        if test == SIM:
            return ["tests/sim/sim"]
        if test == CRASH_CLIENTS:
            return CRASH_CLIENTS_TARGETS
        if PYTEST.match(test):
            return PYTEST_TARGETS
        # Itself, or what a script of the sources is given to test.
        words = [os.path.relpath(self.build / word, self.build) for word in self._tests[test]["cmd"]]
        return [word for word in words if word in self._programs]

    def _command(self, test):
        if test == SIM:
            return [self.build / "tests" / "sim" / "sim", "--seeds", str(SIM_SEEDS)], {}
        if test == CRASH_CLIENTS:
            return ([self.source / "tests" / "crash" / "clients", "--kills", str(CRASH_CLIENTS_KILLS), "--jobs", "2"],
                    {"SYNCSHELL_BUILD_DIR": str(self.build)})
        if PYTEST.match(test):
            tests = self.source / "tests"
            return (["/usr/bin/python3", "-m", "pytest", "-q", "-x", "--tb=no", "-p", "no:cacheprovider", tests / test],
                    {"SYNCSHELL_BUILD_DIR": str(self.build), "PYTHONPATH": str(tests / "e2e"), "PYTHONDONTWRITEBYTECODE": "1"})
        return self._tests[test]["cmd"], self._tests[test]["env"]

    @staticmethod
    def _run(command):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, env=ccache_first())
        if done.returncode != 0:
            raise BuildError(done.stdout.decode(errors="replace"))
