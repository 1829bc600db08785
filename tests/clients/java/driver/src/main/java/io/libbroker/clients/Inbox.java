package io.libbroker.clients;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.message.MessageExt;

/** What a consumer received, and ways to wait for more. */
final class Inbox {
    private final List<MessageExt> messages = new ArrayList<>();

    /** Starts a consumer whose messages all end here. */
    static Inbox of(DefaultMQPushConsumer consumer) throws Exception {
        Inbox inbox = new Inbox();
        consumer.registerMessageListener((MessageListenerConcurrently) (received, context) -> {
            inbox.add(received);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        return inbox;
    }

    synchronized void add(List<MessageExt> received) {
        messages.addAll(received);
        notifyAll();
    }

    synchronized List<MessageExt> all() {
        return new ArrayList<>(messages);
    }

    synchronized int size() {
        return messages.size();
    }

    synchronized void clear() {
        messages.clear();
    }

    /** The bodies, sorted, each once: delivery is at least once. */
    TreeSet<String> bodies() {
        TreeSet<String> bodies = new TreeSet<>();
        for (MessageExt message : all()) {
            bodies.add(Context.text(message.getBody()));
        }
        return bodies;
    }

    /** Waits until what was received satisfies {@code enough}. */
    synchronized void await(String what, Predicate<Inbox> enough) throws InterruptedException {
        await(what, Context.LONG, enough);
    }

    synchronized void await(String what, Duration limit, Predicate<Inbox> enough) throws InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        while (!enough.test(this)) {
            long left = (deadline - System.nanoTime()) / 1_000_000;
            Context.check(left > 0, "%s: not within %s; %s received: %s", what, limit, messages.size(), shortBodies());
            wait(left);
        }
    }

    /** Waits until exactly these bodies have come, each at least once. */
    void awaitBodies(java.util.Collection<String> expected) throws InterruptedException {
        TreeSet<String> wanted = new TreeSet<>(expected);
        await(wanted.size() + " bodies", inbox -> inbox.bodies().containsAll(wanted));
        Context.equal(wanted, bodies(), "received bodies");
    }

    private String shortBodies() {
        String bodies = bodies().toString();
        return bodies.length() <= 2000 ? bodies : bodies.substring(0, 2000) + "…";
    }
}
