package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.equal;
import static io.libbroker.clients.Context.check;

import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.remoting.exception.RemotingTimeoutException;

/** A client of a broker that a test has in its own process. The test says topic and group, and does its part between events. */
final class Embedding {
    private Embedding() {
    }

    /** Another member of the group is in the test's process: it has half of the queues, and none after it left. */
    static void shareGroup(Context context) throws Exception {
        String topic = context.arguments.getString("topic");
        DefaultMQPushConsumer consumer = context.pushConsumer(context.arguments.getString("group"));
        consumer.subscribe(topic, "*");
        Inbox inbox = Inbox.of(consumer);
        context.event("joined");
        inbox.await("the last message", received -> received.bodies().contains("last"));
        Set<Integer> queues = new TreeSet<>();
        inbox.all().forEach(message -> queues.add(message.getQueueId()));
        context.output.put("queues", queues);
        Set<String> texts = new TreeSet<>();
        inbox.all().forEach(message -> texts.add(Context.text(message.getBody())));
        context.output.put("bodies", texts);
        // Stays until its offsets are committed: a shutdown commits those of messages whose listener has returned, and no others.
        context.event("consumed");
    }

    /** Requests fail as the test wants it; each time the client sees what it would see of a broken broker. */
    static void seeFaults(Context context) throws Exception {
        String topic = context.arguments.getString("topic");
        DefaultMQProducer producer = context.producer();
        producer.setRetryTimesWhenSendFailed(0);
        producer.setSendMsgTimeout(2000);
        equal(SendStatus.SEND_OK, producer.send(new Message(topic, bytes("before"))).getSendStatus(), "status");
        context.event("error");
        try {
            producer.send(new Message(topic, bytes("refused")));
            check(false, "it was not refused");
        } catch (MQClientException e) {
            check(e.getCause() instanceof MQBrokerException, "%s", e);
            MQBrokerException refusal = (MQBrokerException) e.getCause();
            equal(16, refusal.getResponseCode(), "code");
            equal("on cue", refusal.getErrorMessage(), "text");
        }
        context.event("drop");
        try {
            producer.send(new Message(topic, bytes("lost")));
            check(false, "it was answered");
        } catch (Exception e) {
            check(e instanceof RemotingTimeoutException || e.getCause() instanceof RemotingTimeoutException, "%s", e);
        }
        context.event("delay");
        long begin = System.nanoTime();
        equal(SendStatus.SEND_OK, producer.send(new Message(topic, bytes("late"))).getSendStatus(), "status");
        check(System.nanoTime() - begin >= 300_000_000L, "it was not late");
        context.event("disconnect");
        try {
            producer.send(new Message(topic, bytes("cut")));
            check(false, "it was answered");
        } catch (Exception e) {
            check(!(e instanceof MQBrokerException), "%s", e);
        }
        equal(SendStatus.SEND_OK, producer.send(new Message(topic, bytes("after"))).getSendStatus(), "status");
    }

    /** The test moves the clock on by two hours. */
    static void outlastDelay(Context context) throws Exception {
        String topic = context.arguments.getString("topic");
        DefaultMQPushConsumer consumer = context.pushConsumer(context.arguments.getString("group"));
        consumer.subscribe(topic, "*");
        Inbox inbox = Inbox.of(consumer);
        Message message = new Message(topic, bytes("in two hours"));
        message.setDelayTimeLevel(18);
        equal(SendStatus.SEND_OK, context.producer().send(message).getSendStatus(), "status");
        context.event("sent");
        equal(0, inbox.size(), "deliveries");
        context.event("early");
        inbox.awaitBodies(Set.of("in two hours"));
    }
}
