"""What the real-Kafka tests share: runs of the program under test, and a test case with a cluster of its own.

Only the standard library is used. Every process is started by these modules and ended by its pid. All files of a test class
live under one directory, removed at the end or, after a failure, kept with its path printed.
Environment: SLIPSTREAM (the program; default build/release/slipstream), SLIPSTREAM_TEST_SECONDS (the class gives up then,
so that it still ends its processes before ctest's own timeout kills it), SLIPSTREAM_KEEP (keep the files in any case).
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from kafka_cluster import ROOT, KafkaCluster, wait_until
from log_files import base_offset, position_of_batch, read_log

EXIT_DONE, EXIT_RUNTIME, EXIT_USAGE, EXIT_CANNOT_START, EXIT_DIVERGENCE, EXIT_GAP = 0, 1, 2, 3, 4, 5


def program():
    return pathlib.Path(os.environ.get("SLIPSTREAM", ROOT / "build" / "release" / "slipstream")).resolve()


class Slipstream:
    """One run of the program, output captured in files so that it can be read while it runs."""

    def __init__(self, directory, *args, prefix=(), command=None):
        self.args = [*map(str, prefix), str(command or program()), *map(str, args)]
        handle, out = tempfile.mkstemp(prefix="run-", suffix=".out", dir=directory)
        os.close(handle)
        self._out, self._err = pathlib.Path(out), pathlib.Path(out).with_suffix(".err")
        with open(self._out, "wb") as stdout, open(self._err, "wb") as stderr:
            self.process = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)

    @property
    def stdout(self):
        return self._out.read_text(errors="replace")

    @property
    def stderr(self):
        return self._err.read_text(errors="replace")

    @property
    def output(self):
        return self.stdout + self.stderr

    @property
    def running(self):
        return self.process.poll() is None

    def wait(self, seconds=120):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s: {self}") from None

    def terminate(self, seconds=30):
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait_for_output(self, pattern, seconds=30):
        def found():
            if match := re.search(pattern, self.output):
                return match
            if not self.running:
                raise AssertionError(f"ended before it said '{pattern}': {self}")
            return None

        return wait_until(found, f"'{pattern}' in the output of {self}", seconds, 0.02)

    def __str__(self):
        state = "running" if self.running else f"exit {self.process.returncode}"
        return f"{' '.join(self.args)}\n{state}\nstdout:\n{self.stdout[-4000:]}\nstderr:\n{self.stderr[-4000:]}"


class KafkaTestCase(unittest.TestCase):
    """One cluster and one directory a class. A subclass says what it wants: brokers, properties, and set_up_topics()."""

    brokers = 1
    properties = ()
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.failed = True  # until the end of this method, and after any failing test
        signal.signal(signal.SIGTERM, _give_up)
        signal.signal(signal.SIGALRM, _give_up)
        signal.alarm(int(os.environ.get("SLIPSTREAM_TEST_SECONDS", 0)))
        if not program().exists():
            raise RuntimeError(f"{program()} does not exist: run scripts/build, or set SLIPSTREAM")
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix=f"slipstream-{cls.__name__}-"))
        os.chmod(cls.work, 0o755)
        cls.addClassCleanup(cls._remove_work)
        cls.runs = []
        cls.addClassCleanup(cls._end_runs)
        cls.cluster = KafkaCluster(cls.work / "kafka", cls.brokers, cls.properties)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.driver = cls.cluster.driver
        cls.set_up_topics()
        cls.failed = False

    @classmethod
    def set_up_topics(cls):
        """Runs once, after the cluster is up."""

    @classmethod
    def _end_runs(cls):
        for run in cls.runs:
            if run.running:
                run.kill()

    @classmethod
    def _remove_work(cls):
        if cls.failed or os.environ.get("SLIPSTREAM_KEEP"):
            print(f"files of {cls.__name__} are kept in {cls.work}", file=sys.stderr)
        else:
            shutil.rmtree(cls.work)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result is not None else 0
        result = super().run(result)
        if result is not None and len(result.failures) + len(result.errors) > before:
            type(self).failed = True
        return result

    @classmethod
    def start(cls, *args, **options):
        run = Slipstream(cls.work, *args, **options)
        cls.runs.append(run)
        return run

    def check(self, expected_exit, *args, seconds=120, **options):
        run = self.start(*args, **options)
        code = run.wait(seconds)
        self.assertEqual(code, expected_exit, str(run))
        return run

    def follow_args(self, log_dir, *topics, bootstrap=None):
        return ["follow", "--bootstrap-server", bootstrap or self.cluster.bootstrap, "--log-dir", log_dir,
                *(word for topic in topics for word in ("--topic", topic))]

    def catch_up(self, log_dir, *topics, extra=(), seconds=120, bootstrap=None):
        return self.check(EXIT_DONE, *self.follow_args(log_dir, *topics, bootstrap=bootstrap), "--until", "caught-up", *extra, seconds=seconds)

    def verify(self, log_dir, topic_regex):
        return self.check(EXIT_DONE, "verify", f"kafka://{self.cluster.address(1)}/{topic_regex}", log_dir)

    def assert_same_bytes(self, topic, log_dir):
        """Our .log bytes of every partition are the leader's, from our first batch on to the leader's end."""
        for partition in range(len(self.driver.leaders(topic))):
            theirs = read_log(self.cluster.leader_dir(topic, partition))
            ours = read_log(pathlib.Path(log_dir) / f"{topic}-{partition}")
            start = position_of_batch(theirs, base_offset(ours)) if ours else len(theirs)
            self.assert_equal_logs(f"{topic}-{partition}", ours, theirs[start:])

    def assert_equal_logs(self, name, ours, theirs):
        if ours == theirs:
            return
        at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
        self.fail(f"{name}: {len(ours)} bytes here, {len(theirs)} at the leader, first difference at byte {at}")


def _give_up(signum, _frame):
    raise TimeoutError(f"given up on signal {signal.Signals(signum).name}")
