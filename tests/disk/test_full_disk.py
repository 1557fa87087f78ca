"""A disk without room costs time, not records: what waits for it goes on by itself once there is room again."""

from harness import NO_SPACE, DiskTestCase

LEFT = 4 << 20


class FullDiskTest(DiskTestCase):
    def test_inv20_rel59_copying_goes_on_once_there_is_room(self):
        for write_mode, flush_mode in (("auto", "cached"), ("direct", "durable"), ("buffered", "durable"), ("buffered", "cached")):
            with self.subTest(write_mode=write_mode, flush_mode=flush_mode):
                disk = self.new_disk(f"{write_mode}-{flush_mode}", 48)
                ballast = disk.fill(leave=LEFT)
                copy = disk.path / "copy"
                run = self.follow(copy, properties={"log.write.mode": write_mode, "log.flush.mode": flush_mode})
                for partition in ("t-0", "t-1"):
                    self.wait_for_notice(run, f"{partition}: ", str(copy), NO_SPACE, "will be retried")
                self.wait_while_running(run, lambda: self.last_progress(run, "failed") == 2, "both partitions wait")
                self.assertFalse(self.notices(run, "offline"), str(run))
                ballast.unlink()
                self.wait_while_running(run, lambda: self.last_progress(run, "caught_up") == 2, "caught up")
                self.assertEqual(self.last_progress(run, "failed"), 0)
                self.assertEqual(run.terminate(), 0, str(run))
                self.verify(copy)
                self.assertEqual(self.catch_up(copy), 0)
                disk.unmount()

    def test_inv20_each_try_is_not_told_again(self):
        disk = self.new_disk("told", 48)
        disk.fill(leave=LEFT)
        run = self.follow(disk.path / "copy", properties={"replica.fetch.backoff.ms": 1})
        self.wait_for_notice(run, "t-0: ", NO_SPACE)
        self.wait_for_notice(run, "t-1: ", NO_SPACE)
        failed_at = len(self.lines(run, "progress"))
        self.wait_while_running(run, lambda: len(self.lines(run, "progress")) > failed_at + 50, "50 more lines of progress")
        for partition in ("t-0: ", "t-1: "):  # the first try may have written a part, the next one what fits
            self.assertLessEqual(len(self.notices(run, partition, NO_SPACE)), 4, str(run))
        run.terminate()

    def test_a_run_that_has_an_end_says_so_in_one_line(self):
        disk = self.new_disk("job", 48)
        ballast = disk.fill(leave=LEFT)
        copy = disk.path / "copy"
        self.assert_ends(self.follow(copy, until_caught_up=True), str(copy), NO_SPACE)
        ballast.unlink()
        self.catch_up(copy)
        self.verify(copy)

    def test_inv20_no_room_even_to_begin(self):
        disk = self.new_disk("begin", 48)
        copy = disk.path / "copy"
        self.catch_up(copy)
        self.leave_only_checkpoints(copy)
        ballast = disk.fill(leave=100_000)
        with open(disk.path / "rest", "wb", buffering=0) as rest:  # the last blocks too
            try:
                while rest.write(bytes(1024)):
                    pass
            except OSError:
                pass
        run = self.follow(copy)
        self.wait_for_notice(run, NO_SPACE)
        (disk.path / "rest").unlink()
        ballast.unlink()
        self.wait_while_running(run, lambda: self.last_progress(run, "caught_up") == 2, "caught up")
        self.assertEqual(run.terminate(), 0, str(run))
        self.verify(copy)

    def leave_only_checkpoints(self, copy):
        for partition in copy.glob("t-*"):
            for file in partition.iterdir():
                file.unlink()
            partition.rmdir()


class TwoDisksTest(DiskTestCase):
    generate = "t:4:48M"

    def test_inv20_inv23_the_other_disk_is_written_on(self):
        full, roomy = self.new_disk("full", 48), self.new_disk("roomy", 48)
        ballast = full.fill(leave=LEFT)
        run = self.follow(full.path / "copy", roomy.path / "copy", properties={"log.flush.mode": "durable"})
        self.wait_while_running(run, lambda: self.last_progress(run, "caught_up") == 2, "the roomy disk's half is copied")
        self.wait_for_notice(run, str(full.path), NO_SPACE, "will be retried")
        self.assertEqual(len(self.numbers_in(roomy.path / "copy")), 2)
        self.assertTrue(self.is_complete(roomy.path / "copy"))
        self.assertFalse(self.is_complete(full.path / "copy"))
        self.assertFalse(self.notices(run, str(roomy.path)), str(run))
        ballast.unlink()
        self.wait_while_running(run, lambda: self.last_progress(run, "caught_up") == 4, "caught up")
        self.assertEqual(run.terminate(), 0, str(run))
        self.assert_same_bytes(full.path / "copy", roomy.path / "copy")
