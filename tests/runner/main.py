"""Runs the stages that tests/run was asked for, and closes with the count. tests/run --help says what there is."""

import argparse
import sys

import bench
import deploy
import e2e
import fuzz
import hostile
import lint
import mutations
import sim
import unit
from build import BuildError
from report import Report

STAGES = {"unit": unit.run, "sim": sim.run, "mutations": mutations.run, "e2e": e2e.run, "deploy": deploy.run,
          "hostile": hostile.run, "lint": lint.run, "fuzz": fuzz.run, "bench": bench.run}


def main():
    parser = argparse.ArgumentParser(prog="tests/run", add_help=False)
    parser.add_argument("--only", action="append", choices=STAGES, metavar="STAGE")
    parser.add_argument("-k", dest="expression")
    arguments = parser.parse_args()

    report = Report()
    chosen = [name for name in STAGES if not arguments.only or name in arguments.only]
    try:
        for name in chosen:
            report.begin_stage()
            try:
                if name == "e2e" and "lint" in chosen and not arguments.expression:
                    lint.begin(report)
                STAGES[name](report, arguments.expression)
            except BuildError as error:
                report.fail(f"{name}: building", str(error))
    finally:
        lint.end()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
