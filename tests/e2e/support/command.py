"""`syncshell-relay COMMAND`, as the operator types it."""

import subprocess

from .process import INHERITED, RELAY
from .wait import LIMIT_S


def relay_command(*words, status=0, prefix=(), env=None, **options):
    """Runs it to its end; what it printed. `status` None: any."""
    done = subprocess.run([*prefix, RELAY, *map(str, words)], capture_output=True, text=True, timeout=LIMIT_S,
                          env={**INHERITED, **(env or {})}, stdin=subprocess.DEVNULL, check=False, **options)
    assert status is None or done.returncode == status, done
    return done


def on_store(database, *words, **options):
    return relay_command("--set", f"store.path={database}", *words, **options)
