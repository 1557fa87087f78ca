"""Replication quotas of the follower: what is listed keeps to its rate, what is not is copied as fast as it comes."""

import signal
import time

from harness import EXIT_DONE, KafkaTestCase
from kafka_cluster import wait_until
from log_files import copied_end_offsets

RECORDS, RECORD_BYTES = 2400, 10_000
RATE = 3_000_000
ANSWER_BYTES = 4 << 20  # what may be under way when the bound is passed


class QuotaTest(KafkaTestCase):
    @classmethod
    def set_up_topics(cls):
        for topic in ("held", "free"):
            cls.driver.create_topic(topic, [[1]])
            cls.driver.produce(topic, RECORDS, size=RECORD_BYTES, text=False, properties={"batch.size": "65536"})

    def write_config(self, rate):
        config = self.work / "quota.properties"
        config.write_text(f"follower.replication.throttled.rate={rate}\nfollower.replication.throttled.replicas=held=*\n")
        return config

    def test_rq11_a_listed_copy_runs_at_half_to_eleven_tenths_of_its_rate(self):
        copy = self.work / "rate"
        began = time.monotonic()
        self.catch_up(copy, "held", extra=("--config", self.write_config(RATE)))
        took = time.monotonic() - began
        self.assertGreater(took, (RECORDS * RECORD_BYTES - ANSWER_BYTES) / (1.1 * RATE))
        self.assertLess(took, RECORDS * RECORD_BYTES / (0.5 * RATE))
        self.verify(copy, "held")

    def test_what_is_not_listed_is_not_slowed_and_a_bound_goes_at_run_time(self):
        copy = self.work / "beside"
        follower = self.start(*self.follow_args(copy, "held", "free"), "--config", self.write_config("100kB/s"))
        wait_until(lambda: copied_end_offsets(copy, "free") == [RECORDS], "all of the topic that is not listed")
        self.assertLess(max(copied_end_offsets(copy, "held"), default=0), RECORDS)
        self.write_config("1GB/s")
        follower.process.send_signal(signal.SIGHUP)
        wait_until(lambda: copied_end_offsets(copy, "held") == [RECORDS], "the other", 10)
        self.assertEqual(follower.terminate(), EXIT_DONE, str(follower))
        self.verify(copy, "held|free")
