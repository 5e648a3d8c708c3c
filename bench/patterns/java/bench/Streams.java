package bench;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** The five patterns in Kafka Streams: one processor, two stores in memory, its test driver in the place of a broker. */
public final class Streams {
  private static final Serde<State> STATES =
      Serdes.serdeFrom((topic, state) -> write(state), (topic, bytes) -> read(bytes));

  public static void main(String[] args) throws Exception {
    Rounds.run(args, Driven::new);
  }

  /** A topology under the test driver. */
  private static final class Driven implements Rounds.Contestant {
    private final TopologyTestDriver driver;
    private final TestInputTopic<String, byte[]> events;
    private final TestOutputTopic<String, String> matches;
    private long last;

    Driven(long from) {
      Topology topology = new Topology();
      topology.addSource("events", new StringDeserializer(), (Deserializer<Event>) (t, body) -> Event.read(body), "events");
      topology.addProcessor("patterns", Patterns::new, "events");
      topology.addStateStore(
          Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("patients"), Serdes.String(), STATES)
              .withLoggingDisabled(),
          "patterns");
      topology.addStateStore(
          Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("due"), Serdes.String(), Serdes.Long())
              .withLoggingDisabled(),
          "patterns");
      topology.addSink("matches", "matches", new StringSerializer(), new StringSerializer(), "patterns");
      Properties settings = new Properties();
      settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "patterns");
      settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "unused:9092");
      driver = new TopologyTestDriver(topology, settings, Instant.ofEpochMilli(from));
      events = driver.createInputTopic("events", new StringSerializer(), new ByteArraySerializer());
      matches = driver.createOutputTopic("matches", new StringDeserializer(), new StringDeserializer());
    }

    @Override
    public void take(String patient, long at, byte[] body) {
      last = at;
      events.pipeInput(patient, body, at);
    }

    @Override
    public List<String> finish() {
      // Stream time moves by events alone: a discharge of nobody, later than every clock.
      byte[] end = ("{\"patient\":\"\",\"at\":" + (last + Rounds.WEEK) + ",\"concept\":\"discharge\"}").getBytes();
      events.pipeInput("", end, last + Rounds.WEEK);
      List<String> found = new ArrayList<>();
      for (KeyValue<String, String> match : matches.readKeyValuesToList()) {
        found.add(match.value);
      }
      return found;
    }

    @Override
    public void close() {
      driver.close();
    }
  }

  /** What is remembered of one patient; what counts from the puncture begins anew with each. */
  private static final class State {
    static final int ONE = 1;
    static final int TWO = 2;
    static final int RISE = 4;
    static final int WORSE = 8;
    static final long NEVER = Long.MIN_VALUE;

    boolean inHouse;
    boolean hasHeadache;
    boolean awaitsTemperature;
    int told;
    long puncture = NEVER;
    double baseline = Double.NaN;
    List<Long> fevers = new ArrayList<>();
    List<Long> painTimes = new ArrayList<>();
    List<Double> pains = new ArrayList<>();
  }

  private static final class Patterns implements Processor<String, Event, String, String> {
    private ProcessorContext<String, String> context;
    private KeyValueStore<String, State> patients;
    private KeyValueStore<String, Long> due;

    @Override
    public void init(ProcessorContext<String, String> given) {
      context = given;
      patients = given.getStateStore("patients");
      due = given.getStateStore("due");
      given.schedule(Duration.ofMinutes(1), PunctuationType.STREAM_TIME, this::ring);
    }

    @Override
    public void process(Record<String, Event> message) {
      Event event = message.value();
      String patient = message.key();
      switch (event.getConcept()) {
        case "body-temperature", "pain-score", "headache", "lumbar-puncture", "encounter", "discharge" -> {
          State state = patients.get(patient);
          state = state == null ? new State() : state;
          if (take(patient, event, state)) {
            patients.put(patient, state);
          }
        }
        default -> {}
      }
    }

    /** Tells whether the state changed: what did not is not stored again. */
    private boolean take(String patient, Event event, State state) {
      long at = event.getAt();
      boolean isPunctured = state.puncture != State.NEVER;
      switch (event.getConcept()) {
        case "body-temperature":
          return isPunctured && temperature(patient, at, event.getValue(), state);
        case "pain-score":
          pain(patient, at, event.getValue(), state);
          return true;
        case "headache":
          return isPunctured && headache(patient, at, event, state);
        case "lumbar-puncture":
          puncture(patient, at, state);
          return true;
        case "encounter":
          state.inHouse = true;
          return true;
        default:
          state.inHouse = false;
          state.awaitsTemperature = false;
          return true;
      }
    }

    private boolean temperature(String patient, long at, double value, State state) {
      boolean changed = false;
      if (state.awaitsTemperature && at - state.puncture <= Rounds.GAP) {
        state.awaitsTemperature = false;
        changed = true;
      }
      if (value > Rounds.FEVER && at - state.puncture <= Rounds.WEEK) {
        tell("one-reading", State.ONE, patient, at, state);
        for (long earlier : state.fevers) {
          if (at - earlier >= Rounds.SHORTEST && at - earlier <= Rounds.LONGEST) {
            tell("two-readings", State.TWO, patient, at, state);
          }
        }
        state.fevers.add(at);
        changed = true;
      }
      return changed;
    }

    private void pain(String patient, long at, double value, State state) {
      while (!state.painTimes.isEmpty() && state.painTimes.get(0) <= at - Rounds.BASELINE) {
        state.painTimes.remove(0);
        state.pains.remove(0);
      }
      state.painTimes.add(at);
      state.pains.add(value);
      boolean isWatched = state.puncture != State.NEVER && at - state.puncture <= Rounds.THREE_DAYS;
      if (isWatched && value - state.baseline >= Rounds.RISE) { // false where there is no baseline (NaN)
        tell("rise", State.RISE, patient, at, state);
      }
    }

    private boolean headache(String patient, long at, Event event, State state) {
      boolean isPresent = event.getStatus().equals("present");
      boolean isWorse = isPresent && event.getQualifier().equals("worsening");
      if (isWorse && state.hasHeadache && at - state.puncture <= Rounds.WEEK) {
        tell("worse", State.WORSE, patient, at, state);
      }
      state.hasHeadache = isPresent;
      return true;
    }

    private void puncture(String patient, long at, State state) {
      state.puncture = at;
      state.baseline = Double.NaN;
      for (int i = 0; i < state.pains.size(); i++) {
        double pain = state.pains.get(i);
        boolean counts = state.painTimes.get(i) >= at - Rounds.BASELINE;
        if (counts && !(pain <= state.baseline)) {
          state.baseline = pain;
        }
      }
      state.fevers.clear();
      state.hasHeadache = false;
      state.told = 0;
      state.awaitsTemperature = state.inHouse;
      if (state.inHouse) {
        due.put(clock(at + Rounds.GAP + Rounds.GRACE) + patient, at);
      }
    }

    private void tell(String pattern, int bit, String patient, long at, State state) {
      if ((state.told & bit) == 0) {
        state.told |= bit;
        forward(pattern, patient, state.puncture, at);
      }
    }

    private void forward(String pattern, String patient, long puncture, long at) {
      String match = pattern + " " + patient + " " + puncture + " " + at;
      context.forward(new Record<>(patient, match, context.currentStreamTimeMs()));
    }

    /** Tells whom nobody took a temperature of; a clock that a later puncture set anew is not this one. */
    private void ring(long now) {
      List<KeyValue<String, Long>> over = new ArrayList<>();
      try (KeyValueIterator<String, Long> clocks = due.range(clock(0), clock(now + 1))) {
        clocks.forEachRemaining(over::add);
      }
      for (KeyValue<String, Long> entry : over) {
        String patient = entry.key.substring(16);
        State state = patients.get(patient);
        if (state.awaitsTemperature && state.puncture == entry.value) {
          forward("absence", patient, entry.value, Long.parseLong(entry.key.substring(0, 16)));
          state.awaitsTemperature = false;
          patients.put(patient, state);
        }
        due.delete(entry.key);
      }
    }

    private static String clock(long at) {
      String digits = Long.toString(at);
      return "0".repeat(16 - digits.length()) + digits;
    }
  }

  private static byte[] write(State state) {
    if (state == null) {
      return null;
    }
    ByteBuffer buffer = ByteBuffer.allocate(25 + 8 * state.fevers.size() + 16 * state.pains.size());
    int flags = (state.inHouse ? 1 : 0) | (state.hasHeadache ? 2 : 0) | (state.awaitsTemperature ? 4 : 0);
    buffer.put((byte) flags).putInt(state.told).putLong(state.puncture).putDouble(state.baseline);
    buffer.putInt(state.fevers.size());
    for (long fever : state.fevers) {
      buffer.putLong(fever);
    }
    for (int i = 0; i < state.pains.size(); i++) {
      buffer.putLong(state.painTimes.get(i)).putDouble(state.pains.get(i));
    }
    return buffer.array();
  }

  private static State read(byte[] bytes) {
    if (bytes == null) {
      return null;
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    State state = new State();
    int flags = buffer.get();
    state.inHouse = (flags & 1) != 0;
    state.hasHeadache = (flags & 2) != 0;
    state.awaitsTemperature = (flags & 4) != 0;
    state.told = buffer.getInt();
    state.puncture = buffer.getLong();
    state.baseline = buffer.getDouble();
    for (int left = buffer.getInt(); left > 0; left--) {
      state.fevers.add(buffer.getLong());
    }
    while (buffer.hasRemaining()) {
      state.painTimes.add(buffer.getLong());
      state.pains.add(buffer.getDouble());
    }
    return state;
  }

  private Streams() {}
}
