package bench;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.handler.ConcurrentWebSocketSessionDecorator;
import org.springframework.web.socket.handler.TextWebSocketHandler;

/**
 * What one session says, all sessions of its path hear: the loop over a map of sessions that people
 * write. The decorator is what Spring has for sessions that several threads may write to.
 */
class ChatHandler extends TextWebSocketHandler {
    private static final int SEND_MILLIS_MAX = 60_000;
    private static final int WAITING_BYTES_MAX = 64 << 20;

    private final Map<String, Map<String, WebSocketSession>> groups = new ConcurrentHashMap<>();

    @Override
    public void afterConnectionEstablished(WebSocketSession session) {
        var shared = new ConcurrentWebSocketSessionDecorator(
                session, SEND_MILLIS_MAX, WAITING_BYTES_MAX);
        groups.computeIfAbsent(path(session), path -> new ConcurrentHashMap<>())
                .put(session.getId(), shared);
    }

    @Override
    public void afterConnectionClosed(WebSocketSession session, CloseStatus status) {
        groups.get(path(session)).remove(session.getId());
    }

    @Override
    protected void handleTextMessage(WebSocketSession session, TextMessage message) {
        for (WebSocketSession one : groups.get(path(session)).values()) {
            try {
                one.sendMessage(message);
            } catch (IOException | IllegalStateException error) {
                // Its connection has broken: its close callback takes it from the group.
                continue;
            }
        }
    }

    private static String path(WebSocketSession session) {
        return session.getUri().getPath();
    }
}
