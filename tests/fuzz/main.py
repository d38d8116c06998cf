"""Builds the fuzzers into build/fuzz, runs each, seeded from the examples of schema/wire, and shows the coverage that it has reached.
What was found before is gone on from: build/fuzz/fuzz."""

import argparse
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "runner"), str(HERE)]

from build import BuildError, fuzz_folder  # noqa: E402
from report import Report  # noqa: E402
from seeds import SEEDS, write_dictionary, write_seeds  # noqa: E402


def run(build, name, seconds):
    work = build / "fuzz" / name
    corpus, seeds = work / "corpus", work / "seeds"
    corpus.mkdir(parents=True, exist_ok=True)
    write_seeds(name, seeds)
    write_dictionary(work / "dictionary")
    command = [
        build / "tests" / "fuzz" / f"fuzz_{name}", corpus, seeds, f"-max_total_time={seconds}", "-max_len=8192",
        f"-dict={work / 'dictionary'}", f"-artifact_prefix={work}/", "-print_final_stats=1",
    ]  # fmt: skip
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    coverage = re.findall(r"cov: (\d+)", result.stderr)
    runs = re.findall(r"stat::number_of_executed_units:\s*(\d+)", result.stderr)
    if result.returncode != 0:
        print(result.stderr[-4000:], file=sys.stderr)
        print(f"fuzz_{name}: FAILED, see {work}")
        return False
    print(f"fuzz_{name}: edges {coverage[-1]}, runs {runs[-1]}")
    return True


def main():
    parser = argparse.ArgumentParser(prog="tests/fuzz/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each fuzzer")
    parser.add_argument("--only", choices=sorted(SEEDS), action="append")
    options = parser.parse_args()
    folder = fuzz_folder()
    try:
        folder.configure(Report())
        folder.compile(Report(), [f.relative_to(folder.path) for f in folder.executables("fuzz_")])
    except BuildError as error:
        print(error)
        return 1
    results = [run(folder.path, name, options.seconds) for name in options.only or SEEDS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
