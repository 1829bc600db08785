package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.check;
import static io.libbroker.clients.Context.equal;
import static io.libbroker.clients.Context.text;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;

/** Half messages that their producer leaves open. */
final class TransactionChecks {
    private static final String GIVEN_UP = "TRANS_CHECK_MAX_TIME_TOPIC";

    private TransactionChecks() {
    }

    /** The producer leaves: another member of its group is asked. */
    static void otherMember(Context context) throws Exception {
        String topic = context.topic("topic", 2);
        Decisions decisions = new Decisions((body, asked) -> LocalTransactionState.COMMIT_MESSAGE);
        TransactionMQProducer second = context.transactionProducer();
        second.setTransactionListener(decisions);
        second.start();
        awaitKnown(context, second, topic);
        TransactionMQProducer first = context.transactionProducer();
        first.setTransactionListener(new Decisions((body, asked) -> LocalTransactionState.UNKNOW));
        first.start();
        equal(SendStatus.SEND_OK, send(first, topic, "left behind", null).getSendStatus(), "status");
        first.shutdown();
        Inbox inbox = consumer(context, topic);
        inbox.awaitBodies(Set.of("left behind"));
        equal(1, decisions.asked("left behind"), "questions");
    }

    /** Nobody decides: the message is given up after transactionCheckMax questions, and can be taken up again. */
    static void givenUp(Context context) throws Exception {
        String topic = context.topic("topic", 2);
        int most = context.arguments.getIntValue("checkMax");
        Decisions decisions = new Decisions((body, asked) ->
            asked <= most ? LocalTransactionState.UNKNOW : LocalTransactionState.COMMIT_MESSAGE);
        TransactionMQProducer producer = context.transactionProducer();
        producer.setTransactionListener(decisions);
        producer.start();
        // A check counts also while nobody is there to be asked.
        awaitKnown(context, producer, topic);
        send(producer, topic, "open", "own property");
        Inbox inbox = consumer(context, topic);
        MessageExt given = context.readAll(GIVEN_UP, 1).get(0);
        equal("open", text(given.getBody()), "body");
        equal(topic, given.getUserProperty("REAL_TOPIC"), "property REAL_TOPIC");
        equal("own property", given.getUserProperty("own"), "property");
        equal(Integer.toString(most), given.getUserProperty("TRANSACTION_CHECK_TIMES"), "property TRANSACTION_CHECK_TIMES");
        equal(most, decisions.asked("open"), "questions");
        equal(0, inbox.size(), "deliveries");

        check(context.admin().resumeCheckHalfMessage(offsetMessageId(given)), "it is not taken up again");
        inbox.awaitBodies(Set.of("open"));
        equal(most + 1, decisions.asked("open"), "questions");
        equal("own property", inbox.all().get(0).getUserProperty("own"), "property");
    }

    /** The test kills the broker while messages are committed, rolled back and open. */
    static void outliveKill(Context context) throws Exception {
        String topic = context.topic("topic", 2);
        Map<String, LocalTransactionState> later = new ConcurrentHashMap<>();
        Decisions decisions = new Decisions((body, asked) -> later.getOrDefault(body, LocalTransactionState.UNKNOW));
        decisions.atOnce.put("committed", LocalTransactionState.COMMIT_MESSAGE);
        decisions.atOnce.put("rolled back", LocalTransactionState.ROLLBACK_MESSAGE);
        TransactionMQProducer producer = context.transactionProducer();
        producer.setTransactionListener(decisions);
        producer.start();
        Inbox inbox = consumer(context, topic);
        for (String body : List.of("rolled back", "committed", "open 1", "open 2")) {
            equal(SendStatus.SEND_OK, send(producer, topic, body, null).getSendStatus(), "status");
        }
        inbox.awaitBodies(Set.of("committed"));
        context.event("open");
        later.put("open 1", LocalTransactionState.COMMIT_MESSAGE);
        later.put("open 2", LocalTransactionState.ROLLBACK_MESSAGE);
        inbox.awaitBodies(Set.of("committed", "open 1"));
        Context.await("open 2 is asked about", () -> decisions.answered("open 2"));
        equal(0, decisions.asked("committed") + decisions.asked("rolled back"), "questions about what was decided");
    }

    /** Heartbeats go to the brokers that a producer knows: those of its topics. */
    private static void awaitKnown(Context context, TransactionMQProducer producer, String topic) throws Exception {
        producer.fetchPublishMessageQueues(topic);
        String group = producer.getProducerGroup();
        String id = producer.buildMQClientId();
        Context.await("the broker knows the producer", () -> {
            try {
                return context.admin().examineProducerConnectionInfo(group, topic).getConnectionSet().stream()
                    .anyMatch(connection -> connection.getClientId().equals(id));
            } catch (MQBrokerException e) {
                return false;
            }
        });
    }

    private static Inbox consumer(Context context, String topic) throws Exception {
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("group"));
        consumer.subscribe(topic, "*");
        return Inbox.of(consumer);
    }

    private static TransactionSendResult send(TransactionMQProducer producer, String topic, String body, String own)
        throws Exception {
        Message message = new Message(topic, "tag", "key " + body, bytes(body));
        if (own != null) {
            message.putUserProperty("own", own);
        }
        return producer.sendMessageInTransaction(message, null);
    }

    private static String offsetMessageId(MessageExt message) {
        return MessageDecoder.createMessageId(message.getStoreHost(), message.getCommitLogOffset());
    }

    /** Decides at once what is listed, and the rest when asked, by the body and the number of questions. */
    private static final class Decisions implements TransactionListener {
        final Map<String, LocalTransactionState> atOnce = new ConcurrentHashMap<>();
        private final Map<String, Integer> asked = new ConcurrentHashMap<>();
        private final Set<String> answered = ConcurrentHashMap.newKeySet();
        private final BiFunction<String, Integer, LocalTransactionState> onQuestion;

        Decisions(BiFunction<String, Integer, LocalTransactionState> onQuestion) {
            this.onQuestion = onQuestion;
        }

        int asked(String body) {
            return asked.getOrDefault(body, 0);
        }

        boolean answered(String body) {
            return answered.contains(body);
        }

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
            return atOnce.getOrDefault(text(message.getBody()), LocalTransactionState.UNKNOW);
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            String body = text(message.getBody());
            LocalTransactionState state = onQuestion.apply(body, asked.merge(body, 1, Integer::sum));
            if (state != LocalTransactionState.UNKNOW) {
                answered.add(body);
            }
            return state;
        }
    }
}
