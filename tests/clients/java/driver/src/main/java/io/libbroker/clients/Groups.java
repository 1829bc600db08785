package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.check;
import static io.libbroker.clients.Context.equal;
import static io.libbroker.clients.Context.text;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;

/** Push consumers and how the members of a group share the queues. */
final class Groups {
    private Groups() {
    }

    /** The queues of a topic a member works on now. */
    private static Set<MessageQueue> held(DefaultMQPushConsumer consumer, String topic) {
        Set<MessageQueue> held = new TreeSet<>();
        consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().forEach((queue, state) -> {
            if (queue.getTopic().equals(topic) && !state.isDropped()) {
                held.add(queue);
            }
        });
        return held;
    }

    private static Set<String> sendToAll(Context context, DefaultMQProducer producer, String topic, String round)
        throws Exception {
        Set<String> bodies = new TreeSet<>();
        for (MessageQueue queue : context.queues(topic)) {
            for (int i = 0; i < 5; i++) {
                String body = round + " " + queue.getQueueId() + "-" + i;
                producer.send(new Message(topic, bytes(body)), queue);
                bodies.add(body);
            }
        }
        return bodies;
    }

    static void rebalance(Context context) throws Exception {
        String topic = context.topic("topic", 8);
        String group = context.name("group");
        DefaultMQProducer producer = context.producer();
        Set<MessageQueue> all = context.queues(topic);

        DefaultMQPushConsumer first = context.pushConsumer(group);
        first.subscribe(topic, "*");
        Inbox firstInbox = Inbox.of(first);
        Context.await("a lone member holds all queues", () -> held(first, topic).equals(all));
        firstInbox.awaitBodies(sendToAll(context, producer, topic, "alone"));

        // A second member joins: each gets half.
        DefaultMQPushConsumer second = context.pushConsumer(group);
        second.subscribe(topic, "*");
        Inbox secondInbox = Inbox.of(second);
        Context.await("two members share the queues", () -> {
            Set<MessageQueue> both = new TreeSet<>(held(first, topic));
            both.addAll(held(second, topic));
            return both.equals(all) && held(first, topic).size() == 4 && held(second, topic).size() == 4;
        });
        firstInbox.clear();
        secondInbox.clear();
        Set<String> shared = sendToAll(context, producer, topic, "shared");
        Context.await("both received their share", () -> {
            Set<String> received = new TreeSet<>(firstInbox.bodies());
            received.addAll(secondInbox.bodies());
            return received.containsAll(shared);
        });
        equal(20, fresh(firstInbox, "shared").size(), "messages of the first member");
        equal(20, fresh(secondInbox, "shared").size(), "messages of the second member");
        equal(2, context.admin().examineConsumerConnectionInfo(group).getConnectionSet().size(), "connections");

        // It leaves again: the first gets its queues back, and goes on where the other stopped.
        second.shutdown();
        Context.await("the queues come back", () -> held(first, topic).equals(all));
        Set<String> afterwards = sendToAll(context, producer, topic, "afterwards");
        firstInbox.await("all queues", inbox -> inbox.bodies().containsAll(afterwards));
        equal(20, fresh(firstInbox, "shared").size(), "messages of the other member delivered again");

        first.shutdown();
        long behind = context.admin().examineConsumeStats(group).computeTotalDiff();
        equal(0L, behind, "messages behind after an orderly leave");
    }

    private static Set<String> fresh(Inbox inbox, String round) {
        Set<String> bodies = inbox.bodies();
        bodies.removeIf(body -> !body.startsWith(round));
        return bodies;
    }

    static void broadcasting(Context context) throws Exception {
        String topic = context.topic("topic", 4);
        String group = context.name("group");
        DefaultMQProducer producer = context.producer();
        List<DefaultMQPushConsumer> members = new ArrayList<>();
        List<Inbox> inboxes = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            DefaultMQPushConsumer member = context.pushConsumer(group);
            member.setMessageModel(MessageModel.BROADCASTING);
            member.subscribe(topic, "*");
            members.add(member);
            inboxes.add(Inbox.of(member));
        }
        for (DefaultMQPushConsumer member : members) {
            Context.await("every member holds all queues", () -> held(member, topic).size() == 4);
        }
        Set<String> sent = sendToAll(context, producer, topic, "to all");
        for (Inbox inbox : inboxes) {
            inbox.awaitBodies(sent);
            equal(sent.size(), inbox.size(), "deliveries to one member");
        }
    }

    /** One queue is never worked on by two members at once, and its messages come in order, also while members come and go. */
    static void orderly(Context context) throws Exception {
        String topic = context.topic("topic", 4);
        String group = context.name("group");
        DefaultMQProducer producer = context.producer();
        OrderWatch watch = new OrderWatch();

        DefaultMQPushConsumer first = watch.member(context, topic, group);
        Context.await("a lone member holds all queues", () -> held(first, topic).size() == 4);
        Set<String> sent = new TreeSet<>(numbered(context, producer, topic, 0, 50));
        watch.inbox.awaitBodies(sent);

        DefaultMQPushConsumer second = watch.member(context, topic, group);
        sent.addAll(numbered(context, producer, topic, 50, 150));
        Context.await("two members share the queues",
            () -> held(first, topic).size() == 2 && held(second, topic).size() == 2);
        sent.addAll(numbered(context, producer, topic, 150, 200));
        watch.inbox.awaitBodies(sent);
        check(watch.consumers.size() == 2, "only %s consumed", watch.consumers);

        first.shutdown();
        sent.addAll(numbered(context, producer, topic, 200, 250));
        watch.inbox.awaitBodies(sent);
        equal(List.of(), watch.complaints, "complaints");
    }

    private static Set<String> numbered(Context context, DefaultMQProducer producer, String topic, int from, int to)
        throws Exception {
        Set<String> bodies = new TreeSet<>();
        Set<MessageQueue> queues = context.queues(topic);
        for (int i = from; i < to; i++) {
            for (MessageQueue queue : queues) {
                String body = queue.getQueueId() + ":" + i;
                producer.send(new Message(topic, bytes(body)), queue);
                bodies.add(body);
            }
        }
        return bodies;
    }

    /** Sees what all members of an ordered group are given. */
    private static final class OrderWatch {
        final Inbox inbox = new Inbox();
        final List<String> complaints = Collections.synchronizedList(new ArrayList<>());
        final Set<String> consumers = ConcurrentHashMap.newKeySet();
        private final Map<Integer, String> busy = new ConcurrentHashMap<>();
        private final Map<Integer, Integer> last = new HashMap<>();

        DefaultMQPushConsumer member(Context context, String topic, String group) throws Exception {
            DefaultMQPushConsumer member = context.pushConsumer(group);
            member.subscribe(topic, "*");
            member.setConsumeMessageBatchMaxSize(4);
            member.registerMessageListener((MessageListenerOrderly) (messages, state) -> {
                consume(member.getInstanceName(), messages);
                return ConsumeOrderlyStatus.SUCCESS;
            });
            member.start();
            return member;
        }

        private void consume(String consumer, List<MessageExt> messages) {
            int queue = messages.get(0).getQueueId();
            String other = busy.putIfAbsent(queue, consumer);
            if (other != null) {
                complaints.add("queue " + queue + " is given to " + consumer + " while " + other + " works on it");
            }
            consumers.add(consumer);
            for (MessageExt message : messages) {
                note(queue, text(message.getBody()));
            }
            inbox.add(messages);
            busy.remove(queue, consumer);
        }

        private synchronized void note(int queue, String body) {
            int number = Integer.parseInt(body.substring(body.indexOf(':') + 1));
            int before = last.getOrDefault(queue, -1);
            // A number seen before may come again (at least once); a number may not be skipped.
            if (number > before + 1) {
                complaints.add("queue " + queue + ": " + number + " after " + before);
            }
            last.put(queue, Math.max(before, number));
        }
    }

    /** A waiting pull is answered when a message arrives, not when its time is up. */
    static void longPolling(Context context) throws Exception {
        String topic = context.topic("topic", 1);
        DefaultMQProducer producer = context.producer();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("group"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
        consumer.subscribe(topic, "*");
        Inbox inbox = Inbox.of(consumer);
        Context.await("the member holds the queue", () -> held(consumer, topic).size() == 1);
        Set<String> bodies = new HashSet<>();
        long worst = 0;
        for (int i = 0; i < 20; i++) {
            String body = "ping " + i;
            bodies.add(body);
            long begin = System.nanoTime();
            producer.send(new Message(topic, bytes(body)));
            inbox.await(body, received -> received.bodies().contains(body));
            long elapsed = (System.nanoTime() - begin) / 1_000_000;
            // The first may meet a pull that began before the queue existed.
            worst = i == 0 ? 0 : Math.max(worst, elapsed);
        }
        inbox.awaitBodies(bodies);
        context.output.put("worst_ms", worst);
        check(worst < 1000, "a message took %s ms to a waiting consumer", worst);
    }
}
