package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.check;
import static io.libbroker.clients.Context.equal;
import static io.libbroker.clients.Context.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageClientIDSetter;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The four ways to send, each read back message by message. */
final class Sends {
    private static final int MESSAGE_ILLEGAL = 13;
    private static final int MAX_MESSAGE_SIZE = 4 << 20;

    private Sends() {
    }

    static void sync(Context context) throws Exception {
        DefaultMQProducer producer = context.producer();
        String topic = context.topic("topic", 4);
        Map<String, SendResult> results = new HashMap<>();
        Map<String, Message> sent = new HashMap<>();
        for (Message message : varied(topic)) {
            SendResult result = producer.send(message);
            equal(SendStatus.SEND_OK, result.getSendStatus(), "status");
            equal(null, result.getTransactionId(), "transaction id");
            equal(MessageClientIDSetter.getUniqID(message), result.getMsgId(), "message id");
            equal(null, sent.put(result.getMsgId(), message), "message with the same id");
            results.put(result.getMsgId(), result);
        }
        List<MessageExt> stored = context.readAll(topic, sent.size());
        for (MessageExt found : stored) {
            same(sent.get(found.getMsgId()), found);
            SendResult result = results.get(found.getMsgId());
            equal(result.getMessageQueue().getQueueId(), found.getQueueId(), "queue");
            equal(result.getQueueOffset(), found.getQueueOffset(), "queue offset");
            MessageExt viewed = producer.viewMessage(topic, result.getOffsetMsgId());
            equal(found.getCommitLogOffset(), viewed.getCommitLogOffset(), "offset of the viewed message");
            check(Arrays.equals(found.getBody(), viewed.getBody()), "the viewed body differs");
        }
        queries(context, producer, topic, results);
        chosenQueue(context, producer, topic);
        createdOnDemand(context, producer);
        tooLarge(producer, topic);
    }

    /** Bodies of all kinds, with keys, tags and properties. */
    private static List<Message> varied(String topic) {
        Random random = new Random(7);
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            messages.add(new Message(topic, i % 3 == 0 ? null : "tag" + i % 3, "key" + i, bytes("body " + i)));
        }
        byte[] noise = new byte[1 << 20];
        random.nextBytes(noise);
        messages.add(new Message(topic, "noise", "large", noise));
        messages.add(new Message(topic, "packed", "compressed", bytes("compressible ".repeat(5000))));
        messages.add(new Message(topic, "one", "", new byte[] {0}));
        messages.add(new Message(topic, "Maß 测试 🚀", "Schlüssel 键", bytes("körper 消息体 🚀")));
        Message properties = new Message(topic, "properties", "several keys here", bytes("properties"));
        properties.putUserProperty("name", "value");
        properties.putUserProperty("ünï", "çødé 值");
        properties.putUserProperty("long", "x".repeat(10_000));
        properties.setFlag(77);
        messages.add(properties);
        return messages;
    }

    private static void same(Message sent, MessageExt found) {
        check(sent != null, "a message that was not sent: %s", found);
        check(Arrays.equals(sent.getBody(), found.getBody()), "body of %s", found.getKeys());
        equal(sent.getTopic(), found.getTopic(), "topic");
        equal(sent.getFlag(), found.getFlag(), "flag");
        equal(blankAsNull(sent.getTags()), found.getTags(), "tags");
        equal(blankAsNull(sent.getKeys()), blankAsNull(found.getKeys()), "keys");
        for (String name : Arrays.asList("name", "ünï", "long")) {
            equal(sent.getUserProperty(name), found.getUserProperty(name), "property " + name);
        }
        long age = found.getStoreTimestamp() - found.getBornTimestamp();
        check(age >= -1000 && age < 60_000, "stored %s ms after its birth", age);
        equal(0, found.getReconsumeTimes(), "deliveries");
        check(found.getProperty(MessageConst.PROPERTY_CLUSTER) != null, "no cluster name in %s", found.getProperties());
    }

    private static String blankAsNull(String text) {
        return text == null || text.isEmpty() ? null : text;
    }

    private static void queries(
        Context context, DefaultMQProducer producer, String topic, Map<String, SendResult> results) throws Exception {
        long end = System.currentTimeMillis() + 60_000;
        for (String key : Arrays.asList("key5", "here", "Schlüssel")) {
            // The index follows the log with a delay.
            Context.await("key " + key, () -> {
                try {
                    QueryResult found = producer.queryMessage(topic, key, 32, 0, end);
                    return found.getMessageList().size() == 1;
                } catch (org.apache.rocketmq.client.exception.MQClientException e) {
                    return false;
                }
            });
        }
        String id = results.keySet().iterator().next();
        MessageExt byId = context.admin().viewMessage(topic, id);
        equal(id, byId.getMsgId(), "message found by its unique id");
    }

    private static void chosenQueue(Context context, DefaultMQProducer producer, String topic) throws Exception {
        MessageQueue queue = context.queues(topic).iterator().next();
        long next = context.read(queue).size();
        for (int i = 0; i < 10; i++) {
            SendResult result = producer.send(new Message(topic, bytes("chosen " + i)), queue);
            equal(queue, result.getMessageQueue(), "queue");
            equal(next + i, result.getQueueOffset(), "queue offset");
        }
        Integer last = context.queues(topic).size() - 1;
        SendResult selected = producer.send(
            new Message(topic, bytes("selected")), (queues, message, index) -> queues.get((Integer) index), last);
        equal(last, selected.getMessageQueue().getQueueId(), "selected queue");
    }

    private static void createdOnDemand(Context context, DefaultMQProducer producer) throws Exception {
        String topic = context.name("on_demand");
        equal(SendStatus.SEND_OK, producer.send(new Message(topic, bytes("first"))).getSendStatus(), "status");
        Context.await("a route for a topic made by a send", () -> context.queues(topic).size() == 4);
        context.readAll(topic, 1);
    }

    private static void tooLarge(DefaultMQProducer producer, String topic) throws Exception {
        byte[] body = new byte[MAX_MESSAGE_SIZE + 1];
        new Random(1).nextBytes(body);
        producer.setMaxMessageSize(2 * MAX_MESSAGE_SIZE);
        try {
            SendResult result = producer.send(new Message(topic, body));
            throw new Failure("a message over the limit was taken: " + result);
        } catch (MQBrokerException e) {
            equal(MESSAGE_ILLEGAL, e.getResponseCode(), "code for a message over the limit");
        }
    }

    static void async(Context context) throws Exception {
        int count = 300;
        DefaultMQProducer producer = context.producer();
        String topic = context.topic("topic", 4);
        CountDownLatch answers = new CountDownLatch(count);
        Map<String, SendResult> results = Collections.synchronizedMap(new HashMap<>());
        List<Throwable> errors = Collections.synchronizedList(new ArrayList<>());
        for (int i = 0; i < count; i++) {
            producer.send(new Message(topic, bytes("body " + i)), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    results.put(result.getMsgId(), result);
                    answers.countDown();
                }

                @Override
                public void onException(Throwable e) {
                    errors.add(e);
                    answers.countDown();
                }
            });
        }
        check(answers.await(Context.LONG.toSeconds(), TimeUnit.SECONDS), "%s callbacks missing", answers.getCount());
        equal(List.of(), errors, "errors");
        equal(count, results.size(), "distinct ids");
        Set<String> places = new HashSet<>();
        for (MessageExt found : context.readAll(topic, count)) {
            SendResult result = results.get(found.getMsgId());
            check(result != null && result.getSendStatus() == SendStatus.SEND_OK, "result of %s: %s", found, result);
            equal(result.getQueueOffset(), found.getQueueOffset(), "queue offset");
            places.add(found.getQueueId() + "/" + found.getQueueOffset());
        }
        equal(count, places.size(), "places");
    }

    static void oneway(Context context) throws Exception {
        int count = 100;
        DefaultMQProducer producer = context.producer();
        String topic = context.topic("topic", 2);
        Set<String> expected = new HashSet<>();
        for (int i = 0; i < count; i++) {
            producer.sendOneway(new Message(topic, bytes("body " + i)));
            expected.add("body " + i);
        }
        Set<String> found = new HashSet<>();
        context.readAll(topic, count).forEach(message -> found.add(text(message.getBody())));
        equal(expected, found, "bodies");
    }

    static void batch(Context context) throws Exception {
        int count = 50;
        DefaultMQProducer producer = context.producer();
        String topic = context.topic("topic", 1);
        producer.send(new Message(topic, bytes("before")));
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Message message = new Message(topic, "tag" + i % 2, "key" + i, bytes("body " + i));
            message.putUserProperty("number", Integer.toString(i));
            batch.add(message);
        }
        SendResult result = producer.send(batch);
        equal(SendStatus.SEND_OK, result.getSendStatus(), "status");
        equal(count, result.getMsgId().split(",").length, "ids");
        equal(count, result.getOffsetMsgId().split(",").length, "offset ids");
        equal(1L, result.getQueueOffset(), "offset of the first");
        List<MessageExt> stored = context.readAll(topic, count + 1);
        String[] offsetIds = result.getOffsetMsgId().split(",");
        for (int i = 0; i < count; i++) {
            MessageExt found = stored.get(i + 1);
            equal("body " + i, text(found.getBody()), "body");
            equal("tag" + i % 2, found.getTags(), "tags");
            equal("key" + i, found.getKeys(), "keys");
            equal(Integer.toString(i), found.getUserProperty("number"), "property");
            equal(offsetIds[i], ((MessageClientExt) found).getOffsetMsgId(), "offset id");
        }
        SendResult after = producer.send(new Message(topic, bytes("after")));
        equal(1L + count, after.getQueueOffset(), "offset of the message after the batch");
    }
}
