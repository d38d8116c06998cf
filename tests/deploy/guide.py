"""deploy/README.md as its reader takes it: what to write, and what to type line by line."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "deploy/README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]

COMPOSE = "docker compose -f deploy/compose.yaml "
# As it would be typed in the container.
INSIDE = {f"{COMPOSE}exec relay ": "", f"{COMPOSE}exec -T relay ": "", f"{COMPOSE}run --rm relay ": "syncshell-relay "}

# What others do, each line as it stands there, and where.
ELSEWHERE = {
    "deploy/setup --domain relay.example": "test_compose.py",
    f"{COMPOSE}up -d": "test_compose.py and test_container.py, all but the daemon's own part",
    f"{COMPOSE}up -d --build": "test_container.py builds the image",
    f"{COMPOSE}stop relay": "Docker's own; test_docs.py stops its relay then",
    f"{COMPOSE}start relay": "Docker's own; test_docs.py starts it again",
    f"{COMPOSE}logs --since 1h relay": "Docker's own",
    "deploy/install-packages": "tests/run and tests/deploy/run begin with it",
    "git pull": "git's own",
}


def texts(kind):
    return [text for found, text in BLOCKS if found == kind]


def inside(line):
    """A line for the container as it is there, or None."""
    return next((begins + line.removeprefix(typed) for typed, begins in INSIDE.items() if line.startswith(typed)), None)


def for_the_service():
    """All lines of whoever runs it without Docker. test_machine.py does them."""
    return [line for line in COMMANDS if line not in ELSEWHERE and not line.startswith("docker ")]
