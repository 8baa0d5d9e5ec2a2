package bench;

import org.springframework.messaging.Message;
import org.springframework.messaging.MessageChannel;
import org.springframework.messaging.MessageHandler;
import org.springframework.messaging.simp.broker.SimpleBrokerMessageHandler;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.messaging.support.ExecutorChannelInterceptor;
import org.springframework.messaging.support.MessageBuilder;

/**
 * A RECEIPT for each frame that asks for one, once the broker has dealt with it: the simple broker
 * itself sends none, and the load generator waits for that of its SUBSCRIBE.
 */
class Receipts implements ExecutorChannelInterceptor {
    private static final byte[] NOTHING = new byte[0];

    private final MessageChannel outbound;

    Receipts(MessageChannel outbound) {
        this.outbound = outbound;
    }

    @Override
    public void afterMessageHandled(
            Message<?> message, MessageChannel channel, MessageHandler handler, Exception error) {
        // Several handlers see each frame; only the broker's knows of subscriptions.
        if (error != null || !(handler instanceof SimpleBrokerMessageHandler)) {
            return;
        }
        var asked = StompHeaderAccessor.wrap(message);
        if (asked.getReceipt() == null) {
            return;
        }
        var answer = StompHeaderAccessor.create(StompCommand.RECEIPT);
        answer.setReceiptId(asked.getReceipt());
        answer.setSessionId(asked.getSessionId());
        outbound.send(MessageBuilder.createMessage(NOTHING, answer.getMessageHeaders()));
    }
}
