"""A disk that fails: its directory goes offline before anything is claimed of what was lost; what lies elsewhere goes on."""

import os
import shutil

from harness import CLEAN_MARK, RECOVERY_POINTS, DiskTestCase, ThinDisk, read_checkpoint
from log_files import copied_end_offsets
from program_runs import program

THIN = {"kind": ThinDisk, "megabytes_there": 20}  # fsync fails once or twice, then says that all is well


class FsyncErrorTest(DiskTestCase):
    generate = "t:2:40M"

    def test_inv20_nothing_is_claimed_of_what_the_disk_lost(self):
        for write_mode, flush_mode in (("buffered", "durable"), ("buffered", "cached")):
            with self.subTest(write_mode=write_mode, flush_mode=flush_mode):
                properties = {"log.write.mode": write_mode, "log.flush.mode": flush_mode}
                disk = self.new_disk(f"thin-{write_mode}-{flush_mode}", 96, **THIN)
                copy = disk.path / "copy"
                run = self.follow(copy, properties=properties)
                self.assert_ends(run, f"{copy} is offline: ", "fsync")
                self.assertFalse((copy / CLEAN_MARK).exists())
                claimed = self.claimed(run)
                points = read_checkpoint(copy / RECOVERY_POINTS)
                disk.repair(megabytes_there=128)
                ends = copied_end_offsets(copy, "t")
                if flush_mode == "durable":
                    self.assertGreaterEqual(sum(ends), claimed)
                for partition, offset in points.items():
                    self.assertGreaterEqual(ends[partition], offset, f"recovery point of t-{partition}")
                fetched = self.catch_up(copy, properties=properties)
                self.verify(copy)
                if flush_mode == "durable":
                    self.assertLessEqual(fetched, sum(self.leader_ends) - claimed)
                disk.unmount()


class OneOfTwoFailsTest(DiskTestCase):
    generate = "t:4:80M"

    def test_log143_inv20_fsync_error_the_other_directory_runs_on(self):
        thin, sound = self.new_disk("thin", 96, **THIN), self.new_disk("sound", 64)
        copies = thin.path / "copy", sound.path / "copy"
        run = self.follow(*copies, properties={"log.flush.mode": "durable", "log.write.mode": "buffered"})
        self.assert_the_other_runs_on(run, *copies)
        thin.repair(megabytes_there=128)
        self.catch_up(*copies, properties={"log.flush.mode": "durable"})
        self.assert_same_bytes(*copies)

    def test_log143_read_only_remount_the_other_directory_runs_on(self):
        broken, sound = self.new_disk("broken", 64, options=("errors=remount-ro",)), self.new_disk("sound2", 64)
        copies = broken.path / "copy", sound.path / "copy"
        run = self.follow(*copies, properties={"log.flush.mode": "durable"})
        self.wait_for_claim(run, sum(self.leader_ends) // 4)
        broken.break_metadata()
        self.assert_the_other_runs_on(run, *copies)
        broken.repair()
        self.catch_up(*copies)
        self.assert_same_bytes(*copies)

    def test_log143_unwritable_directory_the_other_runs_on(self):
        copies = self.work / "locked", self.work / "open"
        run = self.follow(*copies, properties={"log.flush.mode": "durable"})
        self.wait_for_claim(run, sum(self.leader_ends) // 4)
        run.kill()
        nobody = 65534
        for path in [*copies, *copies[0].rglob("*"), *copies[1].rglob("*")]:
            os.chown(path, nobody, nobody)
        copies[0].chmod(0o500)
        command = self.work / "slipstream"
        shutil.copy(program(), command)
        as_nobody = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups"]
        run = self.follow(*copies, until_caught_up=True, prefix=as_nobody, command=command)
        self.assertEqual(run.wait(), 1, str(run))
        self.assertIn(f"{copies[0]} is offline: ", run.stderr)
        self.assertIn("Permission denied", run.stderr)
        self.assertTrue(self.is_complete(copies[1]))
        copies[0].chmod(0o750)
        self.catch_up(*copies, prefix=as_nobody, command=command)
        self.assert_same_bytes(*copies)

    def assert_the_other_runs_on(self, run, lost, kept):
        """While the run goes on; then it is told to stop."""
        self.wait_for_notice(run, f"{lost} is offline: ")
        self.wait_while_running(run, lambda: self.is_complete(kept), f"{kept} is complete")
        self.wait_while_running(run, lambda: self.last_progress(run, "caught_up") == 2, "its half is caught up")
        self.wait_while_running(run, lambda: self.last_progress(run, "failed") == 2, "the other half has failed")
        self.assertEqual(len(self.notices(run, "is offline: ")), 1, str(run))
        self.assertFalse(self.is_complete(lost))
        self.assertEqual(run.terminate(), 1, str(run))
        self.assert_line_of_error(run, [f"{lost} is offline: "])
        self.assertTrue((kept / CLEAN_MARK).exists())
        self.assertFalse((lost / CLEAN_MARK).exists())
