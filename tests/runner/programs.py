"""What end-to-end commands drive, for those that run by themselves and not as a stage of tests/run."""

import os

import javascript
from build import tests_folder
from report import Report


def build():
    """Everything into build/tests, with sanitizers. Nothing when SYNCSHELL_BUILD_DIR names other programs."""
    if not os.environ.get("SYNCSHELL_BUILD_DIR"):
        tests_folder().compile(Report())


def install_peers():
    """The libraries of the JavaScript peers."""
    javascript.install(Report())
