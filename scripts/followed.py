"""A `slipstream follow` under measurement: started, asked how far it is by its JSON lines, and stopped."""

import json
import os
import subprocess
import time

from comparison import process_cpu
from harness import program

TAIL_BYTES = 64 << 10  # of what was told: reading all of it each time would take from what is measured


class Followed:
    """Into directory/copy. Ends with the block it is made for, whatever happened there."""

    def __init__(self, bootstrap, directory, topics, extra=(), interval_ms=100):
        self.log_dir = directory / "copy"
        self.began = time.monotonic()
        self._told = directory / "progress.json"
        self._output = open(self._told, "wb")
        self._process = subprocess.Popen(
            [program(), "follow", "--bootstrap-server", bootstrap, "--log-dir", self.log_dir,
             *(word for topic in topics for word in ("--topic", topic)), "--format", "json",
             "--property", f"progress.interval.ms={interval_ms}", *extra],
            stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._output)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self.stop()
        self._output.close()

    def last(self, figure):
        """Of the newest line of progress; 0 before the first."""
        with open(self._told, "rb") as told:
            told.seek(max(0, told.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = told.read().decode(errors="replace").rpartition("\n")[0].splitlines()
        progress = (line for line in reversed(lines) if line.startswith("{") and '"type":"progress"' in line)
        return next((json.loads(line)[figure] for line in progress), 0)

    def cpu(self):
        return process_cpu(self._process.pid)

    def stop(self):
        """Seconds that it took."""
        began = time.monotonic()
        self._process.terminate()
        code = self._process.wait(300)
        took = time.monotonic() - began
        if code:
            raise SystemExit(f"follow ended with exit code {code}:\n{self._told.read_text()[-2000:]}")
        return took
