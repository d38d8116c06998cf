"""What an operator meets; as a stage of tests/run, or with the parts that take long for tests/deploy/run."""

import argparse
import sys

import javascript
import pytests
from build import REPOSITORY, BuildError
from report import Report

TESTS = REPOSITORY / "tests/deploy"
SECONDS_MAX = 900
LONG_SECONDS_MAX = 2700  # builds for the image, the guide and the package, one after the other
PROCESSES = 4  # tests wait for events more than they compute


def run(report, expression, long=False):
    javascript.install(report)  # the status page is looked at with their browser's library
    pytests.run(report, "deploy", TESTS, expression, processes=PROCESSES,
                seconds_max=LONG_SECONDS_MAX if long else SECONDS_MAX,
                arguments=["--long"] if long else [])


def main():
    parser = argparse.ArgumentParser(prog="tests/deploy/run", add_help=False)
    parser.add_argument("-k", dest="expression")
    parser.add_argument("--long", action="store_true")
    arguments = parser.parse_args()
    report = Report()
    try:
        run(report, arguments.expression, arguments.long)
    except BuildError as error:
        report.fail("deploy: building", str(error))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
