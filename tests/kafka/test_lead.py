"""Clients read our copy through `slipstream lead` and see the same records as from Kafka."""

import subprocess

from harness import EXIT_DONE, KafkaTestCase
from kafka_cluster import Driver, kafka_script
from log_files import read_log

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


class LeadTest(KafkaTestCase):
    TOPICS = (*(f"t-{codec}" for codec in CODECS), "t-transactions", "t-trimmed")

    @classmethod
    def set_up_topics(cls):
        driver = cls.driver
        for codec in CODECS:
            driver.create_topic(f"t-{codec}", [[1], [1]])
            driver.produce(f"t-{codec}", 5000, size=120, keys=50, headers=True, properties={"compression.type": codec, "linger.ms": "5"})
        driver.create_topic("t-transactions", [[1], [1]])
        driver.produce_transactions("t-transactions", [(100, n % 3 != 1) for n in range(9)], "writer")
        driver.create_topic("t-trimmed", [[1]])
        driver.produce("t-trimmed", 3000, size=100)
        driver.delete_records("t-trimmed", 0, 1234)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.failed = True
        cls.copy = cls.work / "copy"
        follow = cls.start("follow", "--bootstrap-server", cls.cluster.bootstrap, "--topic", "t-.*", "--log-dir", cls.copy,
                           "--until", "caught-up")
        if follow.wait() != EXIT_DONE:
            raise AssertionError(str(follow))
        cls.leader = cls.start("lead", "--log-dir", cls.copy, "--listen", "127.0.0.1:0")
        cls.address = cls.leader.wait_for_output(r"listening on (127\.0\.0\.1:[0-9]+)")[1]
        cls.failed = False

    def test_java_consumer_reads_the_same(self):
        ours = Driver(self.address, self.work / "lead-driver.log")
        self.addCleanup(ours.close)
        for topic in self.TOPICS:
            for isolation in ("read_uncommitted", "read_committed"):
                with self.subTest(topic=topic, isolation=isolation):
                    self.assertEqual(ours.consume(topic, isolation), self.driver.consume(topic, isolation))

    def kcat(self, address, topic):
        result = subprocess.run(
            ["kcat", "-C", "-q", "-e", "-b", address, "-t", topic, "-o", "beginning", "-X", "check.crcs=true",
             "-f", "%t %p %o %T %k %h %s\n"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        return sorted(result.stdout.splitlines())

    def test_kcat_reads_the_same(self):
        for topic in self.TOPICS:
            with self.subTest(topic=topic):
                theirs = self.kcat(self.cluster.address(1), topic)
                self.assertGreater(len(theirs), 500)
                self.assertEqual(self.kcat(self.address, topic), theirs)

    def console_consumer(self, address, topic, records):
        return kafka_script(
            "console-consumer", "--bootstrap-server", address, "--topic", topic, "--partition", 0, "--offset", "earliest",
            "--max-messages", records, "--timeout-ms", 30000, "--property", "print.offset=true",
            "--property", "print.timestamp=true", "--property", "print.key=true").splitlines()

    def test_console_consumer_reads_the_same(self):
        theirs = self.console_consumer(self.cluster.address(1), "t-zstd", 2500)
        self.assertEqual(len(theirs), 2500)
        self.assertEqual(self.console_consumer(self.address, "t-zstd", 2500), theirs)

    def test_our_own_follower_copies_from_it(self):
        again = self.work / "again"
        self.catch_up(again, "t-.*", bootstrap=self.address)
        for topic in self.TOPICS:
            for partition in range(len(self.driver.leaders(topic))):
                name = f"{topic}-{partition}"
                self.assert_equal_logs(name, read_log(again / name), read_log(self.copy / name))
        self.verify(again, "t-.*")

    def test_terminates_cleanly(self):
        leader = self.start("lead", "--log-dir", self.work / "fresh", "--listen", "127.0.0.1:0", "--generate", "made:2:1000000")
        address = leader.wait_for_output(r"listening on (127\.0\.0\.1:[0-9]+)")[1]
        self.catch_up(self.work / "made", "made", bootstrap=address)
        self.assertEqual(leader.terminate(), EXIT_DONE, str(leader))
        self.check(EXIT_DONE, "verify", self.work / "fresh", self.work / "made")
