"""Records deleted at the source before we copied them are a gap: reported with its range, skipped only when asked to."""

from harness import EXIT_DONE, EXIT_GAP, KafkaTestCase
from log_files import base_offset, read_log


class GapTest(KafkaTestCase):
    def follow_then_delete(self, topic, copied, written, deleted_before):
        """We hold [0, copied); the source keeps [deleted_before, written)."""
        copy = self.work / topic
        self.driver.create_topic(topic, [[1]], segment_bytes=1 << 20)
        self.driver.produce(topic, copied, size=500, text=False, properties={"batch.size": "4000"})
        self.catch_up(copy, topic)
        self.driver.produce(topic, written - copied, size=500, text=False, properties={"batch.size": "4000"})
        self.driver.delete_records(topic, 0, deleted_before)
        return copy

    def test_gap_stops_the_copy_and_names_the_range(self):
        copy = self.follow_then_delete("gap-stop", 1000, 3000, 2500)
        before = read_log(copy / "gap-stop-0")
        run = self.check(EXIT_GAP, *self.follow_args(copy, "gap-stop"), "--until", "caught-up")
        self.assertRegex(run.stderr, r"gap-stop-0.*\b1000\b.*\b2499\b")
        self.assertEqual(read_log(copy / "gap-stop-0"), before)

    def test_restart_policy_continues_at_the_new_start(self):
        copy = self.follow_then_delete("gap-restart", 1000, 3000, 2500)
        run = self.catch_up(copy, "gap-restart", extra=("--property", "gap.policy=restart"))
        self.assertRegex(run.output, r"gap-restart-0.*\b1000\b.*\b2499\b")
        first = base_offset(read_log(copy / "gap-restart-0"))
        self.assertTrue(1000 < first <= 2500, first)
        self.verify(copy, "gap-restart")
        self.assert_same_bytes("gap-restart", copy, self.driver.start_offsets("gap-restart"))

    def test_restart_when_nothing_is_left(self):
        copy = self.follow_then_delete("gap-all", 1000, 3000, 3000)
        self.check(EXIT_GAP, *self.follow_args(copy, "gap-all"), "--until", "caught-up")
        self.catch_up(copy, "gap-all", extra=("--property", "gap.policy=restart"))
        self.driver.produce("gap-all", 500, size=100)
        self.catch_up(copy, "gap-all")
        self.verify(copy, "gap-all")
        self.assertEqual(base_offset(read_log(copy / "gap-all-0")), 3000)

    def test_what_came_and_went_after_an_empty_copy_is_a_gap(self):
        copy = self.follow_then_delete("gap-empty", 0, 1000, 800)
        run = self.check(EXIT_GAP, *self.follow_args(copy, "gap-empty"), "--until", "caught-up")
        self.assertRegex(run.stderr, r"gap-empty-0.*\b0\b.*\b799\b")
        run = self.catch_up(copy, "gap-empty", extra=("--property", "gap.policy=restart"))
        self.assertRegex(run.output, r"gap-empty-0.*\b0\b.*\b799\b")
        self.verify(copy, "gap-empty")

    def test_a_new_copy_begins_where_the_source_does(self):
        topic, copy = "gap-new", self.work / "gap-new"
        self.driver.create_topic(topic, [[1]])
        self.driver.produce(topic, 1000, size=500, text=False, properties={"batch.size": "4000"})
        self.driver.delete_records(topic, 0, 800)
        self.catch_up(copy, topic)
        self.verify(copy, topic)
        self.assert_same_bytes(topic, copy, self.driver.start_offsets(topic))

    def test_deleting_what_we_hold_is_no_gap(self):
        copy = self.follow_then_delete("gap-none", 1000, 3000, 600)
        self.check(EXIT_DONE, *self.follow_args(copy, "gap-none"), "--until", "caught-up")
        self.verify(copy, "gap-none")
