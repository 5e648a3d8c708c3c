package bench;

import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.HL7Exception;
import ca.uhn.hl7v2.HapiContext;
import ca.uhn.hl7v2.model.Group;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.model.Segment;
import ca.uhn.hl7v2.model.Structure;
import ca.uhn.hl7v2.parser.CanonicalModelClassFactory;
import ca.uhn.hl7v2.parser.GenericModelClassFactory;
import ca.uhn.hl7v2.parser.ModelClassFactory;
import ca.uhn.hl7v2.parser.PipeParser;
import ca.uhn.hl7v2.util.Terser;
import ca.uhn.hl7v2.validation.impl.ValidationContextFactory;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Extracts the fields that extract.py lists; prints "model microseconds-per-message" and writes what it found. */
public final class Decode {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final char START = 0x0B;
  private static final char END = 0x1C;

  public static void main(String[] args) throws Exception {
    List<String> messages = frames(Path.of(args[0]));
    Path found = Path.of(args[1]);
    int rounds = Integer.parseInt(args[2]);
    measure("generic", new GenericModelClassFactory(), messages, rounds, null);
    measure("v2.5.1", new CanonicalModelClassFactory("2.5.1"), messages, rounds, found);
  }

  private static List<String> frames(Path file) throws IOException {
    List<String> messages = new ArrayList<>();
    for (String piece : Files.readString(file, StandardCharsets.UTF_8).split(String.valueOf(END))) {
      int start = piece.indexOf(START);
      if (start >= 0) {
        messages.add(piece.substring(start + 1));
      }
    }
    return messages;
  }

  private static void measure(String name, ModelClassFactory model, List<String> messages, int rounds, Path out)
      throws Exception {
    HapiContext context = new DefaultHapiContext(model);
    context.setValidationContext(ValidationContextFactory.noValidation());
    PipeParser parser = context.getPipeParser();
    List<List<String>> found = run(parser, messages);
    for (int warm = 0; warm < 4; warm++) {
      run(parser, messages);
    }
    for (int round = 0; round < rounds; round++) {
      long start = THREADS.getCurrentThreadCpuTime();
      run(parser, messages);
      System.out.println(name + " " + (THREADS.getCurrentThreadCpuTime() - start) / 1000.0 / messages.size());
    }
    if (out != null) {
      StringBuilder text = new StringBuilder();
      for (List<String> fields : found) {
        text.append(String.join("\u001f", fields)).append('\u001e');
      }
      Files.writeString(out, text.toString(), StandardCharsets.UTF_8);
    }
    context.close();
  }

  private static List<List<String>> run(PipeParser parser, List<String> messages) throws HL7Exception {
    List<List<String>> all = new ArrayList<>(messages.size());
    for (String message : messages) {
      all.add(extract(parser.parse(message)));
    }
    return all;
  }

  private static List<String> extract(Message message) throws HL7Exception {
    List<Segment> segments = new ArrayList<>();
    walk(message, segments);
    List<String> found = new ArrayList<>();
    for (Segment segment : segments) {
      if (segment.getName().equals("MSH")) {
        add(found, segment, 9, 1, 9, 2, 10, 1, 7, 1);
      }
    }
    for (Segment segment : segments) {
      if (segment.getName().equals("PID")) {
        for (int repeat = 0; repeat < segment.getField(3).length; repeat++) {
          found.add(text(Terser.get(segment, 3, repeat, 1, 1)));
          found.add(text(Terser.get(segment, 3, repeat, 4, 1)));
        }
      }
    }
    each(found, segments, "PV1", 3, 1, 19, 1);
    each(found, segments, "TXA", 2, 1, 12, 1);
    each(found, segments, "OBR", 3, 1, 4, 1, 4, 3, 7, 1);
    each(found, segments, "OBX", 2, 1, 3, 1, 3, 3, 5, 1, 6, 1, 11, 1, 14, 1);
    return found;
  }

  private static void each(List<String> found, List<Segment> segments, String name, int... places)
      throws HL7Exception {
    for (Segment segment : segments) {
      if (segment.getName().equals(name)) {
        add(found, segment, places);
      }
    }
  }

  private static void add(List<String> found, Segment segment, int... places) throws HL7Exception {
    for (int at = 0; at < places.length; at += 2) {
      found.add(text(Terser.get(segment, places[at], 0, places[at + 1], 1)));
    }
  }

  private static void walk(Group group, List<Segment> segments) throws HL7Exception {
    for (String name : group.getNames()) {
      for (Structure structure : group.getAll(name)) {
        if (structure instanceof Segment segment) {
          segments.add(segment);
        } else {
          walk((Group) structure, segments);
        }
      }
    }
  }

  private static String text(String value) {
    return value == null ? "" : value;
  }

  private Decode() {}
}
