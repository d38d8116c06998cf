"""The build folders that the stages work with, made when a stage first asks for one."""

import functools
import json
import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build"

# Instrumented by gcc: unit and end-to-end tests.
TESTS_OPTIONS = ["-Db_sanitize=address,undefined", "-Dsync=enabled"]
# As deploy/quickstart --demo builds, but warnings are errors: some appear only when optimising.
RELEASE_OPTIONS = ["--buildtype=release", "-Dtests=false", "-Dsync=enabled"]
# Instrumented by gcc for data races, and optimised a little: at -O2 it warns of what is not there.
THREAD_OPTIONS = ["-Db_sanitize=thread", "-Doptimization=1"]
# Instrumented by clang: fuzzers. b_lundef: clang's sanitizer runtime is found at run time only.
COVERAGE_OPTIONS = ["--buildtype=debug", "-Db_coverage=true", "-Dsync=enabled"]
CRASH_OPTIONS = ["--buildtype=release"]
FUZZ_OPTIONS = ["-Dfuzzers=true", "-Dsync=enabled", "-Db_sanitize=address,undefined", "-Db_lundef=false", "--buildtype=debugoptimized"]
FUZZ_ENVIRONMENT = {"CC": "clang-14", "CXX": "clang++-14"}


# What the instrumented programs are told. Undefined behaviour is reported with the way that led there.
SANITIZER_ENVIRONMENT = {"UBSAN_OPTIONS": "print_stacktrace=1"}


class BuildError(Exception):
    """What a failed command printed."""


def run_logged(command, log, environment=None):
    """Runs a command with its output in a file; raises BuildError with that output if it fails."""
    with open(log, "wb") as out:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})}, cwd=REPOSITORY, check=False)
    if result.returncode != 0:
        raise BuildError(f"{' '.join(map(str, command))}\n{log.read_text(errors='replace')}")


class BuildFolder:
    def __init__(self, name, options, environment=None):
        self.path = BUILD / name
        self._options = options
        self._environment = environment
        self._compiled = set()
        self._broken = False

    def configure(self, report):
        """Makes the folder, or gives it the options it should have, if it was made with others."""
        wanted = "\n".join(self._options)
        record = BUILD / f"{self.path.name}-options"
        exists = (self.path / "build.ninja").exists()
        if exists and record.exists() and record.read_text() == wanted:
            return
        report.progress(f"configuring {self.path.relative_to(REPOSITORY)}")
        BUILD.mkdir(exist_ok=True)
        run_logged(["meson", "setup", *(["--reconfigure"] if exists else []), self.path, REPOSITORY, *self._options],
                   BUILD / f"{self.path.name}-setup.log", self._environment)
        record.write_text(wanted)

    def compile(self, report, targets=()):
        """Builds the targets, or all, once: the sources are taken to stay as they are."""
        if tuple(targets) in self._compiled:
            return
        if self._broken:
            raise BuildError("not built: see above")
        self._broken = True
        self.configure(report)
        report.progress(f"building {self.path.relative_to(REPOSITORY)}")
        run_logged(["ninja", "-C", self.path, *targets], BUILD / f"{self.path.name}-ninja.log")
        self._compiled.add(tuple(targets))
        self._broken = False

    def unknown_parts(self):
        """Build descriptions in the sources which this folder knows nothing of: parts that would not be tested."""
        listed = subprocess.run(["meson", "introspect", "--buildsystem-files", self.path],
                                stdout=subprocess.PIPE, check=True)
        known = {Path(f).resolve() for f in json.loads(listed.stdout)}
        present = {f.resolve() for part in ("shared", "relay", "tests/unit")
                   for f in (REPOSITORY / part).rglob("meson.build")}
        return sorted(str(f.relative_to(REPOSITORY)) for f in present - known)

    def executables(self, prefix):
        """Paths of the built programs whose name starts so."""
        listed = subprocess.run(["meson", "introspect", "--targets", self.path],
                                stdout=subprocess.PIPE, check=True)
        return [Path(target["filename"][0]) for target in json.loads(listed.stdout)
                if target["type"] == "executable" and target["name"].startswith(prefix)]

    def files_of(self, ids):
        """What to build for targets that meson knows by these ids."""
        listed = subprocess.run(["meson", "introspect", "--targets", self.path],
                                stdout=subprocess.PIPE, check=True)
        return sorted(os.path.relpath(name, self.path) for target in json.loads(listed.stdout)
                      if target["id"] in ids for name in target["filename"])


@functools.lru_cache(maxsize=None)
def tests_folder():
    return BuildFolder("tests", TESTS_OPTIONS)


@functools.lru_cache(maxsize=None)
def release_folder():
    return BuildFolder("release-checked", RELEASE_OPTIONS)


@functools.lru_cache(maxsize=None)
def coverage_folder():
    return BuildFolder("coverage", COVERAGE_OPTIONS)


@functools.lru_cache(maxsize=None)
def crash_folder():
    return BuildFolder("crash", CRASH_OPTIONS)


@functools.lru_cache(maxsize=None)
def thread_folder():
    return BuildFolder("thread", THREAD_OPTIONS)


@functools.lru_cache(maxsize=None)
def fuzz_folder():
    return BuildFolder("fuzz", FUZZ_OPTIONS, FUZZ_ENVIRONMENT)
