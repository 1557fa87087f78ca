"""Leaders die, followers die, and an unclean election takes records back: the copy ends up equal to its leader each time."""

import random
import re
import signal

from harness import EXIT_DONE, KafkaTestCase
from kafka_cluster import wait_until
from log_files import copied_end_offsets

KILL_SEED = 20240817


class LeaderChangesTest(KafkaTestCase):
    brokers = 3
    properties = ("broker.session.timeout.ms=3000", "replica.lag.time.max.ms=5000")

    def setUp(self):
        self.cluster.start_those_down()

    def load(self, topic, rate):
        self.driver.start_load(topic, rate, size=1000, text=False, properties={"linger.ms": "10", "compression.type": "lz4"})

    def wait_for_growth(self, log_dir, topic, records=1000):
        """Until that many more records are in each partition."""
        before = copied_end_offsets(log_dir, topic) or [0]
        wait_until(lambda: min(copied_end_offsets(log_dir, topic), default=0) >= max(before) + records,
                   f"{records} more records of {topic} in {log_dir}", step=0.2)

    def test_leaders_killed_while_following_under_load(self):
        copy = self.work / "killed-leaders"
        self.driver.create_topic("killed-leaders", [[2, 3], [3, 2], [2, 3], [3, 2]])
        self.load("killed-leaders", 2000)
        follower = self.start(*self.follow_args(copy, "killed-leaders"))
        self.wait_for_growth(copy, "killed-leaders")
        for victim, other in ((2, 3), (3, 2)):
            self.cluster.kill(victim)
            self.driver.wait_for_leaders("killed-leaders", [other] * 4)
            self.wait_for_growth(copy, "killed-leaders")
            self.cluster.start_broker(victim)
            self.driver.wait_for_full_isr("killed-leaders")
            self.wait_for_growth(copy, "killed-leaders")
        acknowledged = self.driver.stop_load("killed-leaders")
        self.assertTrue(follower.running, str(follower))
        self.assertEqual(follower.terminate(), EXIT_DONE, str(follower))
        self.catch_up(copy, "killed-leaders")
        self.assertGreaterEqual(sum(self.driver.end_offsets("killed-leaders")), acknowledged)
        self.verify(copy, "killed-leaders")
        self.assert_same_bytes("killed-leaders", copy)

    def test_settings_changed_while_following_under_load(self):
        copy, config = self.work / "resized", self.work / "follow.properties"
        config.write_text("num.replica.fetchers=1\n")
        self.driver.create_topic("resized", [[2, 3], [3, 2]] * 6)
        self.load("resized", 2000)
        follower = self.start(*self.follow_args(copy, "resized"), "--config", config)
        self.wait_for_growth(copy, "resized", records=100)
        for settings, told in (("num.replica.fetchers=8\n", "num.replica.fetchers is 8 now"),
                               ("num.replica.fetchers=3\nthrottle=50MB/s\n", "throttled to 50.0 MB/s"),
                               ("num.replica.fetchers=0\n", "settings stay as they are: num.replica.fetchers = 0"),
                               ("num.replica.fetchers=3\n", "not throttled any more")):
            config.write_text(settings)
            follower.process.send_signal(signal.SIGHUP)
            follower.wait_for_output(re.escape(told))
            self.wait_for_growth(copy, "resized", records=100)
        self.driver.stop_load("resized")
        self.assertEqual(follower.terminate(), EXIT_DONE, str(follower))
        self.catch_up(copy, "resized")
        self.verify(copy, "resized")

    def test_follower_killed_at_random_moments(self):
        draw = random.Random(KILL_SEED)
        copy = self.work / "killed-follower"
        self.driver.create_topic("killed-follower", [[2, 3], [3, 2], [2, 3]], segment_bytes=4 << 20)
        self.driver.produce("killed-follower", 60000, size=1000, text=False, properties={"batch.size": "65536"})
        self.load("killed-follower", 3000)
        for moment in range(8):
            records = draw.randrange(1, 7000)
            with self.subTest(moment=moment, records=records):
                follower = self.start(*self.follow_args(copy, "killed-follower"), "--format", "json", "--property", "progress.interval.ms=10",
                                      "--property", "replica.fetch.response.max.bytes=1000000")
                self.wait_while_running(follower, lambda: self.last_progress(follower, "records") >= records, f"{records} records copied")
                follower.kill()
        self.driver.stop_load("killed-follower")
        self.catch_up(copy, "killed-follower")
        self.verify(copy, "killed-follower")
        self.assert_same_bytes("killed-follower", copy)

    def write_to_broker_2_alone(self, topic, copied, lost):
        """Both brokers hold `copied` records; broker 2, leader and only member of the ISR, holds `lost` more."""
        self.driver.create_topic(topic, [[2, 3]], unclean_leader_election_enable="true", min_insync_replicas=1)
        self.driver.produce(topic, copied, size=100)
        self.driver.wait_for_full_isr(topic)
        self.cluster.stop_broker(3)
        self.driver.produce(topic, lost, size=100, properties={"batch.size": "1000"})

    def elect_broker_3(self, topic):
        wait_until(lambda: self.driver.leaders(topic) != [2], f"{topic} without its leader")
        self.cluster.start_broker(3)
        if self.driver.leaders(topic) != [3]:
            self.driver.elect_unclean(topic, 0)
        self.driver.wait_for_leaders(topic, [3])

    def catch_up_all(self, topic, copies):
        """By both ways to find out where logs part: told with a fetch, or asked for before the first one."""
        runs = [self.catch_up(copy, topic, extra=extra) for copy, extra in copies]
        for copy, _ in copies:
            self.verify(copy, topic)
            self.assert_same_bytes(topic, copy)
        return runs

    def copies_of(self, topic):
        return (self.work / topic, ()), (self.work / f"{topic}-asking", ("--property", "fetch.version.max=11"))

    def check_unclean_election(self, topic, instead):
        copies, watching = self.copies_of(topic), self.work / f"{topic}-watching"
        self.write_to_broker_2_alone(topic, 1000, 500)
        self.catch_up_all(topic, copies)
        watcher = self.start(*self.follow_args(watching, topic))
        wait_until(lambda: copied_end_offsets(watching, topic) == [1500], "the watcher holds all records")
        self.cluster.stop_broker(2)
        self.elect_broker_3(topic)
        self.driver.produce(topic, instead, size=90, first=100000)
        self.assertEqual(self.driver.end_offsets(topic), [1000 + instead])
        for run in self.catch_up_all(topic, copies):
            self.assertRegex(run.output, rf"(?i)truncat.*{topic}-0|{topic}-0.*truncat")
            self.assertIn("1000", run.output)
        watcher.wait_for_output(r"(?i)truncat")
        self.assertEqual(watcher.terminate(), EXIT_DONE, str(watcher))
        self.catch_up(watching, topic)
        self.verify(watching, topic)
        self.cluster.start_broker(2)
        self.driver.wait_for_full_isr(topic)
        self.driver.elect_preferred(topic, 0)
        self.driver.wait_for_leaders(topic, [2])
        self.driver.produce(topic, 300, size=80, first=200000)
        self.catch_up_all(topic, copies)

    def test_unclean_election_to_a_shorter_log(self):
        self.check_unclean_election("shorter", 100)

    def test_unclean_election_to_a_log_that_grew_longer(self):
        self.check_unclean_election("longer", 2500)

    def test_unclean_election_after_epochs_with_and_without_records(self):
        topic, copies = "epochs", self.copies_of("epochs")
        self.write_to_broker_2_alone(topic, 1000, 100)
        self.catch_up_all(topic, copies)
        for records in (0, 100, 0, 0, 100):  # an epoch each, which the other broker never hears of
            self.cluster.stop_broker(2)
            self.cluster.start_broker(2)
            self.driver.wait_for_leaders(topic, [2])
            if records:
                self.driver.produce(topic, records, size=100)
        self.catch_up_all(topic, copies)
        self.cluster.stop_broker(2)
        self.elect_broker_3(topic)
        for records in (60, 0, 70):
            if records:
                self.driver.produce(topic, records, size=90, first=100000)
            self.cluster.stop_broker(3)
            self.cluster.start_broker(3)
            self.driver.wait_for_leaders(topic, [3])
        for run in self.catch_up_all(topic, copies):
            self.assertRegex(run.output, rf"(?i)truncat.*{topic}-0|{topic}-0.*truncat")
        self.assertEqual(self.driver.end_offsets(topic), [1130])
