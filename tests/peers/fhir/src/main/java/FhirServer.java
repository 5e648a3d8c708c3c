import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.annotation.ConditionalUrlParam;
import ca.uhn.fhir.rest.annotation.ResourceParam;
import ca.uhn.fhir.rest.annotation.Update;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.api.server.RequestDetails;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.exceptions.ResourceVersionConflictException;
import ca.uhn.fhir.rest.server.provider.HashMapResourceProvider;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpFilter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.EnumSet;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.hl7.fhir.r4.model.Communication;
import org.hl7.fhir.r4.model.DetectedIssue;

/**
 * A FHIR server in memory: HAPI's RestfulServer for DetectedIssue and Communication. Arguments: port, bearer token.
 * "POST /faults?status=S&times=N" makes the next N updates fail with S; status 0 keeps them waiting for a minute, status 1 carries
 * them out two seconds late, and "GET /faults" tells how many were. "POST /faults?status=S&times=N&type=T" spares other types.
 */
public final class FhirServer {
  private static final AtomicInteger LEFT = new AtomicInteger();
  private static final AtomicInteger LATE = new AtomicInteger();
  private static volatile int status;
  private static volatile String type = "";

  public static void main(String[] args) throws Exception {
    FhirContext context = FhirContext.forR4();
    RestfulServer fhir = new RestfulServer(context);
    fhir.setResourceProviders(List.of(
        new Issues(context), new HashMapResourceProvider<>(context, Communication.class)));
    Server server = new Server();
    ServerConnector connector = new ServerConnector(server);
    connector.setHost("127.0.0.1");
    connector.setPort(Integer.parseInt(args[0]));
    server.addConnector(connector);
    ServletContextHandler handler = new ServletContextHandler("/");
    handler.addFilter(new FilterHolder(new Gate("Bearer " + args[1])), "/*", EnumSet.of(DispatcherType.REQUEST));
    handler.addServlet(new ServletHolder(fhir), "/fhir/*");
    server.setHandler(handler);
    server.start();
    System.out.println("listens " + connector.getLocalPort());
    server.join();
  }

  /** DetectedIssues that take an If-Match as HAPI's own storage does: HAPI hands it over as the version of the id. */
  public static final class Issues extends HashMapResourceProvider<DetectedIssue> {
    Issues(FhirContext context) {
      super(context, DetectedIssue.class);
    }

    @Override
    @Update
    public synchronized MethodOutcome update(
        @ResourceParam DetectedIssue issue, @ConditionalUrlParam String conditional, RequestDetails details) {
      String expected = details.getId().getVersionIdPart();
      TreeMap<Long, DetectedIssue> versions = myIdToVersionToResourceMap.get(details.getId().getIdPart());
      if (expected != null && (versions == null || versions.lastKey() != Long.parseLong(expected))) {
        throw new ResourceVersionConflictException("another version is there");
      }
      return super.update(issue, conditional, details);
    }
  }

  private static final class Gate extends HttpFilter {
    private final String authorization;

    Gate(String authorization) {
      this.authorization = authorization;
    }

    @Override
    protected void doFilter(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
        throws IOException, ServletException {
      if (request.getRequestURI().equals("/faults") && request.getMethod().equals("GET")) {
        response.getWriter().print(LATE.get());
      } else if (request.getRequestURI().equals("/faults")) {
        status = Integer.parseInt(request.getParameter("status"));
        String given = request.getParameter("type");
        type = given == null ? "" : given;
        LEFT.set(Integer.parseInt(request.getParameter("times")));
      } else if (!authorization.equals(request.getHeader("Authorization"))) {
        response.sendError(401);
      } else if (!isMeant(request) || LEFT.getAndUpdate(n -> Math.max(0, n - 1)) == 0) {
        chain.doFilter(request, response);
      } else if (status == 0) {
        sleep(60_000);
      } else if (status == 1) {
        sleep(2_000);
        chain.doFilter(request, response);
        LATE.incrementAndGet();
      } else {
        response.sendError(status);
      }
    }

    private static void sleep(long millis) {
      try {
        Thread.sleep(millis);
      } catch (InterruptedException error) {
        Thread.currentThread().interrupt();
      }
    }

    private static boolean isMeant(HttpServletRequest request) {
      return request.getMethod().equals("PUT") && request.getRequestURI().contains(type);
    }
  }
}
