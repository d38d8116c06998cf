"""What a scenario is, and how one is run."""

import dataclasses
import subprocess
import tempfile
import traceback
from pathlib import Path

from support.drops import Missed
from support.stage import Stage

MISSED_MAX = 5
SCENARIOS = {}


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    play: object  # takes the stage
    stage: dict  # keywords for Stage
    slow: bool  # begins first: it waits most of the time
    long: bool  # in the long campaign only
    pairs: tuple  # (what shares, what fetches) in the tests' stage; scenarios/run plays all

    @property
    def title(self):
        return " ".join(self.play.__doc__.split())


def scenario(slow=False, long=False, pairs=(("c", "c"),), **stage):
    """Makes a scenario of a function. Its name is the scenario's; its first lines say what it shows."""
    def add(play):
        SCENARIOS[play.__name__] = Scenario(play.__name__, play, stage, slow, long, pairs)
        return play
    return add


def run(name, sharing, fetching):
    """Runs one scenario with these implementations; None, or what went wrong. One whose transfer was over before the drop is
    played again."""
    for _ in range(MISSED_MAX):
        try:
            return run_once(SCENARIOS[name], sharing, fetching)
        except Missed:
            continue
    return f"the transfer was over before the drop, {MISSED_MAX} times"


def run_once(chosen, sharing, fetching):
    problems = []
    with tempfile.TemporaryDirectory(prefix="scenario-") as folder:
        stage = Stage(Path(folder), sharing, fetching, **chosen.stage)
        try:
            chosen.play(stage)
            stage.check()
        except (AssertionError, OSError, subprocess.SubprocessError, KeyError, ValueError):
            problems += [traceback.format_exc(), *stage.complaints()]
        finally:
            try:
                problems += stage.stop()
            finally:
                stage.close()
    return "\n".join(problems) or None
