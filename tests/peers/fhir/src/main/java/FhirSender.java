import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.Observation;
import org.hl7.fhir.r4.model.OperationOutcome;
import org.hl7.fhir.r4.model.Patient;

/**
 * HAPI's client against a receiver: reads its capabilities (and checks the FHIR version), creates, updates, sends a batch and a
 * transaction, and is refused. Arguments: base URL, bearer token. Prints a line for each answer.
 */
public final class FhirSender {
  public static void main(String[] args) {
    FhirContext context = FhirContext.forR4();
    IGenericClient client = context.getRestfulClientFactory().newGenericClient(args[0]);
    client.registerInterceptor(new BearerTokenAuthInterceptor(args[1]));
    client.setEncoding(EncodingEnum.JSON);
    CapabilityStatement capabilities = client.capabilities().ofType(CapabilityStatement.class).execute();
    System.out.println("capabilities " + capabilities.getFhirVersion().toCode());

    tell("create", client.create().resource(observation()).execute());
    Observation known = observation();
    known.setId("Observation/o1");
    tell("update", client.update().resource(known).execute());
    tell("conditional", client.update().resource(observation()).conditionalByUrl("Observation?identifier=a").execute());

    for (Bundle.BundleType type : new Bundle.BundleType[] {Bundle.BundleType.BATCH, Bundle.BundleType.TRANSACTION}) {
      Bundle bundle = new Bundle();
      bundle.setType(type);
      bundle.addEntry().setResource(new Patient()).getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Patient");
      bundle.addEntry().setResource(known).getRequest().setMethod(Bundle.HTTPVerb.PUT).setUrl("Observation/o1");
      Bundle answer = client.transaction().withBundle(bundle).execute();
      StringBuilder line = new StringBuilder(answer.getType().toCode());
      answer.getEntry().forEach(entry -> line.append(' ').append(entry.getResponse().getStatus()));
      System.out.println(line);
    }
    try {
      client.read().resource(Observation.class).withId("o1").execute();
    } catch (BaseServerResponseException error) {
      OperationOutcome outcome = (OperationOutcome) error.getOperationOutcome();
      System.out.println("read " + error.getStatusCode() + " " + outcome.getIssueFirstRep().getCode().toCode());
    }
  }

  private static Observation observation() {
    Observation observation = new Observation();
    observation.setStatus(Observation.ObservationStatus.FINAL);
    return observation;
  }

  private static void tell(String name, MethodOutcome outcome) {
    OperationOutcome told = (OperationOutcome) outcome.getOperationOutcome();
    System.out.println(name + " " + outcome.getResponseStatusCode() + " " + told.getIssueFirstRep().getSeverity().toCode());
  }
}
