"""Takes from the files of a relay that was killed what no sync had made to last: what a power cut may do. See unsynced.c."""

import os
import struct

RECORD = struct.Struct("=QQQ")  # offset, the whole file's bytes before, old bytes; then those


def records(undo_file):
    data = undo_file.read_bytes()
    at = 0
    while at + RECORD.size <= len(data):
        offset, file_bytes, n_old = RECORD.unpack_from(data, at)
        at += RECORD.size
        if at + n_old > len(data):
            return  # the kill cut this one short, before its write
        yield offset, file_bytes, data[at:at + n_old]
        at += n_old


def power_cut(database, chance):
    """Of each file's writes since its last sync a random number of the first stay. How many went."""
    gone = 0
    for file in (database, database.with_name(database.name + "-wal")):
        undo_file = file.with_name(file.name + ".undo")
        if not undo_file.exists():
            continue
        unsynced = list(records(undo_file))
        kept = chance.choice((0, len(unsynced), chance.randint(0, len(unsynced))))
        if file.exists():
            with open(file, "r+b") as opened:
                for offset, file_bytes, old in reversed(unsynced[kept:]):
                    os.pwrite(opened.fileno(), old, offset)
                    os.truncate(opened.fileno(), file_bytes)
        gone += len(unsynced) - kept
        undo_file.unlink()
    database.with_name(database.name + "-shm").unlink(missing_ok=True)  # it is memory
    return gone
