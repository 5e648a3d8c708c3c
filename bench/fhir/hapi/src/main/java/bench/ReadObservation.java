package bench;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.parser.IParser;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.r4.model.Coding;
import org.hl7.fhir.r4.model.Observation;
import org.hl7.fhir.r4.model.Quantity;

/** Parses Observations, one a line, and takes what a fact needs; prints microseconds for each, writes what it found. */
public final class ReadObservation {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  public static void main(String[] args) throws Exception {
    List<String> documents = Files.readAllLines(Path.of(args[0]), StandardCharsets.UTF_8);
    int rounds = Integer.parseInt(args[2]);
    IParser parser = FhirContext.forR4().newJsonParser();
    List<String> found = run(parser, documents);
    Files.writeString(Path.of(args[1]), String.join("\n", found) + "\n", StandardCharsets.UTF_8);
    for (int warm = 0; warm < 40; warm++) {
      run(parser, documents);
    }
    for (int round = 0; round < rounds; round++) {
      long start = THREADS.getCurrentThreadCpuTime();
      for (int repeat = 0; repeat < 10; repeat++) {
        run(parser, documents);
      }
      System.out.println((THREADS.getCurrentThreadCpuTime() - start) / 1000.0 / documents.size() / 10);
    }
  }

  private static List<String> run(IParser parser, List<String> documents) {
    List<String> found = new ArrayList<>(documents.size());
    for (String document : documents) {
      found.add(fields(parser.parseResource(Observation.class, document)));
    }
    return found;
  }

  /** The patient, status, code, time in milliseconds, value and unit, and when the version was stated. */
  private static String fields(Observation observation) {
    Coding code = observation.getCode().getCodingFirstRep();
    Quantity quantity = observation.getValueQuantity();
    return String.join(
        "|",
        observation.getIdElement().getIdPart(),
        observation.getSubject().getReference(),
        observation.getStatus().toCode(),
        code.getSystem(),
        code.getCode(),
        String.valueOf(observation.getEffectiveDateTimeType().getValue().getTime()),
        String.valueOf(quantity.getValue().doubleValue()),
        quantity.getCode(),
        String.valueOf(observation.getMeta().getLastUpdated().getTime()));
  }

  private ReadObservation() {}
}
