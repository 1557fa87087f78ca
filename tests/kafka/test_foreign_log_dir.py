"""Our log manager reads a real broker's log dir as that broker does: after a clean stop, after kill -9, and with damage that only
a crash of the machine would do. Both get the same files; what each makes of them is compared."""

import pathlib
import shutil

from broker_files import CLEAN_MARK, aborted, epochs, newest_snapshot, producers
from harness import EXIT_DONE, KafkaTestCase
from kafka_cluster import Driver
from log_files import read_log, read_swapped

TOPICS = {"f-plain": 2, "f-idempotent": 2, "f-transactions": 2, "f-rolled": 1, "f-trimmed": 1, "f-compacted": 1, "f-empty": 1}
COMPACTED = "f-compacted-0"


class ForeignLogDirTest(KafkaTestCase):
    """Broker 2 alone has the topics; broker 1 stays up and answers for the cluster."""

    brokers = 2
    properties = ("log.cleaner.backoff.ms=200",)

    @classmethod
    def set_up_topics(cls):
        for topic, partitions in TOPICS.items():
            configs = {"f-rolled": {"segment_bytes": 1 << 20}, "f-trimmed": {"segment_bytes": 1 << 20},
                       "f-compacted": {"segment_bytes": 1 << 20, "cleanup_policy": "compact", "min_cleanable_dirty_ratio": "0.01"}}
            cls.driver.create_topic(topic, [[2]] * partitions, **configs.get(topic, {}))
        cls.write()
        cls.driver.delete_records("f-trimmed", 0, 9999)

    @classmethod
    def write(cls):
        """Twice called, so that the logs know several leader epochs."""
        driver = cls.driver
        driver.produce("f-plain", 3000, size=200, properties={"enable.idempotence": "false", "compression.type": "lz4"})
        driver.produce("f-idempotent", 3000, size=200, properties={"linger.ms": "5", "compression.type": "snappy"})
        for writer in range(3):
            driver.produce_transactions("f-transactions", [(120, n % 2 == 0) for n in range(6)], f"foreign-{writer}")
        driver.produce_transactions("f-rolled", [(3000, False), (3000, True), (3000, False)], "foreign-rolled",
                                    {"linger.ms": "5"}, size=300, text=False)
        driver.produce("f-trimmed", 20000, size=200, text=False, properties={"linger.ms": "5"})
        driver.produce("f-compacted", 20000, size=150, keys=300, properties={"linger.ms": "5", "batch.size": "8192"})

    def names(self):
        return [f"{topic}-{p}" for topic, partitions in TOPICS.items() for p in range(partitions)]

    def ends(self, driver):
        return {f"{topic}-{p}": end for topic in TOPICS for p, end in enumerate(driver.end_offsets(topic))}

    def take_copy(self, name):
        """Of broker 2's log dir, which is down."""
        copy = self.work / name
        shutil.copytree(self.cluster.data_dir(2), copy)
        return copy

    def read_as_ours(self, log_dir):
        """Opens it and stops cleanly: the log ends, and what was told of the loading."""
        compacted = read_swapped(log_dir / COMPACTED)
        leader = self.start("lead", "--log-dir", log_dir, "--listen", "127.0.0.1:0")
        address = leader.wait_for_output(r"listening on (127\.0\.0\.1:[0-9]+)")[1]
        driver = Driver(address, self.work / f"{log_dir.name}-driver.log")
        try:
            ends = self.ends(driver)
        finally:
            driver.close()
        self.assertEqual(leader.terminate(), EXIT_DONE, str(leader))
        self.assertTrue((log_dir / CLEAN_MARK).exists())
        self.assertTrue(read_log(log_dir / COMPACTED) == compacted, "records of a compacted log are lost")
        return ends, leader

    def assert_same_logs(self, ours, theirs, ends):
        for name in self.names():
            with self.subTest(partition=name):
                our_dir, their_dir = ours / name, theirs / name
                if name != COMPACTED:  # which broker 2 may have compacted further since
                    self.assertTrue(read_log(our_dir) == read_log(their_dir), "other records")
                self.assertEqual(epochs(our_dir, ends[name]), epochs(their_dir, ends[name]))
                our_snapshot, their_snapshot = newest_snapshot(our_dir), newest_snapshot(their_dir)
                self.assertEqual(our_snapshot and our_snapshot.name, their_snapshot and their_snapshot.name)
                if our_snapshot:
                    self.assertEqual(producers(our_snapshot), producers(their_snapshot))
                self.assertEqual(aborted(our_dir), aborted(their_dir))
        self.assertTrue(producers(newest_snapshot(ours / "f-transactions-0")))
        self.assertTrue(aborted(ours / "f-rolled-0"))
        self.assertGreater(len(epochs(ours / "f-plain-0", ends["f-plain-0"])), 1)

    def restart_and_write(self):
        self.cluster.start_broker(2)
        for topic in TOPICS:
            self.driver.wait_for_full_isr(topic)
        self.write()

    def judged_by_kafka(self):
        """Broker 2 starts on its log dir as it is, and stops cleanly: the log ends it found."""
        self.cluster.start_broker(2)
        for topic in TOPICS:
            self.driver.wait_for_full_isr(topic)
        ends = self.ends(self.driver)
        self.cluster.stop_broker(2)
        return ends

    def test_after_a_clean_stop(self):
        self.cluster.stop_broker(2)
        self.restart_and_write()
        ends = self.ends(self.driver)
        self.cluster.stop_broker(2)
        copy = self.take_copy("clean")
        ours, leader = self.read_as_ours(copy)
        self.assertEqual(ours, ends)
        self.assertEqual(leader.stderr, "")
        self.assert_same_logs(copy, self.cluster.data_dir(2), ends)
        self.cluster.start_broker(2)

    def test_log_ends_epochs_and_producers_after_kill_9(self):
        self.restart_and_write()
        self.cluster.kill(2)
        copy = self.take_copy("killed")
        ends = self.judged_by_kafka()
        ours, _ = self.read_as_ours(copy)
        self.assertEqual(ours, ends)
        self.assert_same_logs(copy, self.cluster.data_dir(2), ends)
        self.cluster.start_broker(2)

    def test_damaged_by_a_crash(self):
        self.restart_and_write()
        self.cluster.kill(2)
        damage(self.cluster.data_dir(2))
        copy = self.take_copy("damaged")
        ends = self.judged_by_kafka()
        ours, _ = self.read_as_ours(copy)
        self.assertEqual(ours, ends)
        self.assert_same_logs(copy, self.cluster.data_dir(2), ends)
        self.cluster.start_broker(2)


def damage(log_dir):
    """A torn batch, a tail of zeros, an index of garbage, one cut short, time indexes and producer snapshots that are gone."""
    def newest(partition, suffix):
        return max(pathlib.Path(log_dir / partition).glob(f"*{suffix}"))

    torn = newest("f-plain-0", ".log")
    with open(torn, "r+b") as file:
        file.truncate(torn.stat().st_size - 11)
    with open(newest("f-plain-1", ".log"), "ab") as file:
        file.write(bytes(5000))
    for path in (log_dir / "f-rolled-0").glob("*.index"):
        path.write_bytes(b"\xa5" * 80)
    index = newest("f-trimmed-0", ".index")
    index.write_bytes(index.read_bytes()[:13])
    for partition in ("f-idempotent-0", "f-compacted-0"):
        newest(partition, ".timeindex").unlink()
    for partition in ("f-idempotent-1", "f-transactions-1"):
        for snapshot in (log_dir / partition).glob("*.snapshot"):
            snapshot.unlink()
