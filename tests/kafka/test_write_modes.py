"""Logs written in every mode, through rolls, a truncation and retention, with every codec of both clients, pass Kafka's checks."""

import json
import subprocess

from dump_log import dump_log_complaints
from harness import EXIT_DONE, KafkaTestCase
from kafka_cluster import Driver, wait_until
from log_files import directory_bytes, read_log

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
WRITE_MODES = ("auto", "direct", "dontcache", "buffered")
SETTINGS = ("--property", "segment.bytes=262144", "--property", "index.interval.bytes=1024", "--property", "file.delete.delay.ms=0",
            "--property", "replica.fetch.backoff.ms=50")
RETENTION = ("--property", "retention.bytes=600000", "--property", "log.retention.check.interval.ms=50")
RETAINED_MAX = 600_000 + 2 * 262_144  # and the active segment, and what a segment is more than its size
CUT_BYTES = 300_000  # more than a segment


class WriteModesTest(KafkaTestCase):
    """What the brokers' clients wrote is copied once, and served to the followers under test by our own leader: it can lose
    records, as an unclean election does, and be written to again."""

    @classmethod
    def set_up_topics(cls):
        for codec in CODECS:
            cls.driver.create_topic(f"w-{codec}", [[1]])
            cls.driver.produce(f"w-{codec}", 6000, size=300, text=False, properties={"compression.type": codec, "linger.ms": "5"})
            lines = "".join(f"{codec} of librdkafka, record {n}, {'x' * (n % 200)}\n" for n in range(4000))
            subprocess.run(["kcat", "-P", "-q", "-b", cls.cluster.address(1), "-t", f"w-{codec}", "-z", codec, "-X", "batch.size=50000"], input=lines, text=True, check=True, timeout=60)

    def lead(self, *extra):
        leader = self.start("lead", "--log-dir", self.work / "source", "--listen", "127.0.0.1:0", *SETTINGS[:2], *extra)
        return leader, leader.wait_for_output(r"listening on (127\.0\.0\.1:[0-9]+)")[1]

    def follow_all(self, address, *extra):
        for copy, mode in self.copies.items():
            run = self.check(EXIT_DONE, *self.follow_args(copy, "w-.*", bootstrap=address), "--until", "caught-up", *SETTINGS, *mode, *extra)
            yield copy, run

    def assert_accepted(self, what, segments_min=2 * len(CODECS)):
        kinds = (".log", ".index", ".timeindex", ".snapshot")
        files = [path for copy in self.copies for path in sorted(copy.glob("w-*/*")) if path.suffix in kinds]
        for copy in self.copies:
            segments = [path for path in files if path.suffix == ".log" and path.is_relative_to(copy)]
            self.assertGreater(len(segments), segments_min, f"{what}: {copy} has too few segments")
        complaints, lines = dump_log_complaints(files, "--deep-iteration")
        self.assertEqual(complaints[:5], [], what)
        self.assertGreater(lines, 10_000, what)
        for option in ("--index-sanity-check", "--verify-index-only"):
            complaints, _ = dump_log_complaints([path for path in files if path.suffix in (".index", ".timeindex")], option)
            self.assertEqual(complaints[:5], [], f"{what}, {option}")

    def assert_same_as_source(self):
        for copy in self.copies:
            for codec in CODECS:
                name = f"w-{codec}-0"
                self.assertTrue(read_log(copy / name) == read_log(self.work / "source" / name), f"{copy}/{name}")

    def test_kafka_accepts_what_every_mode_wrote(self):
        self.copies = {self.work / f"{write}-{flush}": ("--property", f"log.write.mode={write}", "--property", f"log.flush.mode={flush}")
                       for write in WRITE_MODES for flush in ("cached", "durable")}
        self.catch_up(self.work / "source", "w-.*", extra=SETTINGS[:2])
        leader, address = self.lead()
        for _ in self.follow_all(address):
            pass
        self.assertEqual(leader.terminate(), EXIT_DONE, str(leader))
        self.assert_same_as_source()
        self.assert_accepted("rolled")

        leader, address = self.lead(*(word for codec in CODECS for word in ("--cut", f"w-{codec}:{CUT_BYTES}")))
        driver = Driver(address, self.work / "driver.log")
        try:
            for codec in CODECS:
                driver.produce(f"w-{codec}", 700, size=300, text=False, seed=7, properties={"compression.type": codec, "linger.ms": "5"})
        finally:
            driver.close()
        for copy, run in self.follow_all(address, "--format", "json"):
            end = json.loads(run.stdout.splitlines()[-1])
            self.assertEqual((end["type"], end["truncations"]), ("end", len(CODECS)), copy)
        self.assert_same_as_source()
        self.assert_accepted("truncated")

        for copy, mode in self.copies.items():
            before = directory_bytes(copy)
            run = self.start(*self.follow_args(copy, "w-.*", bootstrap=address), *SETTINGS, *mode, *RETENTION)
            wait_until(lambda copy=copy: all(directory_bytes(d) < RETAINED_MAX for d in copy.glob("w-*")), f"retention by {run}", 30, 0.02)
            self.assertEqual(run.terminate(), EXIT_DONE, str(run))
            self.assertLess(directory_bytes(copy), before / 2)
        self.assertEqual(leader.terminate(), EXIT_DONE, str(leader))
        self.assert_accepted("retained", segments_min=len(CODECS))
