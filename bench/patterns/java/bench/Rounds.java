package bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs a contestant over the same lines again and again; prints microseconds of each round, writes what the last found. */
final class Rounds {
  static final long HOUR = 3_600_000L;
  static final long WEEK = 168 * HOUR;
  static final long THREE_DAYS = 72 * HOUR;
  static final long BASELINE = 24 * HOUR;
  static final long SHORTEST = 4 * HOUR;
  static final long LONGEST = 24 * HOUR;
  static final long GAP = 6 * HOUR;
  static final long GRACE = 90 * 60_000L;
  static final double FEVER = 38.0;
  static final double RISE = 3.0;

  private static final OperatingSystemMXBean PROCESS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  /** What finds the patterns: made anew for each round, outside of what is timed. */
  interface Contestant extends AutoCloseable {
    /** Takes an event as it is sent: its key, its time, its body. */
    void take(String patient, long at, byte[] body);

    /** Lets every clock run out; gives "pattern patient puncture instant" of each match. */
    List<String> finish();

    @Override
    void close();
  }

  /** Makes a contestant that knows nobody; {@code from} is the instant of the first event. */
  interface Maker {
    Contestant make(long from);
  }

  /** Arguments: file of lines, file for the matches, rounds to warm up, rounds to measure. */
  static void run(String[] args, Maker maker) throws IOException {
    List<byte[]> bodies = new ArrayList<>();
    List<Event> sent = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of(args[0]), StandardCharsets.UTF_8)) {
      bodies.add(line.getBytes(StandardCharsets.UTF_8));
      sent.add(Event.read(bodies.get(bodies.size() - 1)));
    }
    long from = sent.get(0).getAt();
    int warm = Integer.parseInt(args[2]);
    int rounds = warm + Integer.parseInt(args[3]);
    List<String> found = List.of();
    for (int round = 0; round < rounds; round++) {
      try (Contestant contestant = maker.make(from)) {
        System.gc();
        long start = PROCESS.getProcessCpuTime();
        for (int i = 0; i < bodies.size(); i++) {
          contestant.take(sent.get(i).getPatient(), sent.get(i).getAt(), bodies.get(i));
        }
        found = contestant.finish();
        long spent = PROCESS.getProcessCpuTime() - start;
        if (round >= warm) {
          System.out.println(spent / 1000.0 / bodies.size());
        }
      }
    }
    Files.write(Path.of(args[1]), found, StandardCharsets.UTF_8);
  }

  private Rounds() {}
}
