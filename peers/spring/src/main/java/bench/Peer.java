package bench;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.web.socket.config.annotation.EnableWebSocket;
import org.springframework.web.socket.config.annotation.WebSocketConfigurer;

/** Spring Boot with raw WebSocket handlers: every path is a group of sessions, and /echo echoes. */
@SpringBootApplication
@EnableWebSocket
public class Peer {
    /** Starts on 127.0.0.1; {@code --server.port=N} says where. */
    public static void main(String[] arguments) {
        var context = SpringApplication.run(Peer.class, arguments);
        String port = context.getEnvironment().getProperty("local.server.port");
        System.out.println("listening on 127.0.0.1:" + port);
    }

    @Bean
    WebSocketConfigurer handlers() {
        return registry -> {
            registry.addHandler(new EchoHandler(), "/echo").setAllowedOrigins("*");
            registry.addHandler(new ChatHandler(), "/chat", "/rooms/*").setAllowedOrigins("*");
        };
    }
}
