package bench;

import com.espertech.esper.common.client.EPCompiled;
import com.espertech.esper.common.client.EventBean;
import com.espertech.esper.common.client.configuration.Configuration;
import com.espertech.esper.compiler.client.CompilerArguments;
import com.espertech.esper.compiler.client.EPCompileException;
import com.espertech.esper.compiler.client.EPCompilerProvider;
import com.espertech.esper.runtime.client.EPDeployException;
import com.espertech.esper.runtime.client.EPEventService;
import com.espertech.esper.runtime.client.EPRuntime;
import com.espertech.esper.runtime.client.EPRuntimeProvider;
import com.espertech.esper.runtime.client.EPStatement;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The five patterns in Esper's language. Esper is under the GPL 2: a peer of this benchmark, never a part of what ships. */
public final class Esper {
  private static final Map<String, String> TYPES =
      Map.of(
          "body-temperature", "Temperature",
          "pain-score", "Pain",
          "headache", "Headache",
          "lumbar-puncture", "Puncture",
          "encounter", "Admission",
          "discharge", "Discharge");
  private static final String OTHER = "Other";

  /** Each puncture opens a partition of its own, which the next puncture of the patient ends, or a week. */
  private static final String RULES =
      """
      create window Pains#time(24 hours) as Pain;
      create index PainsOf on Pains(patient);
      insert into Pains select * from Pain;

      create window Stays#unique(patient) as Admission;
      insert into Stays select * from Admission;
      on Discharge as d delete from Stays as s where s.patient = d.patient;

      insert into Watch
      select lp.patient as patient, lp.at as at,
        (select max(value) from Pains as p where p.patient = lp.patient) as baseline,
        exists (select * from Stays as s where s.patient = lp.patient) as inHouse
      from Puncture as lp;

      create context Watched
        initiated by Watch as lp
        terminated by pattern [Watch(patient = lp.patient) or timer:interval(168 hours)];

      @name('one-reading') context Watched
      select context.lp.patient as patient, context.lp.at as puncture, r.at as at
      from pattern [r=Temperature(patient = context.lp.patient, value > 38.0)];

      @name('two-readings') context Watched
      select context.lp.patient as patient, context.lp.at as puncture, r.at as at
      from pattern [every e=Temperature(patient = context.lp.patient, value > 38.0)
        -> (r=Temperature(patient = context.lp.patient, value > 38.0, at >= e.at + 14400000L, at <= e.at + 86400000L)
            where timer:within(24 hours 1 msec))];

      @name('rise') context Watched
      select context.lp.patient as patient, context.lp.at as puncture, r.at as at
      from pattern [r=Pain(patient = context.lp.patient, value - context.lp.baseline >= 3.0, at <= context.lp.at + 259200000L)];

      @name('worse') context Watched
      select context.lp.patient as patient, context.lp.at as puncture, r.at as at
      from pattern [every h=Headache(patient = context.lp.patient, status = 'present')
        -> (r=Headache(patient = context.lp.patient, status = 'present', qualifier = 'worsening')
            and not Headache(patient = context.lp.patient, status = 'absent'))];

      @name('absence') context Watched
      select context.lp.patient as patient, context.lp.at as puncture, context.lp.at + 27000000L as at
      from pattern [timer:interval(450 minutes)
        and not Temperature(patient = context.lp.patient, at <= context.lp.at + 21600000L)
        and not Discharge(patient = context.lp.patient)]
      where context.lp.inHouse;
      """;

  public static void main(String[] args) throws Exception {
    Configuration configuration = new Configuration();
    for (String type : TYPES.values()) {
      configuration.getCommon().addEventType(type, Event.class);
    }
    configuration.getCommon().addEventType(OTHER, Event.class);
    configuration.getRuntime().getThreading().setInternalTimerEnabled(false);
    EPCompiled rules = compile(configuration);
    Rounds.run(args, from -> new Engine(configuration, rules, from));
  }

  private static EPCompiled compile(Configuration configuration) {
    try {
      return EPCompilerProvider.getCompiler().compile(RULES, new CompilerArguments(configuration));
    } catch (EPCompileException error) {
      throw new IllegalStateException(error);
    }
  }

  /** A runtime whose clock is that of the events. */
  private static final class Engine implements Rounds.Contestant {
    private static int made;

    private final EPRuntime runtime;
    private final EPEventService events;
    private final Set<String> found = new LinkedHashSet<>();
    private long last;

    Engine(Configuration configuration, EPCompiled rules, long from) {
      runtime = EPRuntimeProvider.getRuntime("round " + made++, configuration);
      events = runtime.getEventService();
      events.advanceTime(from);
      try {
        for (EPStatement statement : runtime.getDeploymentService().deploy(rules).getStatements()) {
          if (statement.getEventType().isProperty("puncture")) {
            String pattern = statement.getName();
            statement.addListener((fresh, old, of, by) -> tell(pattern, fresh));
          }
        }
      } catch (EPDeployException error) {
        throw new IllegalStateException(error);
      }
    }

    /** Notes the first match of a pattern for each puncture: statements with {@code every} match again. */
    private void tell(String pattern, EventBean[] matches) {
      for (EventBean match : matches) {
        String one = pattern + " " + match.get("patient") + " " + match.get("puncture");
        if (found.add(one)) {
          instants.add(one + " " + match.get("at"));
        }
      }
    }

    private final Set<String> instants = new LinkedHashSet<>();

    @Override
    public void take(String patient, long at, byte[] body) {
      last = at;
      events.advanceTime(at);
      Event event = Event.read(body);
      events.sendEventBean(event, TYPES.getOrDefault(event.getConcept(), OTHER));
    }

    @Override
    public List<String> finish() {
      events.advanceTime(last + Rounds.WEEK);
      return List.copyOf(instants);
    }

    @Override
    public void close() {
      runtime.destroy();
    }
  }

  private Esper() {}
}
