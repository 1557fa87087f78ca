"""What `slipstream lead` leaves of a compacted topic passes Kafka's own checks, and clients end with the same values as before."""

import re
import subprocess

from dump_log import dump_log_complaints
from harness import EXIT_DONE, KafkaTestCase
from kafka_cluster import wait_until
from log_files import directory_bytes

SEGMENT = ("--property", "segment.bytes=65536")
COMPACT = (*SEGMENT, "--property", "cleanup.policy=compact", "--property", "min.cleanable.dirty.ratio=0",
           "--property", "log.cleaner.backoff.ms=100", "--property", "file.delete.delay.ms=0")
# What the tool says of logs that Kafka compacted, too: of gaps, and of headers whose records are gone but not their time.
OF_ANY_CLEANER = re.compile(r"^Non-consecutive offsets|^Found timestamp mismatch")
TOPICS = {"c-plain": 1, "c-zstd": 2, "c-transactions": 1}


class CompactionTest(KafkaTestCase):
    @classmethod
    def set_up_topics(cls):
        driver = cls.driver
        for topic, partitions in TOPICS.items():
            driver.create_topic(topic, [[1]] * partitions)
        driver.produce("c-plain", 5000, size=100, keys=100)
        driver.produce("c-zstd", 20000, size=150, keys=300, properties={"compression.type": "zstd", "linger.ms": "5"})
        for topic in ("c-plain", "c-zstd"):
            cls.remove(topic, range(0, 100, 3))
            driver.produce(topic, 30, size=100, keys=30)  # some of the removed ones come back
        driver.produce_transactions("c-transactions", [(400, n % 3 != 1) for n in range(12)], "writer", size=100, keys=90)

    @classmethod
    def remove(cls, topic, keys):
        tombstones = "".join(f"key-{key:08d}:\n" for key in keys)
        subprocess.run(["kcat", "-P", "-q", "-b", cls.cluster.address(1), "-t", topic, "-K", ":", "-Z"],
                       input=tombstones, text=True, check=True, timeout=60)

    def newest(self, address, topic):
        """Key -> (offset, value) as a reader of committed records ends with, and how many records it saw."""
        result = subprocess.run(
            ["kcat", "-C", "-q", "-e", "-b", address, "-t", topic, "-o", "beginning", "-X", "check.crcs=true",
             "-f", "%p %k %o %T %S %s\n"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = [line.split(" ", 2) for line in result.stdout.splitlines()]
        return {(partition, key): rest for partition, key, rest in lines}, len(lines)

    def cleaned(self, log_dir):
        checkpoint = log_dir / "cleaner-offset-checkpoint"
        return len(checkpoint.read_text().splitlines()) - 2 if checkpoint.exists() else 0

    def test_kafka_takes_what_we_compacted(self):
        copy = self.work / "copy"
        self.catch_up(copy, "c-.*", extra=SEGMENT)
        bytes_before = directory_bytes(copy)
        leader = self.start("lead", "--log-dir", copy, "--listen", "127.0.0.1:0", *COMPACT)
        address = leader.wait_for_output(r"listening on (127\.0\.0\.1:[0-9]+)")[1]
        wait_until(lambda: self.cleaned(copy) == sum(TOPICS.values()), "every partition compacted", 60)
        for topic in TOPICS:
            theirs, their_records = self.newest(self.cluster.address(1), topic)
            ours, our_records = self.newest(address, topic)
            self.assertEqual(ours, theirs, topic)
            self.assertLess(our_records, their_records / 2, topic)
        self.assertEqual(leader.terminate(), EXIT_DONE, str(leader))
        self.assertLess(directory_bytes(copy), bytes_before / 2)
        kinds = (".log", ".index", ".timeindex", ".txnindex", ".snapshot")
        files = [path for path in sorted(copy.glob("c-*/*")) if path.suffix in kinds]
        complaints, _ = dump_log_complaints(files, "--deep-iteration")
        self.assertEqual([line for line in complaints if not OF_ANY_CLEANER.search(line)][:5], [])
        indexes = [path for path in files if path.suffix in (".index", ".timeindex")]
        self.assertEqual(dump_log_complaints(indexes, "--index-sanity-check")[0][:5], [])
