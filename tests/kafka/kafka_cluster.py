"""Real Kafka for the tests: clusters by scripts/kafka, and one long-lived JVM for small acts on each."""

import atexit
import hashlib
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))  # for all modules here

from program_runs import ROOT, wait_until

KAFKA = ROOT / "scripts" / "kafka"
DRIVER_SOURCE = pathlib.Path(__file__).resolve().parent / "KafkaDriver.java"


_ports_given = set()


def free_port_range(count):
    """First of `count` neighbouring free ports, below the range from which the system draws ports for clients."""
    draw = random.SystemRandom()
    for _ in range(200):
        base = draw.randrange(20000, 32000 - count)
        sockets = []
        try:
            if not _ports_given.isdisjoint(range(base, base + count)):
                continue
            for port in range(base, base + count):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            _ports_given.update(range(base, base + count))
            return base
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise RuntimeError(f"no {count} neighbouring free ports")


def kafka_script(*args, **options):
    result = subprocess.run([KAFKA, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    if result.returncode:
        raise RuntimeError(f"scripts/kafka {' '.join(map(str, args))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


class Driver:
    """A KafkaDriver JVM. Each method is one command of it; record options of produce and start_load: size, keys, text,
    headers, partition, seed, first (sequence number), properties (of the producer)."""

    def __init__(self, bootstrap, log):
        classpath = kafka_script("classpath").strip()
        self._log = open(log, "ab")
        self._process = subprocess.Popen(
            ["java", "-Xmx512m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={ROOT}/scripts/kafka-log4j2.xml",
             "-Dkafka.log.level=ERROR", "-cp", f"{_driver_classes(classpath)}:{classpath}", "KafkaDriver", bootstrap],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, bufsize=1)

    def call(self, command, **arguments):
        self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the driver JVM ended during {command}; log: {self._log.name}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{command} {arguments}: {answer['error']}")
        return answer["ok"]

    def create_topic(self, topic, assignment, **configs):
        """assignment: a list of broker ids a partition, the preferred leader first. segment_bytes=1 means segment.bytes=1."""
        self.call("create_topic", topic=topic, assignment=assignment, configs=_dotted(configs))

    def delete_topic(self, topic):
        self.call("delete_topic", topic=topic)

    def describe(self, topic):
        return self.call("describe", topic=topic)

    def leaders(self, topic):
        return [p["leader"] for p in self.describe(topic)]

    def start_offsets(self, topic):
        return self.call("offsets", topic=topic)["start"]

    def end_offsets(self, topic):
        return self.call("offsets", topic=topic)["end"]

    def produce(self, topic, records=0, properties=None, **options):
        self.call("produce", topic=topic, records=records, properties={"acks": "all", **(properties or {})}, **options)

    def produce_transactions(self, topic, transactions, transactional_id, properties=None, **options):
        """transactions: (records, commit) pairs."""
        self.call("produce", topic=topic, transactions=[{"records": n, "commit": c} for n, c in transactions],
                  properties={"transactional.id": transactional_id, **(properties or {})}, **options)

    def start_load(self, topic, rate, properties=None, **options):
        self.call("start_load", topic=topic, rate=rate, properties={"acks": "all", **(properties or {})}, **options)

    def stop_load(self, topic):
        """Ends the load and returns how many records were acknowledged; raises if one was refused."""
        return self.call("stop_load", topic=topic)

    def delete_records(self, topic, partition, before):
        self.call("delete_records", topic=topic, partition=partition, before=before)

    def elect_unclean(self, topic, partition):
        self.call("elect", topic=topic, partition=partition, type="UNCLEAN")

    def elect_preferred(self, topic, partition):
        self.call("elect", topic=topic, partition=partition, type="PREFERRED")

    def reassign(self, topic, replicas):
        self.call("reassign", topic=topic, replicas=replicas)

    def alter_topic(self, topic, **configs):
        self.call("alter_config", type="TOPIC", name=topic, configs=_dotted(configs))

    def consume(self, topic, isolation="read_uncommitted"):
        """One {"records", "digest"} a partition over all that a consumer sees of it, offsets and times included."""
        return self.call("consume", topic=topic, isolation=isolation)

    def wait_for_leaders(self, topic, leaders, seconds=60):
        wait_until(lambda: self.leaders(topic) == leaders, f"{topic} led by {leaders}", seconds)

    def wait_for_full_isr(self, topic, seconds=90):
        wait_until(lambda: all(sorted(p["isr"]) == sorted(p["replicas"]) for p in self.describe(topic)), f"full ISR of {topic}", seconds)

    def close(self):
        """Whether it still runs or not."""
        try:
            self._process.stdin.close()
            self._process.wait(20)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()


def _dotted(configs):
    return {key.replace("_", "."): str(value) for key, value in configs.items()}


def _driver_classes(classpath):
    """Compiled once per version of the source; the directory gets its name when it is complete."""
    digest = hashlib.sha256(DRIVER_SOURCE.read_bytes()).hexdigest()[:16]
    home = pathlib.Path(classpath).parent.parent
    classes = home / f"driver-{digest}"
    if not classes.exists():
        building = tempfile.mkdtemp(prefix="driver-", dir=home)
        subprocess.run(["javac", "-d", building, "-cp", classpath, str(DRIVER_SOURCE)], check=True)
        try:
            os.rename(building, classes)
        except OSError:
            shutil.rmtree(building)
    return classes


class KafkaCluster:
    """Real brokers 1..n; broker 1 is the controller too, so tests that kill brokers spare it.
    In a property {controller} and {broker1} stand for their ports."""

    def __init__(self, directory, brokers=3, properties=()):
        self.directory = pathlib.Path(directory)
        self.brokers = brokers
        self.port = free_port_range(brokers + 4)
        ports = {"controller": self.port, "broker1": self.port + 1}
        self._properties = [word for p in properties for word in ("--property", p.format(**ports))]
        self._driver = None

    def start(self):
        atexit.register(self.close)  # the brokers live on when this process ends
        kafka_script("start", self.directory, self.port, self.brokers, *self._properties)

    def add_broker(self):
        """REQUIRES: at most three more than at the start."""
        self.brokers = int(kafka_script("add", self.directory, *self._properties))
        return self.brokers

    def kill(self, broker):
        kafka_script("stop", self.directory, broker, "--kill")

    def stop_broker(self, broker):
        kafka_script("stop", self.directory, broker)

    def start_broker(self, broker):
        kafka_script("restart", self.directory, broker)

    def start_those_down(self):
        for line in kafka_script("status", self.directory).splitlines():
            broker, state, _ = line.split()
            if state == "down":
                self.start_broker(int(broker))

    def pid(self, broker):
        return int((self.directory / f"{broker}.pid").read_text().split()[0])

    def address(self, broker):
        return f"127.0.0.1:{self.port + broker}"

    @property
    def bootstrap(self):
        return ",".join(self.address(broker) for broker in range(1, self.brokers + 1))

    @property
    def driver(self):
        if not self._driver:
            self._driver = Driver(self.bootstrap, self.directory / "driver.log")
        return self._driver

    def data_dir(self, broker):
        return self.directory / f"data{broker}"

    def leader_dir(self, topic, partition):
        return self.data_dir(self.driver.leaders(topic)[partition]) / f"{topic}-{partition}"

    def close(self):
        """Ends everything at once: nobody needs these brokers' data any more."""
        atexit.unregister(self.close)
        driver, self._driver = self._driver, None
        try:
            if driver:
                driver.close()
        finally:
            if (self.directory / "port").exists():
                kafka_script("stop", self.directory, "--kill")
