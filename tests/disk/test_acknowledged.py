"""The log alone under power cuts: each offset that FlushUpTo acknowledged is there after recovery, byte for byte.

The witness is durable_writer's output before the cut, which it writes after each flush that ended. Cuts follow one another on one
disk, each start goes on where the recovery ended.
"""

import os
import pathlib
import random

from harness import EXIT_DONE, DiskTestCase
from program_runs import program

CUTS = 6


def durable_writer():
    return pathlib.Path(os.environ.get("DURABLE_WRITER", program().parent / "durable_writer")).resolve()


class AcknowledgedTest(DiskTestCase):
    generate = "t:1:1K"  # nobody asks this leader

    def offsets(self, run):
        """The last offset of each partition in its output; how many lines there are."""
        text = run.stdout
        lines = text[:text.rfind("\n") + 1].splitlines()
        return {int(partition): int(offset) for partition, offset in map(str.split, lines)}, len(lines)

    def check_cuts(self, write_mode):
        draw = random.Random(f"acknowledged, {write_mode}")
        disk = self.new_disk(write_mode, 256)
        directory = disk.path / "logs"
        for cut in range(CUTS):
            seed, acknowledgements = "42", draw.randrange(1, 250)
            with self.subTest(write_mode=write_mode, cut=cut, acknowledgements=acknowledgements):
                run = self.start("write", directory, seed, write_mode, command=durable_writer())
                self.wait_while_running(run, lambda: self.offsets(run)[1] >= acknowledgements, f"{acknowledgements} flushes")
                acknowledged, _ = self.offsets(run)
                disk.cut_power()
                run.kill()
                disk.power_on()
                check = self.check(EXIT_DONE, "check", directory, seed, command=durable_writer())
                ends, _ = self.offsets(check)
                for partition, offset in acknowledged.items():
                    self.assertGreaterEqual(ends[partition], offset, f"partition {partition}")

    def test_inv17_inv19_switching_between_direct_and_buffered(self):
        self.check_cuts("auto")

    def test_inv17_inv19_direct(self):
        self.check_cuts("direct")

    def test_inv17_inv19_buffered(self):
        self.check_cuts("buffered")
