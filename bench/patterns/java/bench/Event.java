package bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/** One line of the stream; value, status and qualifier only where the line has them. */
public class Event {
  private static final JsonFactory JSON = new JsonFactory();

  private String patient;
  private long at;
  private String concept;
  private double value = Double.NaN;
  private String status = "";
  private String qualifier = "";

  public static Event read(byte[] line) {
    Event event = new Event();
    try (JsonParser parser = JSON.createParser(line)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        switch (name) {
          case "patient" -> event.patient = parser.getText();
          case "at" -> event.at = parser.getLongValue();
          case "concept" -> event.concept = parser.getText();
          case "value" -> event.value = parser.getDoubleValue();
          case "status" -> event.status = parser.getText();
          case "qualifier" -> event.qualifier = parser.getText();
          default -> throw new IllegalArgumentException("unknown field " + name);
        }
      }
    } catch (IOException error) {
      throw new IllegalArgumentException(error);
    }
    return event;
  }

  public String getPatient() {
    return patient;
  }

  public long getAt() {
    return at;
  }

  public String getConcept() {
    return concept;
  }

  public double getValue() {
    return value;
  }

  public String getStatus() {
    return status;
  }

  public String getQualifier() {
    return qualifier;
  }
}
