package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.check;
import static io.libbroker.clients.Context.equal;

import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Clients that stay while servers come and go. */
final class Continuity {
    private Continuity() {
    }

    /** The least a client does; for servers put together in unusual ways. */
    static void sendAndConsume(Context context) throws Exception {
        String topic = context.topic("topic", 4);
        DefaultMQProducer producer = context.producer();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("group"));
        consumer.subscribe(topic, "*");
        Inbox inbox = Inbox.of(consumer);
        Set<String> sent = new TreeSet<>();
        for (int i = 0; i < 100; i++) {
            String body = "body " + i;
            equal(SendStatus.SEND_OK, producer.send(new Message(topic, bytes(body))).getSendStatus(), "status");
            sent.add(body);
        }
        inbox.awaitBodies(sent);
        equal(sent.size(), inbox.size(), "deliveries");
    }

    /**
     * Sends and consumes all the time while the test stops, kills and restarts the broker. Nothing acknowledged may get lost,
     * and no two messages may have been given one place.
     */
    static void keepGoing(Context context) throws Exception {
        String topic = context.topic("topic", 4);
        String group = context.name("group");
        DefaultMQPushConsumer consumer = context.pushConsumer(group);
        consumer.subscribe(topic, "*");
        Inbox inbox = Inbox.of(consumer);
        Sender sender = new Sender(context.producer(), topic);
        Thread thread = new Thread(sender, "sender");
        thread.start();
        try {
            for (int round = 0; round < context.arguments.getIntValue("rounds"); round++) {
                sender.awaitMore(100);
                context.event("running");
                sender.awaitMore(100);
            }
        } finally {
            sender.stop.set(true);
            thread.join(Context.LONG.toMillis());
        }
        check(!thread.isAlive(), "the sender hangs");
        inbox.await("everything acknowledged", received -> received.bodies().containsAll(sender.acknowledged));

        Set<String> stored = new TreeSet<>();
        Set<String> places = new TreeSet<>();
        for (MessageExt message : context.readAll(topic, context.total(topic))) {
            stored.add(Context.text(message.getBody()));
            check(places.add(message.getQueueId() + "/" + message.getQueueOffset()), "a place used twice: %s", message);
        }
        Set<String> lost = new TreeSet<>(sender.acknowledged);
        lost.removeAll(stored);
        equal(Set.of(), lost, "acknowledged and lost");
        consumer.shutdown();
        equal(0L, context.admin().examineConsumeStats(group).computeTotalDiff(), "messages behind at the end");
        context.output.put("acknowledged", sender.acknowledged.size());
        context.output.put("failures", sender.failures.get());
    }

    private static final class Sender implements Runnable {
        final AtomicBoolean stop = new AtomicBoolean();
        final Set<String> acknowledged = new ConcurrentSkipListSet<>();
        final AtomicInteger failures = new AtomicInteger();
        private final DefaultMQProducer producer;
        private final String topic;

        Sender(DefaultMQProducer producer, String topic) {
            this.producer = producer;
            this.topic = topic;
            producer.setRetryTimesWhenSendFailed(0);
            producer.setSendMsgTimeout(2000);
        }

        @Override
        public void run() {
            for (int i = 0; !stop.get(); i++) {
                String body = String.format("%08d", i);
                try {
                    SendResult result = producer.send(new Message(topic, bytes(body)));
                    if (result.getSendStatus() == SendStatus.SEND_OK) {
                        acknowledged.add(body);
                    }
                    Thread.sleep(1);
                } catch (InterruptedException e) {
                    return;
                } catch (Exception e) {
                    // The broker is away.
                    failures.incrementAndGet();
                    pause();
                }
            }
        }

        private static void pause() {
            try {
                Thread.sleep(50);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        void awaitMore(int count) throws Exception {
            int wanted = acknowledged.size() + count;
            Context.await("acknowledgements", () -> acknowledged.size() >= wanted);
        }
    }

    /** A consumer that is connected until the test lets it go; names and number of messages come from the test. */
    static void stayOnline(Context context) throws Exception {
        String topic = context.arguments.getString("topic");
        int count = context.arguments.getIntValue("count");
        DefaultMQPushConsumer consumer = context.pushConsumer(context.arguments.getString("group"));
        consumer.subscribe(topic, "*");
        Inbox inbox = Inbox.of(consumer);
        inbox.await(count + " messages", received -> received.size() >= count);
        context.event("online");
    }
}
