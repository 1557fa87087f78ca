"""What Kafka's own producers wrote, in every codec and shape, is copied byte for byte and is readable by Kafka's own tools."""

import json
import shutil

from dump_log import dump_log_complaints
from harness import EXIT_DIVERGENCE, EXIT_DONE, KafkaTestCase
from kafka_cluster import wait_until
from log_files import batches, read_log

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TOPICS = [*(f"t-{codec}" for codec in CODECS), "t-transactions", "t-single", "t-large", "t-compacted", "t-appendtime",
          "t-trimmed", "t-wide", "t-empty"]
PARTITION = "[0-9]*"


class FollowTest(KafkaTestCase):
    brokers = 3
    # The cleaner looks often and at little, so that compaction happens within the test.
    properties = ("log.cleaner.backoff.ms=200", "log.cleaner.threads=1", "log.retention.check.interval.ms=1000")

    @classmethod
    def set_up_topics(cls):
        driver = cls.driver
        for codec in CODECS:
            driver.create_topic(f"t-{codec}", [[1, 2], [2, 3], [3, 1]])
            driver.produce(f"t-{codec}", 15000, size=120, keys=500, headers=True,
                           properties={"compression.type": codec, "linger.ms": "5"})
        driver.create_topic("t-transactions", [[2, 3], [3, 2]])
        for writer, codec in enumerate(("none", "lz4")):
            driver.produce_transactions("t-transactions", [(200, n % 3 != 1) for n in range(9)], f"writer-{writer}",
                                        {"compression.type": codec})
        driver.create_topic("t-single", [[1, 3]])
        driver.produce("t-single", 4000, size=60, properties={"batch.size": "0", "linger.ms": "0"})
        driver.create_topic("t-large", [[3, 2], [2, 1]], segment_bytes=4 << 20)
        driver.produce("t-large", 40000, size=1000, text=False, properties={"batch.size": "102400", "linger.ms": "50"})
        driver.create_topic("t-appendtime", [[1, 2]], message_timestamp_type="LogAppendTime")
        driver.produce("t-appendtime", 2000, size=100, properties={"compression.type": "gzip", "linger.ms": "5"})
        driver.create_topic("t-trimmed", [[2, 1]], segment_bytes=1 << 20)
        driver.produce("t-trimmed", 30000, size=200, text=False, properties={"linger.ms": "5"})
        driver.delete_records("t-trimmed", 0, 12345)
        driver.create_topic("t-wide", [[1 + p % 3, 1 + (p + 1) % 3] for p in range(60)])
        driver.produce("t-wide", 600, size=50)
        driver.create_topic("t-empty", [[1, 2]])
        driver.create_topic("not-asked-for", [[1, 2]])
        driver.produce("not-asked-for", 10, size=50)
        cls.write_compacted_topic()

    @classmethod
    def write_compacted_topic(cls):
        cls.driver.create_topic("t-compacted", [[1]], cleanup_policy="compact", segment_bytes=1 << 20,
                                min_cleanable_dirty_ratio="0.01")
        properties = {"linger.ms": "5", "batch.size": "8192"}
        # Survivors: keys that only the first call wrote, then a wide hole, then the last round of the second call.
        cls.driver.produce("t-compacted", 5000, size=150, keys=3000, properties=properties)
        cls.driver.produce("t-compacted", 40000, size=150, keys=700, properties=properties)
        directory = cls.cluster.leader_dir("t-compacted", 0)
        checkpoint = cls.cluster.data_dir(1) / "cleaner-offset-checkpoint"

        def cleaned_up_to_the_active_segment():
            active = int(max(directory.glob("*.log")).stem)
            return f"t-compacted 0 {active}" in checkpoint.read_text().splitlines() if checkpoint.exists() else False

        wait_until(cleaned_up_to_the_active_segment, "compaction of t-compacted")
        offsets = [base for _, base, _ in batches(read_log(directory))]
        assert max(b - a for a, b in zip(offsets, offsets[1:])) > 1000, "compaction left no gap in the offsets"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.failed = True
        cls.copy = cls.work / "copy"
        cls.first = cls.start("follow", "--bootstrap-server", cls.cluster.bootstrap, "--topic", "t-.*", "--log-dir", cls.copy,
                              "--until", "caught-up")
        if cls.first.wait() != EXIT_DONE:
            raise AssertionError(str(cls.first))
        cls.failed = False

    def test_verify_against_kafka_holds(self):
        self.verify(self.copy, "t-.*")

    def test_bytes_are_the_leaders(self):
        for topic in TOPICS:
            with self.subTest(topic=topic):
                self.assert_same_bytes(topic, self.copy, self.driver.start_offsets(topic))

    def test_only_the_asked_topics_are_there(self):
        names = {path.name.rpartition("-")[0] for path in self.copy.iterdir() if path.is_dir()}
        self.assertEqual(names - set(TOPICS), set())

    def test_kafka_accepts_our_files(self):
        """Every suffix that DumpLogSegments reads: batches and records, then the indexes alone, then against their logs."""
        compacted = sorted(self.copy.glob(f"t-compacted-{PARTITION}/*"))
        kinds = {".log", ".index", ".timeindex", ".txnindex", ".snapshot"}
        files = [f for f in sorted(self.copy.glob(f"t-*-{PARTITION}/*")) if f.suffix in kinds]
        whole = [f for f in files if f not in compacted]
        self.assertGreater(len([f for f in files if f.suffix == ".index" and f.stat().st_size]), 5, "indexes are empty")
        complaints, lines = dump_log_complaints(whole, "--deep-iteration")
        self.assertEqual(complaints[:5], [])
        self.assertGreater(lines, 150000)
        # Compaction leaves holes between offsets, and that is all that may be said of these.
        complaints, _ = dump_log_complaints([f for f in compacted if f.suffix in kinds], "--deep-iteration")
        self.assertEqual([line for line in complaints if "Non-consecutive" not in line][:5], [])
        indexes = [f for f in files if f.suffix in (".index", ".timeindex")]
        for option in ("--index-sanity-check", "--verify-index-only"):
            complaints, _ = dump_log_complaints(indexes, option)
            self.assertEqual(complaints[:5], [], option)

    def test_dump_reads_every_file(self):
        run = self.check(EXIT_DONE, "dump", "--deep", self.copy)
        self.assertGreater(len(run.stdout.splitlines()), 1000)
        segment = sorted(self.copy.glob("t-zstd-0/*.log"))[0]
        run = self.check(EXIT_DONE, "dump", segment)
        self.assertGreaterEqual(len(run.stdout.splitlines()), len(list(batches(segment.read_bytes()))))

    def test_second_run_copies_only_what_is_new(self):
        copy = self.work / "twice"
        self.driver.create_topic("later", [[1, 2], [2, 1]])
        self.driver.produce("later", 3000, size=100)
        self.catch_up(copy, "later")
        self.driver.produce("later", 2000, size=100, properties={"compression.type": "zstd"})
        self.driver.produce_transactions("later", [(50, True), (50, False)], "later-writer")
        self.catch_up(copy, "later")
        self.verify(copy, "later")
        self.assert_same_bytes("later", copy)

    def test_verify_finds_a_changed_byte(self):
        damaged = self.work / "damaged"
        shutil.copytree(self.copy, damaged)
        segment = sorted((damaged / "t-none-1").glob("*.log"))[0]
        content = bytearray(segment.read_bytes())
        content[len(content) // 2] ^= 1
        segment.write_bytes(content)
        run = self.check(EXIT_DIVERGENCE, "verify", f"kafka://{self.cluster.address(1)}/t-none", damaged)
        self.assertIn("t-none-1", run.output)

    def test_json_output_is_json(self):
        run = self.catch_up(self.work / "json", "t-gzip", extra=("--format", "json"))
        lines = [json.loads(line) for line in run.stdout.splitlines() if line.strip()]
        self.assertTrue(lines)
