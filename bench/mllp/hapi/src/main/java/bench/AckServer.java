package bench;

import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.HapiContext;
import ca.uhn.hl7v2.app.HL7Service;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.protocol.ReceivingApplication;
import ca.uhn.hl7v2.validation.impl.ValidationContextFactory;
import java.util.Map;

/** HAPI's own MLLP server: parse, answer AA, store nothing. */
public final class AckServer {
  public static void main(String[] args) throws Exception {
    HapiContext context = new DefaultHapiContext();
    context.setValidationContext(ValidationContextFactory.noValidation());
    int port = Integer.parseInt(args[0]);
    HL7Service server = context.newServer(port, false);
    server.registerApplication(new ReceivingApplication<Message>() {
      @Override
      public Message processMessage(Message message, Map<String, Object> metadata) {
        try {
          return message.generateACK();
        } catch (Exception error) {
          throw new IllegalStateException(error);
        }
      }

      @Override
      public boolean canProcess(Message message) {
        return true;
      }
    });
    server.startAndWait();
    System.out.println(port);
    System.out.flush();
    Thread.currentThread().join();
  }
}
