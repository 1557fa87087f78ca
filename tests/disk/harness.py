"""What the tests on real disks share: a leader in its own process, disks to break, and what a follower has claimed."""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))  # for all modules here

from clean_end import end_cleanly_on_signals
from disks import Disk, ThinDisk, clear_leftovers, what_is_missing  # noqa: F401
from log_files import copied_end_offset, copied_end_offsets, read_log
from program_runs import EXIT_DONE, EXIT_RUNTIME, ProgramTestCase

RECOVERY_POINTS, HIGH_WATERMARKS = "recovery-point-offset-checkpoint", "replication-offset-checkpoint"
CLEAN_MARK = ".kafka_cleanshutdown"
# Many small answers: a fault then falls between any two of many writes and fsyncs.
SMALL_STEPS = {"replica.fetch.response.max.bytes": 100_000, "replica.fetch.max.bytes": 100_000, "segment.bytes": 2 << 20,
               "progress.interval.ms": 10, "replica.high.watermark.checkpoint.interval.ms": 10,
               "replica.fetch.backoff.ms": 50, "metadata.max.age.ms": 500}
LARGE_STEPS = {"replica.fetch.response.max.bytes": 600_000, "replica.fetch.max.bytes": 400_000}  # so much is bulk
NO_SPACE = "No space left on device"


def read_checkpoint(path):
    """Offsets by partition number, of one topic; empty when there is no such file."""
    if not path.exists():
        return {}
    return {int(partition): int(offset) for _, partition, offset in (line.split() for line in path.read_text().splitlines()[2:])}


class DiskTestCase(ProgramTestCase):
    """A subclass says what its leader holds: partitions, and bytes of all. Every topic is called t."""

    generate = "t:2:24M"
    # Images in memory: what is cut off or fills up is their file system, and what reached them is safe there.
    work_parent = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None

    @classmethod
    def setUpClass(cls):
        end_cleanly_on_signals()  # the first mount is made here
        clear_leftovers(cls.work_parent or tempfile.gettempdir())
        scratch = tempfile.mkdtemp(prefix=f"slipstream-probe-{os.getpid()}-", dir=cls.work_parent)
        try:
            missing = what_is_missing(scratch)
        finally:
            shutil.rmtree(scratch)
        if missing:
            print(f"skipped: {missing}")
            raise unittest.SkipTest(missing)
        super().setUpClass()

    @classmethod
    def set_up_class(cls):
        cls.leader_dir = cls.work / "leader"
        leader = cls.start("lead", "--log-dir", cls.leader_dir, "--listen", "127.0.0.1:0", "--generate", cls.generate,
                           "--generate-batch-bytes", "20000")
        cls.address = leader.wait_for_output(r"listening on (127\.0\.0\.1:[0-9]+)")[1]
        cls.leader_ends = copied_end_offsets(cls.leader_dir, "t")

    def new_disk(self, name, megabytes, kind=Disk, **options):
        """Mounted, until the test ends."""
        disk = kind(self.work, name, megabytes, **options)
        self.addCleanup(disk.discard)
        disk.mount()
        return disk

    # Following.

    def follow(self, *log_dirs, until_caught_up=False, properties=None, **options):
        settings = {**SMALL_STEPS, **(properties or {})}
        return self.start("follow", "--bootstrap-server", self.address, "--topic", "t", "--format", "json",
                          *(word for log_dir in log_dirs for word in ("--log-dir", log_dir)),
                          *(word for key, value in settings.items() for word in ("--property", f"{key}={value}")),
                          *(("--until", "caught-up") if until_caught_up else ()), **options)

    def catch_up(self, *log_dirs, properties=None, **options):
        """Follows to the end; returns how many records that took."""
        run = self.follow(*log_dirs, until_caught_up=True, properties=properties, **options)
        self.assertEqual(run.wait(), EXIT_DONE, str(run))
        return self.lines(run, "end")[-1]["records"]

    def assert_ends(self, run, *words):
        """The run ends by itself, not well, and says why in one line that holds the words."""
        self.assertEqual(run.wait(), EXIT_RUNTIME, str(run))
        self.assert_line_of_error(run, words)

    # What a run says.

    def notices(self, run, *words):
        """Those that hold the words."""
        return [line["text"] for line in self.lines(run, "notice") if all(word in line["text"] for word in words)]

    def claimed(self, run):
        """How many records the run has said to have copied."""
        return self.last_progress(run, "records")

    def wait_for_claim(self, run, records):
        self.wait_while_running(run, lambda: self.claimed(run) >= records, f"{records} records copied")

    def wait_for_notice(self, run, *words):
        return self.wait_while_running(run, lambda: self.notices(run, *words), f"{words} told")[0]

    # What a copy holds.

    def numbers_in(self, log_dir):
        """The partitions there."""
        return sorted(int(d.name.rpartition("-")[2]) for d in pathlib.Path(log_dir).glob("t-[0-9]*"))

    def is_complete(self, log_dir):
        return all(copied_end_offset(log_dir / f"t-{number}") == self.leader_ends[number] for number in self.numbers_in(log_dir))

    def verify(self, log_dir):
        """All partitions of the leader are there, and theirs are its bytes."""
        self.check(EXIT_DONE, "verify", self.leader_dir, log_dir)

    def assert_same_bytes(self, *log_dirs):
        """As verify, of a copy that lies in several log dirs."""
        copies = {number: log_dir / f"t-{number}" for log_dir in log_dirs for number in self.numbers_in(log_dir)}
        self.assertEqual(sorted(copies), list(range(len(self.leader_ends))))
        for number, copy in copies.items():
            self.assertTrue(read_log(copy) == read_log(self.leader_dir / f"t-{number}"), f"{copy} differs from the leader's")
