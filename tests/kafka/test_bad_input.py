"""Everything a person can get wrong, and everything a peer can: one clear line, the right exit code, no harm done."""

import os
import socket
import subprocess
import threading

from harness import EXIT_CANNOT_START, EXIT_DONE, EXIT_RUNTIME, EXIT_USAGE, Disk, KafkaTestCase, program, what_is_missing
from kafka_cluster import free_port_range, wait_until
from log_files import directory_bytes


class Peer:
    """A TCP server on its own threads; `serve(connection)` is what it does to each connection."""

    def __init__(self, serve, port=0):
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            with connection:
                self._serve(connection)
        except OSError:
            pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept(), which would keep the port
        self._listener.close()


class FaultyProxy(Peer):
    """Stands before a broker and spoils the stream from it once, after `intact` bytes: cuts it, or garbles what follows."""

    def __init__(self, port, target_port, fault, intact):
        self._target_port = target_port
        self._fault = fault
        self._left = intact
        self._lock = threading.Lock()
        self.struck = threading.Event()
        super().__init__(self._relay, port)

    def _relay(self, client):
        with socket.create_connection(("127.0.0.1", self._target_port)) as broker:
            threading.Thread(target=self._pump, args=(client, broker, False), daemon=True).start()
            self._pump(broker, client, True)

    def _pump(self, source, sink, may_spoil):
        try:
            while chunk := source.recv(1 << 16):
                if may_spoil and (cut := self._take(len(chunk))) is not None:
                    if self._fault == "cut":
                        sink.sendall(chunk[:cut])
                        break
                    chunk = chunk[:cut] + bytes(b ^ 0x5A for b in chunk[cut:])
                sink.sendall(chunk)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _take(self, size):
        """Where in this chunk the fault lies; None when it is not due, or has been."""
        with self._lock:
            if self.struck.is_set() or self._left >= size:
                self._left -= size
                return None
            self.struck.set()
            return self._left


class BadInputTest(KafkaTestCase):
    @classmethod
    def setUpClass(cls):
        # A second listener that advertises a proxy's port: clients that come through the proxy stay on it.
        cls.proxy_port, cls.proxied_port = (first := free_port_range(2)), first + 1
        cls.properties = (
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT",
            f"listeners=PLAINTEXT://127.0.0.1:{{broker1}},PROXIED://127.0.0.1:{cls.proxied_port},CONTROLLER://127.0.0.1:{{controller}}",
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{{broker1}},PROXIED://127.0.0.1:{cls.proxy_port}")
        super().setUpClass()

    @classmethod
    def set_up_topics(cls):
        cls.driver.create_topic("small", [[1]])
        cls.driver.produce("small", 100)
        cls.driver.create_topic("large", [[1], [1]], segment_bytes=16 << 20)
        cls.driver.produce("large", 80000, size=1000, text=False, properties={"batch.size": "100000", "linger.ms": "20"})

    def follow(self, name, topic="small", bootstrap=None):
        return [*self.follow_args(self.work / name, topic, bootstrap=bootstrap), "--until", "caught-up"]

    # What a person gets wrong on the command line.

    def test_unknown_flag_names_the_nearest(self):
        self.assert_one_line(EXIT_USAGE, ["--bootstrap-servr", "--bootstrap-server"],
                             "follow", "--bootstrap-servr", "127.0.0.1:1", "--topic", "small", "--log-dir", self.work / "no")
        self.assert_one_line(EXIT_USAGE, ["--lgo-dir", "--log-dir"],
                             "follow", "--bootstrap-server", "127.0.0.1:1", "--topic", "small", "--lgo-dir", self.work / "no")

    def test_unknown_subcommand_names_the_nearest(self):
        self.assert_one_line(EXIT_USAGE, ["folow", "follow"], "folow")

    def test_missing_flag_is_named(self):
        self.assert_one_line(EXIT_USAGE, ["--topic"], "follow", "--bootstrap-server", "127.0.0.1:1", "--log-dir", self.work / "no")
        self.assert_one_line(EXIT_USAGE, ["--log-dir"], "follow", "--bootstrap-server", "127.0.0.1:1", "--topic", "small")

    def test_values_that_cannot_be(self):
        for flag, value in (("--bootstrap-server", "127.0.0.1"), ("--bootstrap-server", "127.0.0.1:70000"), ("--topic", "a(b"),
                            ("--until", "sometime"), ("--format", "yaml"), ("--property", "novalue")):
            with self.subTest(flag=flag, value=value):
                flags = {"--bootstrap-server": "127.0.0.1:1", "--topic": "small", "--log-dir": self.work / "no", flag: value}
                self.assert_one_line(EXIT_USAGE, [flag.lstrip("-"), value], "follow", *(word for pair in flags.items() for word in pair))

    def test_unknown_property_names_the_nearest(self):
        self.assert_one_line(EXIT_USAGE, ["replica.fetch.max.byte", "replica.fetch.max.bytes"],
                             *self.follow("no"), "--property", "replica.fetch.max.byte=1000000")

    def test_property_out_of_bound_names_the_bound(self):
        self.assert_one_line(EXIT_USAGE, ["num.replica.fetchers", "0", "1"], *self.follow("no"), "--property", "num.replica.fetchers=0")
        self.assert_one_line(EXIT_USAGE, ["num.replica.fetchers", "many"], *self.follow("no"), "--property", "num.replica.fetchers=many")

    def test_config_file(self):
        config = self.work / "follow.properties"
        config.write_text("# a comment\nnum.replica.fetchers=0\n")
        self.assert_one_line(EXIT_USAGE, ["num.replica.fetchers"], *self.follow("no"), "--config", config)
        config.write_text("# a comment\n\nsegment.bites=1000000\n")
        self.assert_one_line(EXIT_USAGE, [str(config), "3", "segment.bites", "segment.bytes"], *self.follow("no"), "--config", config)
        self.assert_one_line(EXIT_USAGE, [str(self.work / "absent")], *self.follow("no"), "--config", self.work / "absent")
        config.write_text("num.replica.fetchers=2\n")
        self.check(0, *self.follow("configured"), "--config", config)
        self.verify(self.work / "configured", "small")

    def test_topic_that_matches_nothing(self):
        self.assert_one_line(EXIT_CANNOT_START, ["no-such-topic"], *self.follow("no", topic="no-such-topic"))

    def test_help_needs_nothing(self):
        for args in (["--help"], ["follow", "--help"], ["lead", "--help"], ["verify", "--help"], ["dump", "--help"]):
            with self.subTest(args=args):
                self.assertIn("slipstream", self.check(0, *args).stdout)

    # Hosts that are not there, or not Kafka.

    def test_dead_host(self):
        dead = free_port_range(1)
        self.assert_one_line(EXIT_CANNOT_START, [f"127.0.0.1:{dead}"], *self.follow("no", bootstrap=f"127.0.0.1:{dead}"))

    def test_name_that_does_not_resolve(self):
        self.assert_one_line(EXIT_CANNOT_START, ["no-such-host.invalid"], *self.follow("no", bootstrap="no-such-host.invalid:9092"))

    def test_one_dead_host_among_live_ones_is_no_trouble(self):
        self.check(0, *self.follow("some-dead", bootstrap=f"127.0.0.1:{free_port_range(1)},{self.cluster.address(1)}"))

    def assert_refuses_peer(self, answer):
        def serve(connection):
            connection.recv(1000)
            if answer:
                connection.sendall(answer)
                connection.recv(1000)

        peer = Peer(serve)
        self.addCleanup(peer.close)
        self.assert_one_line(EXIT_CANNOT_START, [f"127.0.0.1:{peer.port}"], *self.follow("no", bootstrap=f"127.0.0.1:{peer.port}"),
                             "--property", "bootstrap.timeout.ms=1500")

    def test_peer_that_closes(self):
        self.assert_refuses_peer(b"")

    def test_peer_that_speaks_http(self):
        self.assert_refuses_peer(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def test_peer_that_answers_garbage(self):
        self.assert_refuses_peer(bytes((i * 151 + 7) % 256 for i in range(4000)))
        self.assert_refuses_peer(b"\x7f\xff\xff\xff" + b"\0" * 100)
        self.assert_refuses_peer(b"\xff\xff\xff\xff" + b"\0" * 100)
        self.assert_refuses_peer(b"\0\0\0\x04" + b"\x12\x34\x56\x78")

    # Streams that break under way.

    def test_stream_cut_or_garbled_midway(self):
        cases = [("cut", intact) for intact in (60, 5_000, 1_000_000, 31_234_567)]
        cases += [("garble", intact) for intact in (10_007, 2_345_678, 40_000_000)]
        for fault, intact in cases:
            with self.subTest(fault=fault, intact=intact):
                copy = self.work / f"{fault}-{intact}"
                proxy = FaultyProxy(self.proxy_port, self.proxied_port, fault, intact)
                try:
                    self.catch_up(copy, "large", bootstrap=f"127.0.0.1:{proxy.port}")
                    self.assertTrue(proxy.struck.is_set(), "the fault never came")
                finally:
                    proxy.close()
                self.verify(copy, "large")
                self.assert_same_bytes("large", copy)

    # Disks.

    def test_full_disk(self):
        if missing := what_is_missing(self.work):
            self.skipTest(missing)
        disk = Disk(self.work, "disk", 48)
        self.addCleanup(disk.discard)
        disk.mount()
        copy = disk.path / "copy"
        self.assert_one_line(EXIT_RUNTIME, [str(copy), "No space left on device"], *self.follow_args(copy, "large"), "--until", "caught-up")
        self.assertGreater(directory_bytes(copy), 20 << 20)
        # What was written before the disk filled up is sound: given space, the copy goes on from there.
        roomy = self.work / "roomy"
        subprocess.run(["cp", "-a", copy, roomy], check=True)
        self.catch_up(roomy, "large")
        self.verify(roomy, "large")
        self.assert_same_bytes("large", roomy)

    def test_standard_output_that_takes_nothing(self):
        """A copy is there all the same; a comparison that nobody can read is none."""
        copy = self.work / "untold"
        for expected_exit, args in ((EXIT_DONE, [*self.follow_args(copy, "small"), "--until", "caught-up"]),
                                    (EXIT_RUNTIME, ["verify", copy, copy]), (EXIT_RUNTIME, ["dump", copy])):
            with self.subTest(args[0]), open("/dev/full", "wb") as full:
                run = subprocess.run([program(), *args], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
                self.assertEqual(run.returncode, expected_exit, run.stderr)
                self.assertEqual("cannot write to standard output" in run.stderr, expected_exit == EXIT_RUNTIME)
        self.verify(copy, "small")

    def test_directory_without_permission(self):
        locked = self.work / "locked"
        locked.mkdir(mode=0o700)
        if os.geteuid() == 0:
            as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        else:
            as_nobody = []
            locked.chmod(0)
            self.addCleanup(locked.chmod, 0o700)
        command = self.work / "slipstream"
        subprocess.run(["cp", program(), command], check=True)
        self.assert_one_line(EXIT_CANNOT_START, [str(locked), "Permission denied"], *self.follow_args(locked, "small"), "--until",
                             "caught-up", prefix=as_nobody, command=command)
        for reader in (("dump", locked), ("verify", locked, locked)):
            self.assert_one_line(EXIT_CANNOT_START, [str(locked), "Permission denied"], *reader, prefix=as_nobody, command=command)

    def test_directory_of_somebody_else_stays_as_it_is(self):
        theirs = self.work / "theirs"
        self.catch_up(theirs, "small")
        log = next((theirs / "small-0").glob("*.log"))
        log.write_bytes(log.read_bytes() + b"torn")  # a start of its owner would cut this
        identity = (theirs / "meta.properties").read_text()
        (theirs / ".kafka_cleanshutdown").unlink()
        for meta, words in (("version=1\ncluster.id=another-cluster\nnode.id=1\n", ["another-cluster"]), (None, ["meta.properties", "small-0"])):
            (theirs / "meta.properties").unlink()
            if meta:
                (theirs / "meta.properties").write_text(meta)
            before = {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()}
            self.assert_one_line(EXIT_CANNOT_START, [str(theirs), *words], *self.follow_args(theirs, "small"))
            self.assertEqual({path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()}, before)
            (theirs / "meta.properties").write_text(identity)
        self.catch_up(theirs, "small")
        self.verify(theirs, "small")

    def test_log_dir_that_is_a_file(self):
        path = self.work / "a-file"
        path.write_text("not a directory")
        self.assert_one_line(EXIT_CANNOT_START, [str(path)], *self.follow_args(path, "small"))

    def test_directory_in_use(self):
        copy = self.work / "in-use"
        first = self.start(*self.follow_args(copy, "small"))
        wait_until(lambda: copy.exists() and directory_bytes(copy) > 0, "the first follower's copy")
        self.assert_one_line(EXIT_CANNOT_START, [str(copy), "in use"], *self.follow_args(copy, "small"))
        self.assertTrue(first.running, str(first))
        self.assertEqual(first.terminate(), 0, str(first))

    def test_verify_and_dump_of_nothing(self):
        absent = self.work / "absent"
        self.assert_one_line(EXIT_CANNOT_START, [str(absent)], "verify", absent, absent)
        self.assert_one_line(EXIT_CANNOT_START, [str(absent)], "dump", absent)
        empty = self.work / "empty"
        empty.mkdir()
        self.assert_one_line(EXIT_CANNOT_START, [str(empty)], "dump", empty)
