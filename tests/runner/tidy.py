"""clang-tidy over the project's C files, one a processor, at the lowest priority, with a memory of what was clean.

A file is looked at again when anything that clang-tidy sees has changed: the file, a project header that it includes
directly or not, its compile command, .clang-tidy, or clang-tidy. Only clean verdicts are remembered.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from build import BUILD, REPOSITORY, BuildError, tests_folder
from report import Report

CLANG_TIDY = "clang-tidy-14"
CACHE = BUILD / "tidy-cache"
# Its compile_commands.json has one command a file. clang-tidy looks at a file once for each command that it finds, all in one
# process, and clang 14's analyzer remembers in it by address how functions such as va_end are called: in the next look that
# address can be any other name's, and calls of pair_kill() were taken for calls of va_end().
COMMANDS = BUILD / "tidy-commands"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)
INCLUDE_ROOTS = ("shared", "relay", "shared/include", "tests")
# The commands are gcc's: it knows warnings that clang does not.
EXTRA_ARGUMENTS = ["--extra-arg=-Wno-unknown-warning-option"]
TESTS = REPOSITORY / "tests"
# How many steps the analyzer may take in a function: the program's sources, the tests'. What tests do wrong the sanitizers show, too.
# By its default, 225,000, it would take half of the time that clang-tidy takes in all.
STEPS_MAX = (20000, 2000)
DEEP_STEPS_MAX = (225000, 20000)


class Run:
    """Looks at the files from the moment it is made; the sources are taken to stay as they are."""

    def __init__(self, build_folder, steps_max=STEPS_MAX):
        CACHE.mkdir(parents=True, exist_ok=True)
        tool = subprocess.run([CLANG_TIDY, "--version"], stdout=subprocess.PIPE, check=True).stdout
        base = tool + (REPOSITORY / ".clang-tidy").read_bytes()
        self._pool = concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2)
        self._jobs = {}  # to the mark of what is clean
        entries = project_commands(build_folder)
        COMMANDS.mkdir(exist_ok=True)
        (COMMANDS / "compile_commands.json").write_text(json.dumps(list(entries.values())))
        for file, entry in entries.items():
            arguments = EXTRA_ARGUMENTS + analyzer_arguments(steps_max[file.is_relative_to(TESTS)])
            mark = CACHE / fingerprint(base + " ".join(arguments).encode(), file, entry["command"])
            if not mark.exists():
                self._jobs[self._pool.submit(tidy_file, file, arguments)] = mark

    def findings(self, report):
        """Waits until all is done; returns what clang-tidy found, as text; empty if all is clean."""
        if self._jobs:
            report.progress(f"clang-tidy: {len(self._jobs)} files (only what has changed since they were last clean)")
        found = []
        for done, job in enumerate(concurrent.futures.as_completed(self._jobs), start=1):
            if output := job.result():
                found.append(output)
            else:
                self._jobs[job].touch()
            if done % 50 == 0:
                report.progress(f"clang-tidy: {done} of {len(self._jobs)}")
        return "\n".join(found)

    def end(self):
        """Looks at no further file."""
        self._pool.shutdown(cancel_futures=True)


def project_commands(build_folder):
    """Returns, for each source file that is ours and C, the first entry that compile_commands.json has for it."""
    found = {}
    for entry in json.loads((build_folder / "compile_commands.json").read_text()):
        file = (Path(entry["directory"]) / entry["file"]).resolve()
        ours = file.is_relative_to(REPOSITORY) and not file.is_relative_to(BUILD)
        if ours and file.suffix == ".c":
            found.setdefault(file, entry)
    return found


def fingerprint(base, file, command):
    digest = hashlib.sha256(base + command.encode())
    for path in sorted(included_files(file)):
        digest.update(f"\0{path}\0".encode() + content(path))
    return digest.hexdigest()


def included_files(file):
    """The file and the project's headers that it includes, directly or not."""
    found, pending = {file}, [file]
    while pending:
        current = pending.pop()
        for name in INCLUDE.findall(content(current).decode(errors="replace")):
            for folder in (current.parent, *(REPOSITORY / root for root in INCLUDE_ROOTS)):
                header = (folder / name).resolve()
                if header.is_file() and header not in found:
                    found.add(header)
                    pending.append(header)
    return found


@functools.lru_cache(maxsize=None)
def content(path):
    return path.read_bytes()


def analyzer_arguments(steps_max):
    return [f"--extra-arg={a}" for a in ("-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={steps_max}")]


def tidy_file(file, arguments):
    """Returns what clang-tidy says of one file; empty if it is clean."""
    result = subprocess.run(
        ["nice", "-n", "19", CLANG_TIDY, "--quiet", "-p", COMMANDS, *arguments, file], cwd=REPOSITORY,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if result.returncode == 0:
        return ""
    # Findings go to stdout, chatter to stderr; what kept it from looking at all may be in either.
    return (result.stdout or result.stderr).decode(errors="replace") or f"{file}: clang-tidy failed"


def main():
    report = Report()
    report.begin_stage()
    try:
        tests_folder().compile(report)
        report.check("clang-tidy", Run(tests_folder().path, DEEP_STEPS_MAX).findings(report))
    except BuildError as error:
        report.fail("tidy: building", str(error))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
