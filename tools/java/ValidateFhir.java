import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/** Read one R4 resource from each line of a file; write what HAPI says of it: line, severity, place, message, tab-separated. */
public class ValidateFhir {
    public static void main(String[] args) throws Exception {
        FhirContext context = FhirContext.forR4();
        FhirInstanceValidator instances = new FhirInstanceValidator(new ValidationSupportChain(
                new DefaultProfileValidationSupport(context),
                new CommonCodeSystemsTerminologyService(context),
                new InMemoryTerminologyServerValidationSupport(context)));
        FhirValidator validator = context.newValidator().registerValidatorModule(instances);
        int line = 0;
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(Path.of(args[1])))) {
            for (String resource : Files.readAllLines(Path.of(args[0]))) {
                for (SingleValidationMessage said : validator.validateWithResult(resource).getMessages()) {
                    String text = String.valueOf(said.getMessage()).replaceAll("\\s+", " ");
                    out.println(line + "\t" + said.getSeverity() + "\t" + said.getLocationString() + "\t" + text);
                }
                line++;
            }
        }
    }
}
