"""A short sample of each fuzzer: all of its seeds, then a few seconds of new inputs.

A fuzzer is an executable fuzz_NAME of tests/fuzz/meson.build; `tests/fuzz/seeds.py NAME FOLDER` makes its seeds.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from build import BUILD, REPOSITORY, SANITIZER_ENVIRONMENT, fuzz_folder

SECONDS_EACH = 2


def run(report, expression):
    if not (REPOSITORY / "tests/fuzz/meson.build").exists():
        return
    folder = fuzz_folder()
    folder.configure(report)
    fuzzers = folder.executables("fuzz_")
    if not fuzzers:
        report.fail("fuzz: tests/fuzz/meson.build makes no fuzz_NAME")
        return
    folder.compile(report, [f.relative_to(folder.path) for f in fuzzers])
    chosen = [fuzzer for fuzzer in sorted(fuzzers) if expression is None or expression in fuzzer.name]
    report.progress(f"fuzzing {len(chosen)} parts for {SECONDS_EACH} s each")
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each is a process of its own
        for fuzzer, found in zip(chosen, pool.map(sample, chosen), strict=True):
            report.check(f"fuzz: {fuzzer.name}", found)


def sample(fuzzer):
    """Runs one fuzzer; returns what was printed if something was found."""
    work = BUILD / "fuzz-work" / fuzzer.name
    shutil.rmtree(work, ignore_errors=True)
    found, seeds = work / "found", work / "seeds"
    found.mkdir(parents=True)
    return (output_if_failed([sys.executable, "tests/fuzz/seeds.py", fuzzer.name.removeprefix("fuzz_"), seeds])
            or output_if_failed([fuzzer, f"-max_total_time={SECONDS_EACH}", "-timeout=5", "-rss_limit_mb=2048",
                                 f"-artifact_prefix={work}/", found, seeds]))


def output_if_failed(command):
    result = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False, env={**os.environ, **SANITIZER_ENVIRONMENT})
    if result.returncode == 0:
        return ""
    return result.stdout.decode(errors="replace") or f"{command[0]}: exit status {result.returncode}"
