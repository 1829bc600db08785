package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.check;
import static io.libbroker.clients.Context.equal;
import static io.libbroker.clients.Context.text;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Exchanges in which the broker asks a client. */
final class Transactions {
    private Transactions() {
    }

    /** Commit, rollback, and both decided only when the broker asks. */
    static void outcomes(Context context) throws Exception {
        String topic = context.topic("topic", 2);
        Map<String, Integer> checks = new ConcurrentHashMap<>();
        TransactionMQProducer producer = context.transactionProducer();
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                String body = text(message.getBody());
                return body.startsWith("commit") ? LocalTransactionState.COMMIT_MESSAGE
                    : body.startsWith("rollback") ? LocalTransactionState.ROLLBACK_MESSAGE
                    : LocalTransactionState.UNKNOW;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                String body = text(message.getBody());
                int asked = checks.merge(body, 1, Integer::sum);
                return body.startsWith("later rollback") ? LocalTransactionState.ROLLBACK_MESSAGE
                    : asked < 2 ? LocalTransactionState.UNKNOW
                    : LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        producer.start();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("group"));
        consumer.subscribe(topic, "*");
        Inbox inbox = Inbox.of(consumer);
        for (String body : Arrays.asList("rollback", "later rollback", "commit 1", "commit 2", "later commit")) {
            TransactionSendResult result =
                producer.sendMessageInTransaction(new Message(topic, "tag", "key " + body, bytes(body)), null);
            equal(SendStatus.SEND_OK, result.getSendStatus(), "status of the half message");
        }
        inbox.awaitBodies(Set.of("commit 1", "commit 2", "later commit"));
        equal(2, checks.get("later commit"), "questions about the later commit");
        check(checks.getOrDefault("later rollback", 0) >= 1, "nobody asked about the later rollback");
        check(!checks.containsKey("commit 1") && !checks.containsKey("rollback"), "needless questions: %s", checks);
        for (MessageExt message : inbox.all()) {
            equal(topic, message.getTopic(), "topic");
            equal("tag", message.getTags(), "tags");
        }
    }

    static void requestReply(Context context) throws Exception {
        String topic = context.topic("topic", 2);
        DefaultMQProducer answering = context.producer();
        DefaultMQPushConsumer server = context.pushConsumer(context.name("servers"));
        server.subscribe(topic, "*");
        AtomicInteger answers = new AtomicInteger();
        server.registerMessageListener((MessageListenerConcurrently) (messages, state) -> {
            for (MessageExt message : messages) {
                try {
                    String body = "answer to " + text(message.getBody());
                    answering.send(MessageUtil.createReplyMessage(message, bytes(body)));
                    answers.incrementAndGet();
                } catch (Exception e) {
                    e.printStackTrace();
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        server.start();
        DefaultMQProducer asking = context.producer();
        for (String body : List.of("first", "second")) {
            Message answer = asking.request(new Message(topic, bytes(body)), 20_000);
            equal("answer to " + body, text(answer.getBody()), "answer");
        }
        Context.await("the answers are acknowledged", () -> answers.get() == 2);
    }
}
