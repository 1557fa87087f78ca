// Many small acts on a real cluster in one JVM, since starting a JVM per act would take most of the tests' time.
// Reads one JSON object a line from standard input, answers with one JSON object a line: {"ok": result} or {"error": text}.
// The commands are the cases of run(); Driver in tests/kafka/kafka_cluster.py wraps each in a method. Argument: the bootstrap servers.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class KafkaDriver {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration CONSUME_LIMIT = Duration.ofMinutes(3);
  private static final Duration METADATA_LIMIT = Duration.ofSeconds(30);

  private final String bootstrap;
  private final Admin admin;
  private final Map<String, Load> loads = new HashMap<>();

  private KafkaDriver(String bootstrap) {
    this.bootstrap = bootstrap;
    this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap, "default.api.timeout.ms", "60000"));
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    KafkaDriver driver = new KafkaDriver(args[0]);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      ObjectNode answer = JSON.createObjectNode();
      try {
        answer.set("ok", JSON.valueToTree(driver.run(JSON.readTree(line))));
      } catch (ExecutionException e) {
        answer.put("error", e.getCause().toString());
      } catch (Exception e) {
        answer.put("error", e.toString());
      }
      out.println(JSON.writeValueAsString(answer));
    }
    System.exit(0);
  }

  private Object run(JsonNode c) throws Exception {
    String topic = c.path("topic").asText();
    return switch (c.get("do").asText()) {
      case "create_topic" -> createTopic(c);
      case "delete_topic" -> admin.deleteTopics(List.of(topic)).all().get();
      case "describe" -> describe(topic);
      case "offsets" -> Map.of("start", offsets(topic, OffsetSpec.earliest()), "end", offsets(topic, OffsetSpec.latest()));
      case "alter_config" -> alterConfig(c);
      case "delete_records" -> admin.deleteRecords(Map.of(
          new TopicPartition(topic, c.get("partition").asInt()), RecordsToDelete.beforeOffset(c.get("before").asLong()))).all().get();
      case "elect" -> elect(topic, c.get("partition").asInt(), ElectionType.valueOf(c.get("type").asText()));
      case "reassign" -> reassign(topic, c.get("replicas"));
      case "produce" -> produce(c);
      case "consume" -> consume(topic, c.path("isolation").asText("read_uncommitted"));
      case "start_load" -> startLoad(c);
      case "stop_load" -> loads.remove(topic).finish();
      default -> throw new IllegalArgumentException("unknown command " + c);
    };
  }

  private static List<Integer> ints(JsonNode array) {
    List<Integer> result = new ArrayList<>();
    array.forEach(n -> result.add(n.asInt()));
    return result;
  }

  private static Map<String, String> strings(JsonNode object) {
    Map<String, String> result = new HashMap<>();
    if (object != null) object.properties().forEach(f -> result.put(f.getKey(), f.getValue().asText()));
    return result;
  }

  // assignment: one list of brokers a partition, its first the preferred leader.
  private Object createTopic(JsonNode c) throws Exception {
    Map<Integer, List<Integer>> assignment = new HashMap<>();
    for (JsonNode replicas : c.get("assignment")) assignment.put(assignment.size(), ints(replicas));
    String topic = c.get("topic").asText();
    admin.createTopics(List.of(new NewTopic(topic, assignment).configs(strings(c.get("configs"))))).all().get();
    // Each question may reach another broker, and they learn of a topic one after the other.
    for (int complete = 0; complete < 5; Thread.sleep(20)) {
      complete = describePartitions(topic).stream().allMatch(p -> p.leader() != null) ? complete + 1 : 0;
    }
    return null;
  }

  private List<TopicPartitionInfo> describePartitions(String topic) throws Exception {
    for (long deadline = System.nanoTime() + METADATA_LIMIT.toNanos();; Thread.sleep(50)) {
      try {
        return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions();
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof UnknownTopicOrPartitionException) || System.nanoTime() > deadline) throw e;
      }
    }
  }

  private Object describe(String topic) throws Exception {
    List<Object> result = new ArrayList<>();
    for (TopicPartitionInfo p : describePartitions(topic)) {
      result.add(Map.of("leader", p.leader() == null ? -1 : p.leader().id(), "replicas", p.replicas().stream().map(n -> n.id()).toList(),
          "isr", p.isr().stream().map(n -> n.id()).toList()));
    }
    return result;
  }

  private List<Long> offsets(String topic, OffsetSpec spec) throws Exception {
    Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
    int partitions = describePartitions(topic).size();
    for (int p = 0; p < partitions; p++) asked.put(new TopicPartition(topic, p), spec);
    var answers = admin.listOffsets(asked).all().get();
    List<Long> result = new ArrayList<>();
    for (int p = 0; p < partitions; p++) result.add(answers.get(new TopicPartition(topic, p)).offset());
    return result;
  }

  private Object alterConfig(JsonNode c) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.valueOf(c.get("type").asText()), c.get("name").asText());
    List<AlterConfigOp> ops = new ArrayList<>();
    strings(c.get("configs")).forEach((k, v) -> ops.add(new AlterConfigOp(new ConfigEntry(k, v), AlterConfigOp.OpType.SET)));
    return admin.incrementalAlterConfigs(Map.of(resource, ops)).all().get();
  }

  private Object elect(String topic, int partition, ElectionType type) throws Exception {
    var result = admin.electLeaders(type, Set.of(new TopicPartition(topic, partition))).partitions().get();
    for (Optional<Throwable> error : result.values()) {
      if (error.isPresent() && !(error.get() instanceof ElectionNotNeededException)) throw new ExecutionException(error.get());
    }
    return null;
  }

  private Object reassign(String topic, JsonNode replicas) throws Exception {
    Map<TopicPartition, Optional<NewPartitionReassignment>> all = new HashMap<>();
    for (JsonNode r : replicas) all.put(new TopicPartition(topic, all.size()), Optional.of(new NewPartitionReassignment(ints(r))));
    return admin.alterPartitionReassignments(all).all().get();
  }

  // What a record holds is a function of topic, sequence number and the options alone.
  private static class Records {
    private final JsonNode options;
    private final String topic;
    private final int size;
    private final int keys;
    private final boolean text;
    private final int partition;
    private final int partitions;
    private final Random random;

    Records(JsonNode options, int partitions) {
      this.options = options;
      this.topic = options.get("topic").asText();
      this.size = options.path("size").asInt(100);
      this.keys = options.path("keys").asInt(0);
      this.text = options.path("text").asBoolean(true);
      this.partition = options.path("partition").asInt(-1);
      this.partitions = partitions;
      this.random = new Random(options.path("seed").asLong(42));
    }

    ProducerRecord<byte[], byte[]> next(long sequence) {
      byte[] value = new byte[size];
      if (text) {
        byte[] words = (topic + " record " + sequence + " the quick brown fox jumps over the lazy dog; ").getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < size; i++) value[i] = words[i % words.length];
      } else {
        random.nextBytes(value);
      }
      byte[] key = keys > 0 ? String.format("key-%08d", sequence % keys).getBytes(StandardCharsets.UTF_8) : null;
      int target = partition >= 0 ? partition : (int) (sequence % partitions);
      ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, target, key, value);
      if (options.path("headers").asBoolean(false)) record.headers().add("sequence", Long.toString(sequence).getBytes(StandardCharsets.UTF_8));
      return record;
    }
  }

  private KafkaProducer<byte[], byte[]> producer(JsonNode c) {
    Map<String, Object> props = new HashMap<>(strings(c.get("properties")));
    props.put("bootstrap.servers", bootstrap);
    return new KafkaProducer<>(props, new ByteArraySerializer(), new ByteArraySerializer());
  }

  // Plain when "transactions" is absent; else each of its entries {"records": n, "commit": bool} is one transaction.
  private Object produce(JsonNode c) throws Exception {
    AtomicReference<Exception> failure = new AtomicReference<>();
    Records records = new Records(c, describePartitions(c.get("topic").asText()).size());
    long sequence = c.path("first").asLong(0);
    try (KafkaProducer<byte[], byte[]> producer = producer(c)) {
      if (!c.has("transactions")) {
        for (long end = sequence + c.get("records").asLong(); sequence < end; sequence++) send(producer, records.next(sequence), failure);
        producer.flush();
      } else {
        producer.initTransactions();
        for (JsonNode t : c.get("transactions")) {
          producer.beginTransaction();
          for (long end = sequence + t.get("records").asLong(); sequence < end; sequence++) send(producer, records.next(sequence), failure);
          producer.flush();
          if (t.get("commit").asBoolean()) producer.commitTransaction();
          else producer.abortTransaction();
        }
      }
    }
    if (failure.get() != null) throw failure.get();
    return null;
  }

  private static void send(KafkaProducer<byte[], byte[]> producer, ProducerRecord<byte[], byte[]> record, AtomicReference<Exception> failure) {
    producer.send(record, (metadata, e) -> { if (e != null) failure.compareAndSet(null, e); });
  }

  // One list entry a partition: how many records, and a digest over offset, time, key, value and headers of each.
  private Object consume(String topic, String isolation) throws Exception {
    Map<String, Object> props = Map.of("bootstrap.servers", bootstrap, "isolation.level", isolation, "enable.auto.commit", "false",
        "auto.offset.reset", "earliest", "check.crcs", "true", "max.poll.records", "5000");
    try (var consumer = new KafkaConsumer<byte[], byte[]>(props, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      Map<Integer, MessageDigest> digests = new TreeMap<>();
      Map<Integer, Long> counts = new TreeMap<>();
      for (TopicPartition p : partitions) {
        digests.put(p.partition(), MessageDigest.getInstance("SHA-256"));
        counts.put(p.partition(), 0L);
      }
      long deadline = System.nanoTime() + CONSUME_LIMIT.toNanos();
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        if (System.nanoTime() > deadline) {
          throw new IllegalStateException("not at the end within " + CONSUME_LIMIT + ": " + ends + ", read " + counts);
        }
        for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(200))) {
          digest(digests.get(r.partition()), r);
          counts.merge(r.partition(), 1L, Long::sum);
        }
      }
      List<Object> result = new ArrayList<>();
      for (int p : digests.keySet()) result.add(Map.of("records", counts.get(p), "digest", HexFormat.of().formatHex(digests.get(p).digest())));
      return result;
    }
  }

  private static void digest(MessageDigest digest, ConsumerRecord<byte[], byte[]> r) {
    byte[] key = r.key() == null ? new byte[0] : r.key();
    byte[] value = r.value() == null ? new byte[0] : r.value();
    digest.update(ByteBuffer.allocate(24).putLong(r.offset()).putLong(r.timestamp())
        .putInt(r.key() == null ? -1 : key.length).putInt(r.value() == null ? -1 : value.length).array());
    digest.update(key);
    digest.update(value);
    for (Header h : r.headers()) {
      digest.update(h.key().getBytes(StandardCharsets.UTF_8));
      digest.update(h.value());
    }
  }

  // A producer that keeps on writing, at most `rate` records a second, until finish().
  private static class Load extends Thread {
    private final KafkaProducer<byte[], byte[]> producer;
    private final Records records;
    private final long rate;
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicReference<Exception> failure = new AtomicReference<>();
    private volatile boolean stopping;

    Load(KafkaProducer<byte[], byte[]> producer, Records records, long rate) {
      this.producer = producer;
      this.records = records;
      this.rate = rate;
      setDaemon(true);
    }

    @Override
    public void run() {
      try {
        long began = System.nanoTime();
        for (long sequence = 0; !stopping; sequence++) {
          while (!stopping && sequence > (System.nanoTime() - began) / 1_000_000_000.0 * rate) Thread.sleep(2);
          producer.send(records.next(sequence), (metadata, e) -> {
            if (e != null) failure.compareAndSet(null, e);
            else acknowledged.incrementAndGet();
          });
        }
      } catch (Exception e) {
        failure.compareAndSet(null, e);
      }
    }

    long finish() throws Exception {
      stopping = true;
      join();
      producer.close();
      if (failure.get() != null) throw failure.get();
      return acknowledged.get();
    }
  }

  private Object startLoad(JsonNode c) throws Exception {
    String topic = c.get("topic").asText();
    Load load = new Load(producer(c), new Records(c, describePartitions(topic).size()), c.path("rate").asLong(1000));
    loads.put(topic, load);
    load.start();
    return null;
  }
}
