package bench;

import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.messaging.MessageChannel;
import org.springframework.messaging.simp.config.ChannelRegistration;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.web.socket.config.annotation.EnableWebSocketMessageBroker;
import org.springframework.web.socket.config.annotation.StompEndpointRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketTransportRegistration;

/**
 * The simple broker as the guide sets it up, with limits so high that nobody is closed, and
 * publications in the order in which they came.
 */
@Configuration
@EnableWebSocketMessageBroker
class Broker implements WebSocketMessageBrokerConfigurer {
    private static final int SEND_MILLIS_MAX = 60_000;
    private static final int WAITING_BYTES_MAX = 64 << 20;

    private final MessageChannel outbound;

    /** The channel is made by what asks for this configuration: hence lazily. */
    Broker(@Lazy @Qualifier("clientOutboundChannel") MessageChannel outbound) {
        this.outbound = outbound;
    }

    @Override
    public void registerStompEndpoints(StompEndpointRegistry registry) {
        registry.addEndpoint("/stomp").setAllowedOriginPatterns("*");
        // Without these, frames of one session are handled and written in any order.
        registry.setPreserveReceiveOrder(true);
    }

    @Override
    public void configureMessageBroker(MessageBrokerRegistry registry) {
        registry.enableSimpleBroker("/topic");
        registry.setPreservePublishOrder(true);
    }

    @Override
    public void configureClientInboundChannel(ChannelRegistration registration) {
        registration.interceptors(new Receipts(outbound));
    }

    @Override
    public void configureWebSocketTransport(WebSocketTransportRegistration registration) {
        registration.setSendTimeLimit(SEND_MILLIS_MAX);
        registration.setSendBufferSizeLimit(WAITING_BYTES_MAX);
    }
}
