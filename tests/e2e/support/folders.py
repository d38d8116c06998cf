"""Folders to transfer: made from a seed, compared by their hashes."""

import hashlib

PRIVATE = ".syncshell-sync"  # where a fetching peer keeps what is not complete


def fill(folder, chance, n_files, file_bytes, per_folder=50):
    """Files of random bytes, all of one size, in folders whose order is the files' order."""
    for index in range(n_files):
        path = folder / f"mod-{index // per_folder:03d}" / f"file-{index:05d}.tex"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(file_bytes))


def hashes(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*") if p.is_file() and PRIVATE not in p.parts
    }


def total_bytes(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and PRIVATE not in p.parts)


def on_disk_bytes(folder):
    """What a fetching peer has, parts of files included. It may be writing meanwhile."""
    found = 0
    for path in folder.rglob("*"):
        if path.suffix in (".meta", ".new"):
            continue
        try:
            found += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # a part that has just been put in its place
            pass
    return found
