"""Checks of the sources themselves: the layers' include rules, their format, clang-tidy, an optimised build."""

import functools
import re
import subprocess

import javascript
import tidy
from build import REPOSITORY, BuildError, release_folder, tests_folder

FORMATTED = ("shared", "relay", "tests")
FORMATTED_SUFFIXES = {".c", ".h", ".cpp", ".hpp"}


def run(report, expression):
    for name, check in (("layers", check_layers), ("layers self-test", check_layers_self_test),
                        ("clang-format", check_format), ("javascript", javascript.check), ("clang-tidy", check_tidy),
                        ("release build without warnings", check_release)):
        if expression is None or expression in name:
            report.progress(f"lint: {name}")
            report.check(f"lint: {name}", check(report))


def output_if_failed(command):
    result = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False)
    if result.returncode == 0:
        return ""
    return result.stdout.decode(errors="replace") or f"{command[0]}: exit status {result.returncode}"


def check_layers(_report):
    return output_if_failed(["tests/layers/check"])


def check_layers_self_test(_report):
    return output_if_failed(["tests/layers/check", "--self-test"])


def check_format(_report):
    files = [str(f) for part in FORMATTED for f in sorted((REPOSITORY / part).rglob("*"))
             if f.suffix in FORMATTED_SUFFIXES]
    if not files:
        return ""
    output = output_if_failed(["clang-format-14", "--dry-run", "--Werror", *files])
    unformatted = sorted(set(re.findall(r"^(/[^:\n]+):\d+:\d+: ", output, re.MULTILINE)))
    if not unformatted:
        return output
    return "\n".join(["to be formatted by clang-format-14 -i:", *unformatted])


@functools.lru_cache(maxsize=None)
def tidy_run():
    return tidy.Run(tests_folder().path)


def begin(report):
    """Lets clang-tidy run beside what comes before this stage, whose tests wait as much as they compute."""
    tests_folder().compile(report)  # clang-tidy needs the compile commands and the generated headers
    tidy_run()


def end():
    if tidy_run.cache_info().currsize:
        tidy_run().end()


def check_tidy(report):
    begin(report)
    return tidy_run().findings(report)


def check_release(report):
    try:
        release_folder().compile(report)
    except BuildError as error:
        return str(error)
    return ""
