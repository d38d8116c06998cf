"""What the application of a killed client knows: what it asked the library for, in its order, and what the library called saved. Held against
what the library and the relay still have, that tells what was lost, doubled or reordered."""

import collections


class Fetching:
    """The session in which the client receives: files that it reported."""

    def __init__(self, session_id):
        self.id = session_id
        self.lives = []  # of each process: the paths in the order of reporting
        self.saved = set()
        self.stored = set()  # what the library said that the relay has
        self.gone = set()  # reported, and known to have died with the process
        self.close_asked = self.closed = False

    def begin_life(self):
        self.lives.append([])

    def report(self, path):
        self.lives[-1].append(path)

    @property
    def reported(self):
        return [path for life in self.lives for path in life]


class ClientLedger:
    def __init__(self):
        self.lost = []
        self.doubled = []
        self.reordered = []
        self.acknowledged = 0
        self.requests = []  # the counterpart's, in the order of sending
        self.told = []  # of those, as the application heard of them first

    def faults(self):
        return [f"{what}: {text}" for what, texts in
                (("lost", self.lost), ("doubled", self.doubled), ("reordered", self.reordered)) for text in texts]

    # ---- after a process is dead: what it had said ----

    def take_life(self, fetching, events):
        """`events`: all that the process put out."""
        path_of = {e["ticket"]: e["tag"] for e in events if e["event"] == "accepted" and e.get("tag", "").startswith("f")}
        saved = [path_of[e["ticket"]] for e in events if e["event"] == "progress_saved" and e["ticket"] in path_of]
        upto = max((e["ticketUpTo"] for e in events if e["event"] == "progress_stored"), default=0)
        self.doubled += [f"{path} was saved {n} times" for path, n in collections.Counter(saved).items() if n > 1]
        if saved != [path for path in fetching.lives[-1] if path in set(saved)]:
            self.reordered.append(f"saved in another order than reported: {saved}")
        fetching.saved.update(saved)
        fetching.stored.update(path for ticket, path in path_of.items() if ticket <= upto)
        self.acknowledged += len(saved)
        self.take_told([e["requestId"] for e in events if e["event"] == "recovery_request"])

    def take_told(self, request_ids):
        """One process's. In another process the last one may come once more: at least once is what is promised."""
        self.doubled += [f"{id} was told {n} times" for id, n in collections.Counter(request_ids).items() if n > 1]
        places = [self.requests.index(id) for id in request_ids]
        if places != sorted(places) or (self.told and places and places[0] < self.requests.index(self.told[-1])):
            self.reordered.append(f"told {request_ids} after {self.told[-1:]}")
        self.told += [id for id in request_ids if id not in self.told]

    # ---- what is left ----

    def check_held(self, fetching, paths):
        """The files that the client tells its provider of after a restart."""
        held = set(paths)
        self.lost += [f"{fetching.id}: {path} was saved, and is not held" for path in sorted((fetching.saved | fetching.stored) - held)]
        self.doubled += [f"{fetching.id}: {path} is held {n} times" for path, n in collections.Counter(paths).items() if n > 1]
        self.doubled += [f"{fetching.id}: {path} is held, and was never reported" for path in sorted(held - set(fetching.reported))]
        self.doubled += [f"{fetching.id}: {path} had died, and is held" for path in sorted(held & fetching.gone)]
        for life in fetching.lives:
            left = [path for path in life if path in held]
            if left != life[:len(left)]:
                self.reordered.append(f"{fetching.id}: of {life} there is {left}")
        fetching.gone |= set(fetching.reported) - held

    def check_log(self, fetching, log, held):
        """What the relay has: [(version, type, paths)]; `held`: what the client has."""
        paths = [path for _, _, entry in log for path in entry]
        self.doubled += [f"{fetching.id}: {path} is in the log {n} times" for path, n in collections.Counter(paths).items() if n > 1]
        self.lost += [f"{fetching.id}: {path} is not in the relay's log" for path in sorted(set(held) - set(paths))]
        self.doubled += [f"{fetching.id}: {path} is in the log only" for path in sorted(set(paths) - set(held))]
        if paths != [path for path in fetching.reported if path in set(paths)]:
            self.reordered.append(f"{fetching.id}: the log has {paths}")
        versions = [version for version, _, _ in log]
        if versions != sorted(set(versions)):
            self.reordered.append(f"{fetching.id}: versions {versions}")
