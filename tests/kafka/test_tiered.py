"""A leader whose old segments are in remote storage only (KIP-405): a replica goes on behind them, with the leader epochs
and producers of what it does not hold. The storage is a directory, by Kafka's own LocalTieredStorage."""

from broker_files import entries, epochs, newest_snapshot, producers
from dump_log import dump_log_complaints
from harness import EXIT_USAGE, KafkaTestCase
from kafka_cluster import wait_until
from log_files import base_offset, copied_end_offset, read_log

RECORD_BYTES = 1000
SEGMENT_BYTES = 1 << 20  # the least a topic may have
RECORDS = 2500           # two segments and a part of one
REPLICA = 2              # of every partition here, and its broker is down


class TieredTest(KafkaTestCase):
    brokers = 3

    @classmethod
    def set_up_class(cls):
        cls.storage = cls.work / "storage"
        cls.properties = (
            "remote.log.storage.system.enable=true",
            "remote.log.storage.manager.class.name=org.apache.kafka.server.log.remote.storage.LocalTieredStorage",
            f"rsm.config.dir={cls.storage}",
            "remote.log.metadata.manager.listener.name=PLAINTEXT",
            f"rlmm.config.remote.log.metadata.topic.replication.factor={cls.brokers}",
            "rlmm.config.remote.log.metadata.topic.num.partitions=1",
            "remote.log.manager.task.interval.ms=500",
            "log.initial.task.delay.ms=500",
            "log.retention.check.interval.ms=500")
        super().set_up_class()

    @classmethod
    def set_up_topics(cls):
        cls.driver.wait_for_full_isr("__remote_log_metadata")  # the brokers make it, for which they must all be up
        cls.cluster.stop_broker(REPLICA)

    def create(self, topic):
        self.driver.create_topic(topic, [[1, 3, REPLICA]], segment_bytes=SEGMENT_BYTES, remote_storage_enable="true",
                                 local_retention_bytes=100 * SEGMENT_BYTES)

    def produce(self, topic, records=RECORDS, **options):
        self.driver.produce(topic, records, size=RECORD_BYTES, text=False, properties={"batch.size": "8000"}, **options)

    def elect(self, topic, leader):
        """A new leader epoch, under the other of the two brokers that run."""
        wait_until(lambda: {1, 3} <= set(self.driver.describe(topic)[0]["isr"]), f"both brokers in the ISR of {topic}")
        self.driver.reassign(topic, [[leader, 4 - leader, REPLICA]])
        wait_until(lambda: self.driver.describe(topic)[0]["replicas"][0] == leader, f"{leader} preferred for {topic}")
        self.driver.elect_preferred(topic, 0)
        self.driver.wait_for_leaders(topic, [leader])

    def produce_in_epochs(self, topic, leaders):
        for number, leader in enumerate(leaders):
            self.elect(topic, leader)
            self.produce(topic, first=number * RECORDS)

    def local_bases(self, topic):
        return sorted(int(path.stem) for path in self.cluster.leader_dir(topic, 0).glob("*.log"))

    def move_to_remote_storage(self, topic):
        """All but the leader's active segment; returns where that begins."""
        self.driver.alter_topic(topic, local_retention_bytes=1)
        wait_until(lambda: len(self.local_bases(topic)) == 1, lambda: f"{topic}: local {self.local_bases(topic)}", 90)
        return self.local_bases(topic)[0]

    def remote_files(self, topic, next_offset):
        """Of the segment that ends before that offset: its leader epochs and its producer snapshot."""
        directory, = (self.storage / "kafka-tiered-storage").glob(f"{topic}-0-*")
        bases = {int(path.name.split("-")[0]): path for path in directory.glob("*.log")}
        last = bases[max(base for base in bases if base < next_offset)]
        return last.with_suffix(".leader_epoch_checkpoint"), last.with_suffix(".snapshot")

    def replica_args(self, storage=True):
        args = ["--property", f"replica.id={REPLICA}", "--property", "replica.fetch.backoff.ms=200"]
        return args + (["--property", f"remote.log.storage.dir={self.storage}"] if storage else [])

    def assert_replica_of(self, topic, copy, start):
        """Ours begins at `start`; behind it all is as at the leader, and so is what is known of what lies before it."""
        ours, theirs = copy / f"{topic}-0", self.cluster.leader_dir(topic, 0)
        self.assertEqual(sorted(int(path.stem) for path in ours.glob("*.log"))[0], start)
        self.assert_equal_logs(topic, read_log(ours), read_log(theirs))
        end = copied_end_offset(ours)
        self.assertEqual(epochs(ours, end), epochs(theirs, end))
        self.assertIn(f"{topic} 0 0", entries(copy / "log-start-offset-checkpoint"))
        self.verify(copy, topic)
        complaints, lines = dump_log_complaints([*sorted(ours.glob("*.log")), *sorted(ours.glob("*.snapshot"))], "--deep-iteration")
        self.assertEqual(complaints, [])
        self.assertGreater(lines, 10)

    def test_a_new_replica_goes_on_behind_remote_storage(self):
        topic, copy = "tier-new", self.work / "new"
        self.create(topic)
        self.produce_in_epochs(topic, [1, 3, 1])
        start = self.move_to_remote_storage(topic)
        self.assertGreater(start, 2 * RECORDS)
        run = self.catch_up(copy, topic, extra=self.replica_args())
        self.assertRegex(run.output, rf"{topic}-0: the copy begins at offset {start} now")
        self.assert_replica_of(topic, copy, start)
        remote_epochs, remote_snapshot = self.remote_files(topic, start)
        ours = copy / f"{topic}-0"
        self.assertEqual([line for line in entries(ours / "leader-epoch-checkpoint") if int(line.split()[1]) < start],
                         entries(remote_epochs))
        self.assertGreater(len(entries(remote_epochs)), 2)
        self.assertEqual((ours / f"{start:020}.snapshot").read_bytes(), remote_snapshot.read_bytes())
        self.assertGreaterEqual(len(producers(newest_snapshot(ours))), 3, "those of the epochs before, too")

        # It is a replica like any other from then on, also after a restart.
        self.elect(topic, 3)
        self.produce(topic, 700, first=3 * RECORDS)
        self.catch_up(copy, topic, extra=self.replica_args())
        self.assertEqual(copied_end_offset(ours), 3 * RECORDS + 700)
        self.assert_equal_logs(topic, read_log(ours), self.leader_log_from(topic, start))

    def leader_log_from(self, topic, offset):
        log = read_log(self.cluster.leader_dir(topic, 0))
        self.assertEqual(base_offset(log), offset)
        return log

    def test_an_old_copy_is_dropped_for_what_the_leader_has_locally(self):
        topic, copy = "tier-old", self.work / "old"
        self.create(topic)
        self.produce(topic, 1000)
        self.catch_up(copy, topic, extra=self.replica_args())
        self.assertEqual(copied_end_offset(copy / f"{topic}-0"), 1000)
        self.elect(topic, 3)
        self.produce(topic, 3 * RECORDS, first=1000)
        start = self.move_to_remote_storage(topic)
        before = read_log(copy / f"{topic}-0")

        blind = self.start(*self.follow_args(copy, topic), *self.replica_args(storage=False))
        blind.wait_for_output(rf"{topic}-0: OFFSET_MOVED_TO_TIERED_STORAGE: .*offset 1000 .*remote.log.storage.dir")
        blind.terminate()
        self.assertEqual(read_log(copy / f"{topic}-0"), before)

        self.catch_up(copy, topic, extra=self.replica_args())
        self.assert_replica_of(topic, copy, start)

    def test_a_follower_that_is_killed_on_the_way_ends_well(self):
        topic = "tier-killed"
        self.create(topic)
        self.produce_in_epochs(topic, [3, 1])
        start = self.move_to_remote_storage(topic)
        for number, sign in enumerate(("*.log", "leader-epoch-checkpoint", f"{start:020}.snapshot", f"{start:020}.log")):
            with self.subTest(sign):
                copy = self.work / f"killed-{number}"
                run = self.start(*self.follow_args(copy, topic), *self.replica_args())
                self.wait_while_running(run, lambda: any(copy.glob(f"{topic}-0/{sign}")), sign)
                run.kill()
                self.catch_up(copy, topic, extra=self.replica_args())
                self.assert_replica_of(topic, copy, start)

    def test_a_consumer_is_sent_what_is_in_remote_storage(self):
        topic, copy = "tier-consumer", self.work / "consumer"
        self.create(topic)
        self.produce(topic)
        self.move_to_remote_storage(topic)
        self.catch_up(copy, topic)
        self.assertEqual(base_offset(read_log(copy / f"{topic}-0")), 0)
        self.assertEqual(copied_end_offset(copy / f"{topic}-0"), RECORDS)
        self.verify(copy, topic)

    def test_remote_storage_is_for_replicas(self):
        self.assert_one_line(EXIT_USAGE, ["remote.log.storage.dir", "replica.id"], *self.follow_args(self.work / "none", "x"),
                             "--property", f"remote.log.storage.dir={self.storage}")
