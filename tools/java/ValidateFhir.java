import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
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
        List<String> resources = Files.readAllLines(Path.of(args[0]));
        List<String> found = IntStream.range(0, resources.size()).parallel()
                .mapToObj(line -> remarks(line, validator.validateWithResult(resources.get(line)).getMessages()))
                .flatMap(List::stream)
                .toList();
        Files.write(Path.of(args[1]), found);
    }

    private static List<String> remarks(int line, List<SingleValidationMessage> said) {
        return said.stream()
                .map(one -> String.join("\t", String.valueOf(line), String.valueOf(one.getSeverity()),
                        String.valueOf(one.getLocationString()), String.valueOf(one.getMessage()).replaceAll("\\s+", " ")))
                .toList();
    }
}
