"""A disk that falls ill, and gets well, under a relay or a client: tests/faults/sick_disk.c, preloaded."""

import mmap
import struct

from .process import BUILD, RELAY, runtimes_of

LIBRARY = BUILD / "tests" / "faults" / "libsick_disk.so"
WELL, STALLS, FAILS_WRITES, FAILS_SYNCS, FAILS_READS, READ_ONLY = range(6)  # as it numbers them


class SickDisk:
    def __init__(self, file):
        file.write_bytes(bytes(4))
        with open(file, "r+b") as opened:
            self.memory = mmap.mmap(opened.fileno(), 4)
        self.environment = {"SICK_DISK_FILE": str(file), "LD_PRELOAD": " ".join([*runtimes_of(RELAY), str(LIBRARY)])}

    def becomes(self, illness):
        struct.pack_into("=I", self.memory, 0, illness)
