"""What the system withholds from the process, and what others do to its files: few descriptors, small files, no io_uring,
partitions moved away."""

import pathlib
import shutil
import sys

from harness import DiskTestCase

PARTITIONS = 40
HERE = pathlib.Path(__file__).resolve().parent


class LimitsTest(DiskTestCase):
    generate = f"t:{PARTITIONS}:24M"

    def setUp(self):
        self.disk = self.new_disk(self.id().rpartition(".")[2], 256)  # where direct writes are possible

    def test_open_files_are_raised_to_what_is_allowed(self):
        copy = self.disk.path / "raised"
        self.catch_up(copy, prefix=["prlimit", "--nofile=64:4096"])
        self.verify(copy)

    def test_too_few_open_files_are_one_clear_error(self):
        copy = self.disk.path / "few"
        run = self.follow(copy, until_caught_up=True, prefix=["prlimit", "--nofile=64:64"])
        self.assert_ends(run, str(copy), "Too many open files")
        self.assertNotIn("offline", run.stderr + run.stdout)  # no fsync failed: the disk is not to blame
        self.catch_up(copy)
        self.verify(copy)

    def test_segments_below_the_largest_file_are_no_trouble(self):
        copy = self.disk.path / "fits"
        self.catch_up(copy, prefix=["prlimit", "--fsize=1048576"], properties={"segment.bytes": 200_000, "log.write.mode": "direct", "progress.interval.ms": 1000})
        self.verify(copy)

    def test_a_file_that_may_not_grow_is_one_clear_error(self):
        for write_mode in ("direct", "buffered"):
            with self.subTest(write_mode=write_mode):
                copy = self.disk.path / f"small-{write_mode}"
                run = self.follow(copy, until_caught_up=True, prefix=["prlimit", "--fsize=300000"],
                                  properties={"log.write.mode": write_mode, "progress.interval.ms": 1000})
                self.assert_ends(run, str(copy), "File too large")
                self.catch_up(copy)
                self.verify(copy)

    def test_without_io_uring_the_copy_is_the_same(self):
        refused = [sys.executable, "-B", str(HERE / "without_io_uring.py")]
        for prefix, rings in (((), True), (refused, False)):
            for properties in ({}, {"log.flush.mode": "durable"}, {"log.write.mode": "direct"}):
                with self.subTest(rings=rings, **properties):
                    copy = self.disk.path / f"uring-{rings}-{len(properties)}-{'-'.join(properties)}"
                    run = self.follow(copy, prefix=prefix, properties=properties)
                    self.wait_while_running(run, lambda: self.last_progress(run, "caught_up") == PARTITIONS, "caught up")
                    self.assertEqual(self.has_ring(run), rings)
                    self.assertEqual(run.terminate(), 0, str(run))
                    self.verify(copy)

    def has_ring(self, run):
        return any("[io_uring]" in target(fd) for fd in pathlib.Path(f"/proc/{run.process.pid}/fd").iterdir())


def target(descriptor):
    """What it stands for; nothing if it was closed meanwhile."""
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


class TakenAwayTest(DiskTestCase):
    """Somebody moves or deletes one partition of a log dir that is in use."""

    generate = "t:3:24M"

    def check_taken_away(self, name, take, flush_mode):
        copy = self.work / name
        run = self.follow(copy, properties={"log.flush.mode": flush_mode})
        self.wait_for_claim(run, sum(self.leader_ends) // 4)
        take(copy / "t-1")
        self.wait_for_notice(run, "t-1: ", "No such file or directory", "will be retried")
        self.wait_while_running(run, lambda: self.last_progress(run, "caught_up") == 2, "the others are copied")
        self.assertFalse(self.notices(run, "offline"), str(run))
        self.assertEqual(run.terminate(), 1, str(run))  # t-1 did not close well
        self.assert_line_of_error(run, ["t-1", "No such file or directory"])
        self.catch_up(copy)
        self.verify(copy)

    def test_rel47_a_renamed_partition_leaves_its_directory_online(self):
        for flush_mode in ("cached", "durable"):
            with self.subTest(flush_mode=flush_mode):
                self.check_taken_away(f"renamed-{flush_mode}", lambda p: p.rename(self.work / f"taken-{p.parent.name}"), flush_mode)

    def test_rel47_a_deleted_partition_leaves_its_directory_online(self):
        for flush_mode in ("cached", "durable"):
            with self.subTest(flush_mode=flush_mode):
                self.check_taken_away(f"deleted-{flush_mode}", self.delete_tree, flush_mode)

    def delete_tree(self, partition):
        doomed = self.work / f"doomed-{partition.parent.name}"
        partition.rename(doomed)  # at once: a roll may be making files there
        shutil.rmtree(doomed)
