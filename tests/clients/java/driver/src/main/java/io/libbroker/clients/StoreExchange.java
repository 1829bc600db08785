package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.check;
import static io.libbroker.clients.Context.equal;

import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * A store written under one broker and read under another. {@code write} notes in a file everything a client can see of it;
 * {@code read}, run later against whatever broker has the store then, must see the same.
 */
final class StoreExchange {
    private StoreExchange() {
    }

    private static Path file(Context context) {
        return Path.of(context.arguments.getString("file"));
    }

    /** Adds messages of all kinds to a topic, consumes some of it, and notes the state. */
    static void write(Context context) throws Exception {
        String topic = context.arguments.getString("topic");
        String round = context.arguments.getString("round");
        String group = context.arguments.getString("group");
        DefaultMQProducer producer = context.producer();
        int total = 0;
        if (context.queues(topic).isEmpty()) {
            producer.send(new Message(topic, bytes("makes the topic")));
            total++;
            Context.await("a route for " + topic, () -> !context.queues(topic).isEmpty());
        } else {
            total = context.total(topic);
        }
        for (Message message : messages(topic, round)) {
            producer.send(message);
            total++;
        }
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            batch.add(new Message(topic, "batch", round + "-batch-" + i, bytes("in a batch " + i)));
        }
        producer.send(batch);
        total += batch.size();
        consume(context, topic, group, total);
        // More that nobody has consumed: progress and end of the queues differ.
        for (int i = 0; i < 30; i++) {
            producer.send(new Message(topic, "late", round + "-late-" + i, bytes("late " + i)));
            total++;
        }
        context.readAll(topic, total);
        Files.write(file(context), bytes(state(context, topic, group).toJSONString()));
    }

    private static List<Message> messages(String topic, String round) {
        Random random = new Random(round.hashCode());
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            byte[] body = new byte[1 + random.nextInt(20_000)];
            if (i % 2 == 0) {
                random.nextBytes(body);
            } else {
                // Longer than 4 KiB: the client compresses it.
                Arrays.fill(body, (byte) i);
            }
            Message message = new Message(topic, i % 3 == 0 ? null : "tag" + i % 5, round + "-key-" + i, body);
            message.putUserProperty("round", round);
            message.putUserProperty("ünï", "值 " + i);
            message.setFlag(i);
            messages.add(message);
        }
        return messages;
    }

    private static void consume(Context context, String topic, String group, int count) throws Exception {
        DefaultMQPullConsumer progress = context.pullConsumer(group);
        long done = 0;
        for (MessageQueue queue : context.queues(topic)) {
            done += Math.max(0, progress.fetchConsumeOffset(queue, true));
        }
        progress.shutdown();
        DefaultMQPushConsumer consumer = context.pushConsumer(group);
        consumer.subscribe(topic, "*");
        Inbox inbox = Inbox.of(consumer);
        int left = count - (int) done;
        inbox.await("unconsumed messages", received -> received.size() >= left);
        consumer.shutdown();
        equal(left, inbox.size(), "messages delivered, " + done + " being consumed before");
    }

    static void read(Context context) throws Exception {
        JSONObject expected = JSON.parseObject(Files.readString(file(context)));
        String topic = expected.getString("topic");
        Context.await("a route for " + topic, () -> !context.queues(topic).isEmpty());
        JSONObject found = JSON.parseObject(state(context, topic, expected.getString("group")).toJSONString());
        for (String part : expected.keySet()) {
            if (!"messages".equals(part)) {
                equal(expected.get(part), found.get(part), part);
            }
        }
        JSONArray before = expected.getJSONArray("messages");
        JSONArray now = found.getJSONArray("messages");
        equal(before.size(), now.size(), "messages");
        for (int i = 0; i < before.size(); i++) {
            equal(before.get(i), now.get(i), "message " + i);
        }
        queries(context, topic, before);
        context.output.put("messages", before.size());
        context.output.put("progress", found.get("progress"));
    }

    /** Everything about a topic and a group that a client can see. */
    private static JSONObject state(Context context, String topic, String group) throws Exception {
        JSONObject state = new JSONObject(true);
        state.put("topic", topic);
        state.put("group", group);
        JSONArray messages = new JSONArray();
        Map<String, String> ranges = new TreeMap<>();
        Map<String, Long> progress = new TreeMap<>();
        DefaultMQPullConsumer offsets = context.pullConsumer(group);
        for (MessageQueue queue : context.queues(topic)) {
            String id = Integer.toString(queue.getQueueId());
            ranges.put(id, offsets.minOffset(queue) + " to " + offsets.maxOffset(queue));
            progress.put(id, offsets.fetchConsumeOffset(queue, true));
            for (MessageExt message : context.read(queue)) {
                messages.add(described(message));
            }
        }
        offsets.shutdown();
        state.put("ranges", ranges);
        state.put("progress", progress);
        state.put("messages", messages);
        return state;
    }

    private static JSONObject described(MessageExt message) throws Exception {
        JSONObject described = new JSONObject(true);
        described.put("place", message.getQueueId() + "/" + message.getQueueOffset());
        described.put("physical offset", message.getCommitLogOffset());
        described.put("store size", message.getStoreSize());
        described.put("offset id", ((MessageClientExt) message).getOffsetMsgId());
        described.put("born", message.getBornTimestamp() + " " + message.getBornHost());
        described.put("stored", message.getStoreTimestamp() + " " + message.getStoreHost());
        described.put("flags", message.getFlag() + " " + message.getSysFlag() + " " + message.getReconsumeTimes());
        TreeMap<String, String> properties = new TreeMap<>(message.getProperties());
        // Added by the reader: ends of the queue at the time of the pull.
        properties.remove(MessageConst.PROPERTY_MIN_OFFSET);
        properties.remove(MessageConst.PROPERTY_MAX_OFFSET);
        described.put("properties", properties.toString());
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(message.getBody());
        described.put("body", message.getBody().length + " " + Base64.getEncoder().encodeToString(digest));
        return described;
    }

    /** The key index of the store answers for old and new messages. */
    private static void queries(Context context, String topic, JSONArray messages) throws Exception {
        DefaultMQProducer producer = context.producer();
        Set<String> rounds = new HashSet<>();
        for (Object message : messages) {
            String properties = ((JSONObject) message).getString("properties");
            if (properties.contains("round=")) {
                rounds.add(properties.replaceAll(".*round=([a-z0-9]+).*", "$1"));
            }
        }
        check(!rounds.isEmpty(), "no rounds in the messages");
        for (String round : rounds) {
            for (String key : Arrays.asList(round + "-key-0", round + "-key-199", round + "-batch-7", round + "-late-29")) {
                Context.await("key " + key, () -> {
                    try {
                        QueryResult found = producer.queryMessage(topic, key, 32, 0, System.currentTimeMillis() + 60_000);
                        return found.getMessageList().size() == 1 && found.getMessageList().get(0).getKeys().equals(key);
                    } catch (org.apache.rocketmq.client.exception.MQClientException e) {
                        return false;
                    }
                });
            }
        }
    }
}
