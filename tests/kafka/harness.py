"""What the real-Kafka tests share: a test case with a cluster of its own. Runs of the program: tests/support/program_runs.py."""

import pathlib

from kafka_cluster import KafkaCluster
from disks import Disk, what_is_missing  # noqa: F401
from log_files import position_of_batch, read_log
from program_runs import (
    EXIT_CANNOT_START, EXIT_DIVERGENCE, EXIT_DONE, EXIT_GAP, EXIT_RUNTIME, EXIT_USAGE, ProgramTestCase, program)


class KafkaTestCase(ProgramTestCase):
    """One cluster and one directory a class. A subclass says what it wants: brokers, properties, and set_up_topics()."""

    brokers = 1
    properties = ()

    @classmethod
    def set_up_class(cls):
        cls.cluster = KafkaCluster(cls.work / "kafka", cls.brokers, cls.properties)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.driver = cls.cluster.driver
        cls.set_up_topics()

    @classmethod
    def set_up_topics(cls):
        """Runs once, after the cluster is up."""

    def follow_args(self, log_dir, *topics, bootstrap=None):
        return ["follow", "--bootstrap-server", bootstrap or self.cluster.bootstrap, "--log-dir", log_dir,
                *(word for topic in topics for word in ("--topic", topic))]

    def catch_up(self, log_dir, *topics, extra=(), seconds=120, bootstrap=None):
        return self.check(EXIT_DONE, *self.follow_args(log_dir, *topics, bootstrap=bootstrap), "--until", "caught-up", *extra, seconds=seconds)

    def verify(self, log_dir, topic_regex):
        return self.check(EXIT_DONE, "verify", f"kafka://{self.cluster.address(1)}/{topic_regex}", log_dir)

    def assert_same_bytes(self, topic, log_dir, starts=None):
        """Our .log bytes of every partition are the leader's, from the batch that holds its log start on to its end.

        `starts`: the log starts, where they are not 0."""
        for partition, first in enumerate(starts or [0] * len(self.driver.leaders(topic))):
            theirs = read_log(self.cluster.leader_dir(topic, partition))
            ours = read_log(pathlib.Path(log_dir) / f"{topic}-{partition}")
            start = position_of_batch(theirs, first)
            self.assert_equal_logs(f"{topic}-{partition}", ours, theirs[start:])

    def assert_equal_logs(self, name, ours, theirs):
        if ours == theirs:
            return
        at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
        self.fail(f"{name}: {len(ours)} bytes here, {len(theirs)} at the leader, first difference at byte {at}")
