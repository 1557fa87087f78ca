"""What the tests of whole processes share: runs of the program under test, and a test case with a directory of its own.

Only the standard library is used. Every process is started by these modules and ended by its pid. All files of a test class
live under one directory, removed at the end or, after a failure, kept with its path printed.
Environment: SLIPSTREAM (the program; default build/release/slipstream), SLIPSTREAM_TEST_SECONDS (the run gives up then, so
that it still ends its processes before ctest's own timeout kills it), SLIPSTREAM_KEEP (keep the files in any case).
"""

import atexit
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import clean_end
from clean_end import end_cleanly_on_signals

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXIT_DONE, EXIT_RUNTIME, EXIT_USAGE, EXIT_CANNOT_START, EXIT_DIVERGENCE, EXIT_GAP = 0, 1, 2, 3, 4, 5


def wait_until(condition, what, seconds=60, step=0.1):
    """Polls until condition() is true and returns its value: processes have no other way to say that they are ready.
    `what` is text, or a function that makes it when the wait was in vain."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(step)
    return value


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

        return wait_until(found, lambda: f"'{pattern}' in the output of {self}", seconds, 0.02)

    def __str__(self):
        state = "running" if self.running else f"exit {self.process.returncode}"
        return f"{' '.join(self.args)}\n{state}\nstdout:\n{self.stdout[-4000:]}\nstderr:\n{self.stderr[-4000:]}"


class ProgramTestCase(unittest.TestCase):
    """One directory a class, and the runs of the program in it. A subclass says in set_up_class() what all its tests need."""

    maxDiff = 2000
    work_parent = None  # where the directory is made; None: where temporary files go

    @classmethod
    def setUpClass(cls):
        cls.failed = True  # until the end of this method, and after any failing test
        end_cleanly_on_signals()
        give_up_in_time()
        if not program().exists():
            raise RuntimeError(f"{program()} does not exist: run scripts/build, or set SLIPSTREAM")
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix=f"slipstream-{cls.__name__}-{os.getpid()}-", dir=cls.work_parent))
        os.chmod(cls.work, 0o755)
        cls.runs = []
        atexit.register(cls._clear_away)  # of a run that is interrupted unittest cleans up nothing
        cls.addClassCleanup(cls._remove_work)
        cls.addClassCleanup(cls._end_runs)
        cls.set_up_class()
        cls.failed = False

    @classmethod
    def set_up_class(cls):
        """Runs once, when the directory is there."""

    @classmethod
    def _end_runs(cls):
        for run in cls.runs:
            if run.running:
                run.kill()

    @classmethod
    def _clear_away(cls):
        cls._end_runs()
        if clean_end.told_by:
            cls.failed = clean_end.told_by == signal.SIGALRM  # what hung is to be looked at
        cls._remove_work()

    @classmethod
    def _remove_work(cls):
        atexit.unregister(cls._clear_away)
        if cls.failed or os.environ.get("SLIPSTREAM_KEEP"):
            print(f"files of {cls.__name__} are kept in {cls.work}", file=sys.stderr)
        else:
            shutil.rmtree(cls.work, ignore_errors=clean_end.told_by is not None)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result is not None else 0
        try:
            result = super().run(result)
        except KeyboardInterrupt:
            if isinstance(result, unittest.TextTestResult):
                result.printErrors()  # of the tests before: nobody else prints them now
            raise
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

    def assert_one_line(self, expected_exit, words, *args, **options):
        """The program ends with this code, and says why in one line that holds the words."""
        run = self.check(expected_exit, *args, seconds=90, **options)
        self.assert_line_of_error(run, words)
        return run

    def assert_line_of_error(self, run, words):
        lines = run.stderr.splitlines()
        self.assertEqual(len(lines), 1, str(run))
        for word in words:
            self.assertIn(word, lines[0])

    # What a run with --format json says.

    def lines(self, run, kind):
        """What the run printed so far of one type: progress, notice or end. The last line may not be whole yet."""
        text = run.stdout
        return [line for line in map(json.loads, text[:text.rfind("\n") + 1].splitlines()) if line["type"] == kind]

    def last_progress(self, run, what):
        progress = self.lines(run, "progress")
        return progress[-1][what] if progress else 0

    def wait_while_running(self, run, condition, what):
        def reached():
            if not run.running:
                raise AssertionError(f"ended before {what}: {run}")
            return condition()

        return wait_until(reached, lambda: f"{what} by {run}", 30, 0.005)


@functools.cache
def give_up_in_time():
    """Once for all classes of the process: so ctest counts too."""
    signal.alarm(int(os.environ.get("SLIPSTREAM_TEST_SECONDS", 0)))
