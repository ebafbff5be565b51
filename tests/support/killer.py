"""Somebody who ends a program with -9, again and again."""
import os
import random
import signal
import threading
import time


class Killer(threading.Thread):
    """Ends the mifengd of an installation `kills` times, each time as soon as it is there again and at most `seconds` after
    that, at moments that a seed chooses."""

    def __init__(self, installation, seed, kills, seconds=1.0):
        super().__init__(daemon=True)
        self.installation, self.random = installation, random.Random(seed)
        self.wanted, self.seconds, self.kills = kills, seconds, 0

    def run(self):
        last = None
        while self.kills < self.wanted:
            pid = self.installation.service_pid("mifengd")
            if pid is None or pid == last:
                time.sleep(0.01)
                continue
            time.sleep(self.random.uniform(0.05, self.seconds))
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            last = pid
            self.kills += 1
