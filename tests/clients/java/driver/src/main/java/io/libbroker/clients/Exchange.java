package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.check;
import static io.libbroker.clients.Context.equal;
import static io.libbroker.clients.Context.text;

import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** The messages of {@code tests/scenarios/messages.json}, sent by every language and received by every language. */
final class Exchange {
    private Exchange() {
    }

    private static JSONArray messages(Context context) throws Exception {
        return JSON.parseArray(Files.readString(Path.of(context.arguments.getString("messages"))));
    }

    private static String body(JSONObject message) {
        return message.getString("body").repeat(message.containsKey("repeat") ? message.getIntValue("repeat") : 1);
    }

    static void send(Context context) throws Exception {
        DefaultMQProducer producer = context.producer();
        for (Object each : messages(context)) {
            JSONObject entry = (JSONObject) each;
            Message message = new Message(
                context.arguments.getString("topic"), entry.getString("tag"), "java-" + entry.getString("name"),
                bytes(body(entry)));
            message.putUserProperty("from", "java");
            entry.getJSONObject("properties").forEach((name, value) -> message.putUserProperty(name, (String) value));
            SendResult result = producer.send(message);
            equal(SendStatus.SEND_OK, result.getSendStatus(), "status");
        }
    }

    static void receive(Context context) throws Exception {
        Map<String, JSONObject> expected = new HashMap<>();
        for (Object from : context.arguments.getJSONArray("from")) {
            for (Object each : messages(context)) {
                expected.put(from + "-" + ((JSONObject) each).getString("name"), (JSONObject) each);
            }
        }
        DefaultMQPushConsumer consumer = context.pushConsumer("java-receivers");
        consumer.subscribe(context.arguments.getString("topic"), "*");
        Inbox inbox = Inbox.of(consumer);
        inbox.await("all messages", received -> keys(received).containsAll(expected.keySet()));
        equal(expected.keySet(), keys(inbox), "keys");
        for (MessageExt message : inbox.all()) {
            JSONObject entry = expected.get(message.getKeys());
            String from = message.getUserProperty("from");
            check(message.getKeys().startsWith(from + "-"), "property from of %s: %s", message.getKeys(), from);
            equal(body(entry), text(message.getBody()), "body of " + message.getKeys());
            equal(entry.getString("tag"), message.getTags(), "tag of " + message.getKeys());
            entry.getJSONObject("properties").forEach((name, value) ->
                equal(value, message.getUserProperty(name), "property " + name + " of " + message.getKeys()));
        }
        context.output.put("received", inbox.size());
    }

    private static Set<String> keys(Inbox inbox) {
        Set<String> keys = new TreeSet<>();
        inbox.all().forEach(message -> keys.add(message.getKeys()));
        return keys;
    }
}
