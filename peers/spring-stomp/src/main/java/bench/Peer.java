package bench;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** Spring Boot with its simple broker: STOMP over raw WebSocket at /stomp. */
@SpringBootApplication
public class Peer {
    /** Starts on 127.0.0.1; {@code --server.port=N} says where. */
    public static void main(String[] arguments) {
        var context = SpringApplication.run(Peer.class, arguments);
        String port = context.getEnvironment().getProperty("local.server.port");
        System.out.println("listening on 127.0.0.1:" + port);
    }
}
