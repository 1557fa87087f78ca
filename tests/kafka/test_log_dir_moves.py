"""Partitions move between the log dirs of a copy that follows a busy leader, through elections and kill -9."""

import random
import signal

from dump_log import dump_log_complaints
from harness import EXIT_DONE, KafkaTestCase
from kafka_cluster import wait_until
from log_files import copied_end_offsets, directory_bytes

KILL_SEED = 20261130
PARTITIONS = 3


class LogDirMovesTest(KafkaTestCase):
    brokers = 3
    properties = ("broker.session.timeout.ms=3000", "replica.lag.time.max.ms=5000")

    def setUp(self):
        self.cluster.start_those_down()
        self.topic = self.id().rpartition(".")[2].replace("_", "-")
        self.dirs = [self.work / f"{self.topic}-{name}" for name in "ab"]
        self.config = self.work / f"{self.topic}.properties"
        self.driver.create_topic(self.topic, [[2, 3], [3, 2], [2, 3]], segment_bytes=4 << 20)
        self.driver.produce(self.topic, 40000, size=1000, text=False, properties={"batch.size": "65536"})
        self.driver.start_load(self.topic, 2000, size=1000, text=False, properties={"linger.ms": "10", "compression.type": "lz4"})

    def args(self):
        more = [word for directory in self.dirs[1:] for word in ("--log-dir", directory)]
        return [*self.follow_args(self.dirs[0], self.topic), *more, "--config", self.config]

    def wish(self, directory, *more):
        self.config.write_text("\n".join([f"replica.log.dirs={self.topic}-.*:{directory}", *more]) + "\n")

    def moved_to(self, directory):
        names = {entry.name for entry in directory.glob(f"{self.topic}-*")}
        others = [entry for other in self.dirs if other != directory for entry in other.glob(f"{self.topic}-?")]
        return not others and names.issuperset(f"{self.topic}-{number}" for number in range(PARTITIONS))

    def bytes_in(self, directory):
        """Of what is there and on its way in; what has left lies there for a while as -delete."""
        return sum(directory_bytes(entry) for entry in directory.glob(f"{self.topic}-*") if not entry.name.endswith("-delete"))

    def wait_until_moved(self, directory):
        wait_until(lambda: self.moved_to(directory), f"all partitions in {directory}", step=0.05)

    def check_copy(self, directory):
        """All of it lies there, is the leaders' to the end, and Kafka finds nothing wrong with a file of it."""
        self.check(EXIT_DONE, *self.args(), "--until", "caught-up")
        self.assertTrue(self.moved_to(directory))
        self.verify(",".join(map(str, self.dirs)), self.topic)
        self.assert_same_bytes(self.topic, directory)
        files = sorted(path for path in directory.glob(f"{self.topic}-?/*") if path.suffix in (".log", ".index", ".timeindex"))
        complaints, _ = dump_log_complaints(files, "--deep-iteration")
        self.assertEqual(complaints, [])
        complaints, _ = dump_log_complaints([path for path in files if path.suffix != ".log"], "--index-sanity-check")
        self.assertEqual(complaints, [])

    def test_moves_under_load_and_elections(self):
        self.wish(self.dirs[0])
        follower = self.start(*self.args())
        self.wait_until_moved(self.dirs[0])
        for directory, victim, other in ((self.dirs[1], 2, 3), (self.dirs[0], 3, 2)):
            self.wish(directory)
            follower.process.send_signal(signal.SIGHUP)
            self.cluster.kill(victim)
            self.wait_until_moved(directory)
            self.driver.wait_for_leaders(self.topic, [other] * PARTITIONS)
            self.cluster.start_broker(victim)
            self.driver.wait_for_full_isr(self.topic)
            end = max(copied_end_offsets(directory, self.topic))
            wait_until(lambda: min(copied_end_offsets(directory, self.topic)) > end, "more records", step=0.2)
        self.driver.stop_load(self.topic)
        self.assertEqual(follower.terminate(), EXIT_DONE, str(follower))
        self.check_copy(self.dirs[0])

    def test_killed_at_random_moments_of_its_moves(self):
        draw = random.Random(KILL_SEED)
        self.wish(self.dirs[0])
        self.check(EXIT_DONE, *self.args(), "--until", "caught-up")
        for moment in range(4):
            target = self.dirs[(moment + 1) % 2]
            self.wish(target, "replica.alter.log.dirs.io.max.bytes.per.second=20MB/s")
            there = draw.randrange(1 << 20, 24 << 20)
            with self.subTest(moment=moment, there=there):
                follower = self.start(*self.args())
                self.wait_while_running(follower, lambda: self.bytes_in(target) >= there, f"{there} bytes in {target}")
                follower.kill()
                self.assertFalse(self.moved_to(target), "the kill came too late for a move")
                follower = self.start(*self.args())
                self.wait_until_moved(target)
                self.assertEqual(follower.terminate(), EXIT_DONE, str(follower))
        self.driver.stop_load(self.topic)
        self.check_copy(target)
