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
    for name, stage in STAGES.items():
        if arguments.only and name not in arguments.only:
            continue
        report.begin_stage()
        try:
            stage(report, arguments.expression)
        except BuildError as error:
            report.fail(f"{name}: building", str(error))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
