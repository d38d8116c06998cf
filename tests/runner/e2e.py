"""The end-to-end tests, and that their frames matched every schema."""

import javascript
import pytests
from build import BUILD, REPOSITORY

TESTS = REPOSITORY / "tests/e2e"
UNUSED_SCHEMAS = BUILD / "e2e-unused-schemas"
SECONDS_MAX = 1200
PROCESSES = 4  # tests wait for events more than they compute


def run(report, expression):
    javascript.install(report)
    UNUSED_SCHEMAS.unlink(missing_ok=True)
    if pytests.run(report, "e2e", TESTS, expression, processes=PROCESSES, seconds_max=SECONDS_MAX,
                   environment={"SYNCSHELL_UNUSED_SCHEMAS": str(UNUSED_SCHEMAS)},
                   arguments=[] if expression else ["--sample"]) and not expression:
        unused = UNUSED_SCHEMAS.read_text() if UNUSED_SCHEMAS.exists() else "nothing was recorded"
        report.check("e2e: every schema was used", unused)
