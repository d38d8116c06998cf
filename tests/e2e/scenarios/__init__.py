"""The scenarios by name. Each is a function that plays on a stage (support/stage.py) with real processes; after each, every
file's hash is equal on all sides, and no process has anything to complain about."""

from . import damage, drops, networks, relays, sizes
from .scenario import SCENARIOS, run

__all__ = ["SCENARIOS", "damage", "drops", "networks", "relays", "run", "sizes"]
