package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.equal;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** Subscriptions to a part of a topic. */
final class Filters {
    private Filters() {
    }

    static void tags(Context context) throws Exception {
        String topic = context.topic("topic", 2);
        DefaultMQProducer producer = context.producer();
        Map<String, Inbox> inboxes = new HashMap<>();
        for (String expression : Arrays.asList("*", "A", "A || B", " B||C ", "Aa", "none")) {
            DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g" + inboxes.size()));
            consumer.subscribe(topic, expression);
            inboxes.put(expression, Inbox.of(consumer));
        }
        // "Aa" and "BB" have the same hash: the broker lets both through, the client sorts them out.
        for (String tag : Arrays.asList("A", "B", "C", "Aa", "BB", "a", null)) {
            for (int i = 0; i < 3; i++) {
                producer.send(new Message(topic, tag, "", bytes(tag + "-" + i)));
            }
        }
        inboxes.get("*").awaitBodies(thrice("A", "B", "C", "Aa", "BB", "a", "null"));
        inboxes.get("A").awaitBodies(thrice("A"));
        inboxes.get("A || B").awaitBodies(thrice("A", "B"));
        inboxes.get(" B||C ").awaitBodies(thrice("B", "C"));
        inboxes.get("Aa").awaitBodies(thrice("Aa"));
        inboxes.get("none").awaitBodies(Set.of());
        pulled(context, topic);
    }

    private static Set<String> thrice(String... tags) {
        Set<String> bodies = new TreeSet<>();
        for (String tag : tags) {
            for (int i = 0; i < 3; i++) {
                bodies.add(tag + "-" + i);
            }
        }
        return bodies;
    }

    /** A pull that matches nothing says where to go on. */
    private static void pulled(Context context, String topic) throws Exception {
        DefaultMQPullConsumer consumer = context.pullConsumer(context.name("pull"));
        for (MessageQueue queue : context.queues(topic)) {
            long end = consumer.maxOffset(queue);
            long offset = 0;
            while (offset < end) {
                PullResult result = consumer.pull(queue, "none", offset, 32);
                equal(PullStatus.NO_MATCHED_MSG, result.getPullStatus(), "status of a pull that matches nothing");
                Context.check(result.getNextBeginOffset() > offset, "no progress: %s", result);
                offset = result.getNextBeginOffset();
            }
            equal(end, offset, "end of the queue");
        }
    }

    static void sql(Context context) throws Exception {
        String topic = context.topic("topic", 2);
        DefaultMQProducer producer = context.producer();
        Map<String, Inbox> inboxes = new HashMap<>();
        String between = "price BETWEEN 10 AND 20 AND region IN ('north', 'south')";
        String odd = "region IS NULL OR (price > 25 AND NOT (region = 'north'))";
        String tagged = "TAGS = 'B'";
        for (String expression : Arrays.asList(between, odd, tagged)) {
            DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g" + inboxes.size()));
            consumer.subscribe(topic, MessageSelector.bySql(expression));
            inboxes.put(expression, Inbox.of(consumer));
        }
        Set<String> wantedBetween = new TreeSet<>();
        Set<String> wantedOdd = new TreeSet<>();
        Set<String> wantedTagged = new TreeSet<>();
        for (int price = 0; price <= 30; price += 5) {
            for (String region : Arrays.asList("north", "south", "west", null)) {
                String body = price + " " + region;
                String tag = price % 10 == 0 ? "A" : "B";
                Message message = new Message(topic, tag, "", bytes(body));
                message.putUserProperty("price", Integer.toString(price));
                if (region != null) {
                    message.putUserProperty("region", region);
                }
                producer.send(message);
                if (price >= 10 && price <= 20 && ("north".equals(region) || "south".equals(region))) {
                    wantedBetween.add(body);
                }
                if (region == null || price > 25 && !"north".equals(region)) {
                    wantedOdd.add(body);
                }
                if ("B".equals(tag)) {
                    wantedTagged.add(body);
                }
            }
        }
        inboxes.get(between).awaitBodies(wantedBetween);
        inboxes.get(odd).awaitBodies(wantedOdd);
        inboxes.get(tagged).awaitBodies(wantedTagged);
        refused(context, topic);
    }

    private static void refused(Context context, String topic) throws Exception {
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("refused"));
        consumer.subscribe(topic, MessageSelector.bySql("price BETWEEN AND"));
        try {
            Inbox.of(consumer);
            throw new Failure("an expression that does not compile was accepted");
        } catch (MQClientException e) {
            equal(23, e.getResponseCode(), "code for an expression that does not compile");
        }
    }

    /** An expression that changes while its consumer runs, and outlives consumer and broker. */
    static void sqlChanges(Context context) throws Exception {
        String topic = context.topic("topic", 1);
        String group = context.name("group");
        DefaultMQProducer producer = context.producer();
        DefaultMQPushConsumer consumer = context.pushConsumer(group);
        consumer.subscribe(topic, MessageSelector.bySql("price > 10"));
        Inbox inbox = Inbox.of(consumer);
        prices(producer, topic, "first", 0, 5, 11, 20);
        inbox.awaitBodies(Set.of("first 11", "first 20"));

        String changed = "price <= 12";
        consumer.subscribe(topic, MessageSelector.bySql(changed));
        // The heartbeat that says so is left out while another is under way.
        Context.await("the broker knows the change", () -> {
            return changed.equals(context.admin().examineConsumerConnectionInfo(group)
                .getSubscriptionTable().get(topic).getSubString());
        });
        // A pull that waits is woken by what it wanted when it came; the answer is by what is wanted now.
        prices(producer, topic, "second", 5, 20, 11);
        inbox.awaitBodies(Set.of("first 11", "first 20", "second 5", "second 11"));
        consumer.shutdown();

        prices(producer, topic, "third", 0, 30, 12);
        context.event("restart");
        prices(producer, topic, "fourth", 40, 3);
        DefaultMQPushConsumer successor = context.pushConsumer(group);
        successor.subscribe(topic, MessageSelector.bySql(changed));
        Inbox.of(successor).awaitBodies(Set.of("third 0", "third 12", "fourth 3"));
        context.output.put("topic", topic);
        context.output.put("group", group);
    }

    private static void prices(DefaultMQProducer producer, String topic, String word, int... prices) throws Exception {
        for (int price : prices) {
            Message message = new Message(topic, null, "", bytes(word + " " + price));
            message.putUserProperty("price", Integer.toString(price));
            producer.send(message);
        }
    }
}
