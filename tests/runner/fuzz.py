"""A short sample of each fuzzer: all of its seeds, then a few seconds of new inputs.

A fuzzer is an executable fuzz_NAME of tests/fuzz/meson.build; its seeds lie in tests/fuzz/corpus/NAME.
"""

import os
import shutil
import subprocess

from build import BUILD, REPOSITORY, SANITIZER_ENVIRONMENT, fuzz_folder

SECONDS_EACH = 3


def run(report, expression):
    if not (REPOSITORY / "tests/fuzz/meson.build").exists():
        return
    folder = fuzz_folder()
    folder.configure(report)
    fuzzers = folder.executables("fuzz_")
    folder.compile(report, [f.relative_to(folder.path) for f in fuzzers])
    for fuzzer in sorted(fuzzers):
        if expression is None or expression in fuzzer.name:
            report.progress(f"fuzzing {fuzzer.name} for {SECONDS_EACH} s")
            report.check(f"fuzz: {fuzzer.name}", sample(fuzzer))


def sample(fuzzer):
    """Runs one fuzzer; returns what it printed if it found something."""
    work = BUILD / "fuzz-work" / fuzzer.name
    shutil.rmtree(work, ignore_errors=True)
    (work / "new").mkdir(parents=True)
    name = fuzzer.name.removeprefix("fuzz_")
    seeds = [p for p in [REPOSITORY / "tests/fuzz/corpus" / name] if p.is_dir()]
    result = subprocess.run(
        [fuzzer, f"-max_total_time={SECONDS_EACH}", "-timeout=5", "-rss_limit_mb=2048",
         f"-artifact_prefix={work}/", work / "new", *seeds],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        env={**os.environ, **SANITIZER_ENVIRONMENT})
    return "" if result.returncode == 0 else result.stdout.decode(errors="replace")
