"""The power goes while records are copied: what was claimed is there afterwards, and the copying goes on from there.

The witness of claims is the follower's own word before the cut: the records it says it has copied, and the checkpoint files.
When the power goes is drawn from a seed, counted in records claimed, so that a cut falls anywhere in the work.
"""

import random

from harness import HIGH_WATERMARKS, LARGE_STEPS, RECOVERY_POINTS, DiskTestCase, read_checkpoint
from log_files import copied_end_offsets

CUTS = 4


class PowerCutTest(DiskTestCase):
    def cut_while_following(self, name, claim, properties):
        """Copies to a new disk until so many records are claimed, then cuts the power; returns disk and last claim."""
        disk = self.new_disk(name, 96)
        run = self.follow(disk.path / "copy", properties=properties)
        self.wait_for_claim(run, claim)
        points = read_checkpoint(disk.path / "copy" / RECOVERY_POINTS)
        claimed = self.claimed(run)
        disk.cut_power()
        run.kill()
        disk.power_on()
        self.assert_ends_reach(disk, points)  # what had been said to be durable, before the cut and
        self.assert_ends_reach(disk, read_checkpoint(disk.path / "copy" / RECOVERY_POINTS))  # in what is left of the files
        return disk, claimed

    def assert_ends_reach(self, disk, offsets):
        ends = copied_end_offsets(disk.path / "copy", "t")
        for partition, offset in offsets.items():
            self.assertLessEqual(offset, ends[partition], f"t-{partition} on {disk.path}")

    def resume(self, disk, properties):
        """Goes on to the end; returns how many records the recovery had left."""
        fetched = self.catch_up(disk.path / "copy", properties=properties)
        self.verify(disk.path / "copy")
        for checkpoint in (RECOVERY_POINTS, HIGH_WATERMARKS):
            self.assertEqual(read_checkpoint(disk.path / "copy" / checkpoint), dict(enumerate(self.leader_ends)))
        disk.unmount()
        return sum(self.leader_ends) - fetched

    def cuts(self, mode):
        """Seeded claims after which the power goes."""
        draw = random.Random(f"power cut, {mode}")
        return [draw.randrange(1, sum(self.leader_ends) * 3 // 4) for _ in range(CUTS)]

    def check_durable(self, write_mode):
        properties = {"log.flush.mode": "durable", "log.write.mode": write_mode, **(LARGE_STEPS if write_mode == "auto" else {})}
        for claim in self.cuts(write_mode):
            with self.subTest(claim=claim):
                disk, claimed = self.cut_while_following(f"durable-{write_mode}-{claim}", claim, properties)
                self.assertGreaterEqual(claimed, claim)
                self.assertGreaterEqual(self.resume(disk, properties), claimed)

    def test_inv19_nothing_claimed_is_lost_in_durable_mode(self):
        self.check_durable("auto")

    def test_inv19_nothing_claimed_is_lost_by_direct_writes(self):
        self.check_durable("direct")

    def test_inv19_nothing_claimed_is_lost_by_buffered_writes(self):
        self.check_durable("buffered")

    def test_inv18_in_cached_mode_a_prefix_is_left_and_copied_on(self):
        for write_mode in ("auto", "buffered"):
            properties = {"log.flush.mode": "cached", "log.write.mode": write_mode, **(LARGE_STEPS if write_mode == "auto" else {})}
            for claim in self.cuts(f"cached {write_mode}"):
                with self.subTest(write_mode=write_mode, claim=claim):
                    disk, _ = self.cut_while_following(f"cached-{write_mode}-{claim}", claim, properties)
                    self.resume(disk, properties)

    def test_rel40_a_second_cut_at_the_next_start_changes_nothing(self):
        properties = {"log.flush.mode": "durable"}
        disk, claimed = self.cut_while_following("twice", sum(self.leader_ends) // 2, properties)
        run = self.follow(disk.path / "copy", properties=properties)
        self.wait_while_running(run, lambda: read_checkpoint(disk.path / "copy" / RECOVERY_POINTS), "its recovery ended")
        disk.cut_power()
        run.kill()
        disk.power_on()
        self.assertGreaterEqual(self.resume(disk, properties), claimed)
