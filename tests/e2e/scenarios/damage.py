"""Files that are not what they were: hashes find them."""

from support.drops import Missed
from support.folders import PRIVATE

from .drops import begin, kill_unfinished
from .scenario import scenario


def flip(path):
    """One byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def whole_files(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file() and PRIVATE not in p.parts)


@scenario()
def complete_file_is_corrupted(stage):
    """A byte of a file that had arrived is flipped while the fetching side is dead: that file comes again."""
    _, fetching = begin(stage)
    stage.arrived(fetching, 50)
    kill_unfinished(fetching)
    damaged = whole_files(stage.fetcher.folder)[0]
    missing = stage.missing_bytes() + damaged.stat().st_size
    flip(damaged)
    assert stage.complete(stage.fetch())["bytesReceived"] == missing


@scenario()
def partial_file_is_corrupted(stage):
    """A byte of a half-received file is flipped while the fetching side is dead: at its end that is noticed, and said, and the
    file comes again from the start."""
    _, fetching = begin(stage, n_files=1, file_bytes=4_000_000)
    fetching.events.wait(event="progress", where=lambda e: e["bytes"] > 1_000_000)
    kill_unfinished(fetching)
    missing = stage.missing_bytes()
    assert 0 < missing < stage.total_bytes
    part, = (stage.fetcher.folder / PRIVATE).glob("*.part")
    flip(part)
    fetching = stage.fetch()
    assert stage.complete(fetching)["bytesReceived"] == missing + stage.total_bytes
    failed, = fetching.events.all(event="file_failed")
    assert failed["cause"] == "hash_mismatch"


def change_source(stage):
    """A file changed in its place, one of another size, a new one; the fetching side has the first already."""
    files = whole_files(stage.sharer.folder)
    flip(files[0])
    flip(files[-1])
    files[1].write_bytes(b"another size")
    (stage.sharer.folder / "new").write_bytes(b"new")


@scenario()
def source_changes_while_fetcher_is_away(stage):
    """Files are changed at the source, which goes on, while the fetching side is dead: it gets the new ones."""
    _, fetching = begin(stage)
    stage.arrived(fetching, 50)
    kill_unfinished(fetching)
    change_source(stage)
    stage.complete(stage.fetch())


@scenario()
def source_changes_while_sharer_is_away(stage):
    """Files are changed at the source while the sharing side is dead: the fetching side, which goes on, gets the new ones."""
    sharing, fetching = begin(stage)
    stage.arrived(fetching, 50)
    sharing.kill()
    if fetching.events.all(event="complete"):
        raise Missed
    change_source(stage)
    stage.share()
    stage.complete(fetching)
