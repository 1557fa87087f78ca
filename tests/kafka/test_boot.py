"""A real broker boots from our files as from its own."""

import re
import shutil

from broker_files import CLEAN_MARK, aborted, entries, newest_snapshot, producers
from dump_log import dump_log_complaints
from harness import KafkaTestCase
from kafka_cluster import wait_until

CHECKPOINTS = ("recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint")
TOPICS = {"b-plain": 3, "b-idempotent": 2, "b-transactions": 2, "b-rolled": 2, "b-trimmed": 1, "b-empty": 1}
# What a broker says of a log that it does not take as it is.
REPAIRS = re.compile(r"Recovering unflushed|Truncat|corrupt|stray|Deleted? .*snapshot|WARN|ERROR", re.I)
CUTS = re.compile(r"Truncat|stray| ERROR ")
# Of a log that was killed while catching up: its file was grown ahead with zeros, and recovery stops there.
ZERO_TAIL = re.compile(r"partition=(\S+)-(\d+),.*Corruption found in segment \d+, truncating to offset (\d+)")
EMPTY = "b-empty"  # is always "truncated" to 0, with no effect


class BootTest(KafkaTestCase):
    brokers = 2

    @classmethod
    def set_up_topics(cls):
        driver = cls.driver
        for topic, partitions in TOPICS.items():
            configs = {"segment_bytes": 1 << 20} if topic in ("b-rolled", "b-trimmed") else {}
            driver.create_topic(topic, [[1, 2]] * partitions, **configs)
        driver.produce("b-plain", 3000, size=200, properties={"enable.idempotence": "false", "compression.type": "lz4"})
        driver.produce("b-idempotent", 3000, size=200, properties={"linger.ms": "5"})
        for writer in range(3):
            driver.produce_transactions("b-transactions", [(120, n % 2 == 0) for n in range(6)], f"boot-{writer}")
        driver.produce("b-rolled", 30000, size=300, text=False, properties={"linger.ms": "5"})
        driver.produce_transactions("b-rolled", [(3000, False), (3000, True), (3000, False)], "boot-rolled",
                                    {"linger.ms": "5"}, size=300, text=False)
        driver.produce("b-trimmed", 20000, size=200, text=False, properties={"linger.ms": "5"})
        driver.delete_records("b-trimmed", 0, 9999)
        for topic in TOPICS:
            driver.wait_for_full_isr(topic)

    def names(self):
        return [f"{topic}-{p}" for topic, partitions in TOPICS.items() for p in range(partitions)]

    def consumed(self):
        return {(topic, isolation): self.driver.consume(topic, isolation)
                for topic in TOPICS for isolation in ("read_uncommitted", "read_committed")}

    def put_into_broker_2(self, copy, clean):
        """Broker 2 is down: its copies of our topics go, ours come in their place, and our word for how we stopped."""
        theirs = self.cluster.data_dir(2)
        for name in self.names():
            shutil.rmtree(theirs / name)
            shutil.copytree(copy / name, theirs / name)
        for checkpoint in CHECKPOINTS:
            lines = [line for line in entries(theirs / checkpoint) if not line.startswith("b-")]
            lines += entries(copy / checkpoint)
            (theirs / checkpoint).write_text(f"0\n{len(lines)}\n" + "".join(f"{line}\n" for line in lines))
        (theirs / CLEAN_MARK).unlink(missing_ok=True)
        if clean:
            shutil.copy(copy / CLEAN_MARK, theirs / CLEAN_MARK)

    def start_broker_2(self):
        """What it has to say of our topics while it starts and joins the ISR."""
        self.cluster.start_broker(2)
        for topic in TOPICS:
            self.driver.wait_for_full_isr(topic)
        log = (self.cluster.directory / "2.log").read_text()
        return [line for line in log.splitlines() if "b-" in line and EMPTY not in line]

    def lead_from_broker_2(self):
        for topic, partitions in TOPICS.items():
            self.driver.reassign(topic, [[2, 1]] * partitions)
            for partition in range(partitions):
                self.driver.elect_preferred(topic, partition)
            self.driver.wait_for_leaders(topic, [2] * partitions)

    def lead_from_broker_1(self):
        for topic, partitions in TOPICS.items():
            self.driver.reassign(topic, [[1, 2]] * partitions)
            for partition in range(partitions):
                self.driver.elect_preferred(topic, partition)
            self.driver.wait_for_leaders(topic, [1] * partitions)

    def files(self, root):
        """Content of what a broker must not touch when it boots from it: data and transaction indexes."""
        return {path.relative_to(root): path.read_bytes() for name in self.names() for path in sorted((root / name).iterdir())
                if path.suffix in (".log", ".txnindex")}

    def test_kafka_boots_from_a_cleanly_stopped_copy(self):
        before = self.consumed()
        self.cluster.stop_broker(2)
        copy = self.work / "clean-copy"
        self.catch_up(copy, "b-.*", bootstrap=self.cluster.address(1))
        self.assertTrue((copy / CLEAN_MARK).exists())
        self.assert_same_producers(copy)
        self.put_into_broker_2(copy, clean=True)
        ours = self.files(copy)
        said = self.start_broker_2()
        self.assertEqual([line for line in said if REPAIRS.search(line)][:5], [])
        self.assertEqual(set(self.files(self.cluster.data_dir(2))), set(ours))
        self.assertEqual([str(path) for path, content in self.files(self.cluster.data_dir(2)).items() if content != ours[path]], [])
        self.lead_from_broker_2()
        self.assertEqual(self.consumed(), before)
        # It goes on from where we stopped: idempotent and transactional writers included.
        self.driver.produce("b-idempotent", 500, size=100)
        self.driver.produce_transactions("b-transactions", [(50, True), (50, False)], "boot-0")
        for topic in TOPICS:
            self.driver.wait_for_full_isr(topic)
        self.lead_from_broker_1()

    def test_kafka_recovers_a_killed_copy_to_the_same_end(self):
        before = self.consumed()
        self.cluster.stop_broker(2)
        copy = self.work / "killed-copy"
        run = self.start(*self.follow_args(copy, "b-.*", bootstrap=self.cluster.address(1)))
        ends = {topic: self.driver.end_offsets(topic) for topic in TOPICS}
        wait_until(lambda: high_watermarks(copy) == {(t, p): end for t in ends for p, end in enumerate(ends[t])},
                   "the copy's high watermarks at the ends", 60)
        run.kill()
        self.assertFalse((copy / CLEAN_MARK).exists())
        ours = self.files(copy)
        self.put_into_broker_2(copy, clean=False)
        said = self.start_broker_2()
        self.assertTrue([line for line in said if "Recovering unflushed" in line], "it took an unclean copy for a clean one")
        for topic, partition, offset in (cut.groups() for line in said if (cut := ZERO_TAIL.search(line))):
            self.assertEqual(int(offset), ends[topic][int(partition)], f"{topic}-{partition}")
        self.assertEqual([line for line in said if CUTS.search(line) and not ZERO_TAIL.search(line)][:5], [])
        theirs = {path: content for path, content in self.files(self.cluster.data_dir(2)).items() if path.suffix == ".log"}
        for path, content in theirs.items():
            self.assertEqual(ours[path][:len(content)], content, path)
            self.assertFalse(ours[path][len(content):].strip(b"\0"), f"{path}: more than zeros was cut")
        self.lead_from_broker_2()
        self.assertEqual(self.consumed(), before)
        self.lead_from_broker_1()

    def test_our_files_pass_kafkas_checks(self):
        copy = self.work / "checked-copy"
        self.catch_up(copy, "b-.*")
        kinds = (".log", ".index", ".timeindex", ".txnindex", ".snapshot")
        files = [path for name in self.names() for path in sorted((copy / name).iterdir()) if path.suffix in kinds]
        self.assertTrue([path for path in files if path.suffix == ".txnindex"])
        self.assertTrue([path for path in files if path.suffix == ".snapshot"])
        complaints, _ = dump_log_complaints(files, "--deep-iteration")
        self.assertEqual(complaints[:5], [])

    def assert_same_producers(self, copy):
        """Our producer state and transaction indexes are those that broker 2 itself left when it stopped at the same end."""
        for name in self.names():
            ours, theirs = newest_snapshot(copy / name), newest_snapshot(self.cluster.data_dir(2) / name)
            self.assertEqual(ours and ours.name, theirs and theirs.name, name)
            if not ours:
                continue
            self.assertEqual(producers(ours), producers(theirs), name)
            self.assertEqual(aborted(copy / name), aborted(self.cluster.data_dir(2) / name), name)
        self.assertTrue(producers(newest_snapshot(copy / "b-transactions-0")))
        self.assertTrue(aborted(copy / "b-rolled-0"))


def high_watermarks(log_dir):
    return {(topic, int(partition)): int(offset) for topic, partition, offset in
            (line.split() for line in entries(log_dir / "replication-offset-checkpoint"))}
