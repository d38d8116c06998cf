"""A sample of the simulation: some seeds, always the same, under sanitizers; more of them in the build that is released; and one
twice, which must go the same way."""

import os
import subprocess

from build import REPOSITORY

SEEDS = 400
MORE_SEEDS = 2000
REPLAYED = 4


def run(report, expression):
    if expression is not None and expression not in "simulation":
        return
    report.progress(f"simulation: {SEEDS} seeds")
    output, status = simulate("--seeds", str(SEEDS))
    report.check(f"sim: {SEEDS} seeds", "" if status == 0 else output)
    report.progress(f"simulation: {MORE_SEEDS} more, in the build that is released")
    output, status = simulate("--fast", "--seeds", str(MORE_SEEDS), "--first", str(SEEDS + 1))
    report.check(f"sim: {MORE_SEEDS} more seeds", "" if status == 0 else output)
    traces = {simulate("--seed", str(REPLAYED), "--trace") for _ in range(2)}
    report.check("sim: a seed goes the same way twice", "" if len(traces) == 1 and not any(s for _, s in traces)
                 else "\n".join(output for output, _ in traces))


def simulate(*arguments):
    """Returns what it printed, and its exit status."""
    done = subprocess.run(["tests/sim/run", *arguments], cwd=REPOSITORY, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env=os.environ)
    return done.stdout.decode(errors="replace"), done.returncode
