package io.libbroker.clients;

import com.alibaba.fastjson.JSONObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.route.BrokerData;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What a scenario works with: clients that are closed at its end, names of its own, and checks. */
final class Context implements AutoCloseable {
    /** Longer than anything takes that works, also on a busy machine. */
    static final Duration LONG = Duration.ofSeconds(60);

    private static final AtomicInteger INSTANCES = new AtomicInteger();
    private static final BufferedReader STDIN =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    final String namesrv;
    final JSONObject arguments;
    /** Goes back to the test. */
    final JSONObject output = new JSONObject(true);
    private final String scenario;
    private final String run = Long.toString(System.nanoTime(), 36);
    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private DefaultMQAdminExt admin;
    private DefaultMQPullConsumer reader;

    Context(String namesrv, String scenario, JSONObject arguments) {
        this.namesrv = namesrv;
        this.scenario = scenario;
        this.arguments = arguments;
    }

    static synchronized void print(JSONObject record) {
        System.out.println(record.toJSONString());
        System.out.flush();
    }

    /** A topic or group name that nothing else uses, also when the scenario runs twice on one broker. */
    String name(String purpose) {
        return scenario + "_" + purpose + "_" + run;
    }

    // ---- clients ----

    private <C extends ClientConfig> C quick(C client) {
        client.setNamesrvAddr(namesrv);
        client.setInstanceName("i" + INSTANCES.incrementAndGet());
        client.setPollNameServerInterval(1000);
        client.setHeartbeatBrokerInterval(1000);
        client.setPersistConsumerOffsetInterval(500);
        return client;
    }

    /** A started producer. */
    DefaultMQProducer producer() throws Exception {
        DefaultMQProducer producer = quick(new DefaultMQProducer(name("producers")));
        producer.setSendMsgTimeout(10_000);
        producer.start();
        closeAtEnd(producer::shutdown);
        return producer;
    }

    /** A producer of transactions, not started: it needs its listener first. */
    TransactionMQProducer transactionProducer() {
        TransactionMQProducer producer = quick(new TransactionMQProducer(name("transactions")));
        producer.setSendMsgTimeout(10_000);
        closeAtEnd(producer::shutdown);
        return producer;
    }

    /** A push consumer that begins at the first message, not started. */
    DefaultMQPushConsumer pushConsumer(String group) {
        DefaultMQPushConsumer consumer = quick(new DefaultMQPushConsumer(group));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(4);
        consumer.setConsumeThreadMax(4);
        closeAtEnd(consumer::shutdown);
        return consumer;
    }

    /** A started pull consumer. */
    DefaultMQPullConsumer pullConsumer(String group) throws Exception {
        DefaultMQPullConsumer consumer = quick(new DefaultMQPullConsumer(group));
        consumer.start();
        closeAtEnd(consumer::shutdown);
        return consumer;
    }

    /** A lite pull consumer, not started, that does not commit by itself. */
    DefaultLitePullConsumer litePullConsumer(String group) {
        DefaultLitePullConsumer consumer = quick(new DefaultLitePullConsumer(group));
        consumer.setAutoCommit(false);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        closeAtEnd(consumer::shutdown);
        return consumer;
    }

    /** The admin client. */
    DefaultMQAdminExt admin() throws Exception {
        if (admin == null) {
            admin = quick(new DefaultMQAdminExt());
            admin.start();
            closeAtEnd(admin::shutdown);
        }
        return admin;
    }

    void closeAtEnd(AutoCloseable closeable) {
        open.push(closeable);
    }

    @Override
    public void close() {
        while (!open.isEmpty()) {
            try {
                open.pop().close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }
    }

    // ---- topics and queues ----

    /** Makes a topic of so many queues and waits until the NameServer knows it. */
    String topic(String purpose, int queues) throws Exception {
        String topic = name(purpose);
        for (BrokerData broker : admin().examineBrokerClusterInfo().getBrokerAddrTable().values()) {
            admin().createAndUpdateTopicConfig(broker.selectBrokerAddr(), new TopicConfig(topic, queues, queues, 6));
        }
        await("a route for " + topic, () -> queues(topic).size() == queues);
        return topic;
    }

    /** The queues of a topic, in order; none while the NameServer has no route. */
    Set<MessageQueue> queues(String topic) throws Exception {
        try {
            return new TreeSet<>(reader().fetchSubscribeMessageQueues(topic));
        } catch (org.apache.rocketmq.client.exception.MQClientException e) {
            return Set.of();
        }
    }

    private DefaultMQPullConsumer reader() throws Exception {
        if (reader == null) {
            reader = pullConsumer(name("readers"));
        }
        return reader;
    }

    /** Every message of a queue. */
    List<MessageExt> read(MessageQueue queue) throws Exception {
        List<MessageExt> messages = new ArrayList<>();
        long end = reader().maxOffset(queue);
        for (long offset = reader().minOffset(queue); offset < end; ) {
            PullResult result = reader().pull(queue, "*", offset, 32);
            check(result.getPullStatus() == PullStatus.FOUND, "at %s offset %s of %s: %s", queue, offset, end, result);
            for (MessageExt message : result.getMsgFoundList()) {
                equal(offset++, message.getQueueOffset(), "queue offset");
                messages.add(message);
            }
            equal(offset, result.getNextBeginOffset(), "next offset");
        }
        return messages;
    }

    /** Every message of a topic, of which there must be so many: readers may see a message a moment after its answer. */
    List<MessageExt> readAll(String topic, int count) throws Exception {
        await(count + " messages in " + topic, () -> total(topic) >= count);
        List<MessageExt> messages = new ArrayList<>();
        for (MessageQueue queue : queues(topic)) {
            messages.addAll(read(queue));
        }
        equal(count, messages.size(), "messages in " + topic);
        return messages;
    }

    /** How many messages the queues of a topic hold. */
    int total(String topic) throws Exception {
        long total = 0;
        for (MessageQueue queue : queues(topic)) {
            total += reader().maxOffset(queue) - reader().minOffset(queue);
        }
        return (int) total;
    }

    // ---- checks ----

    static void check(boolean holds, String format, Object... values) {
        if (!holds) {
            throw new Failure(String.format(format, values));
        }
    }

    static void equal(Object expected, Object found, String what) {
        check(Objects.equals(expected, found), "%s: expected %s, found %s", what, expected, found);
    }

    /** For states that nobody announces: asks until it holds. */
    static void await(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (!condition.call()) {
            check(System.nanoTime() < deadline, "%s: not within %s", what, LONG);
            Thread.sleep(20);
        }
    }

    /** Tells the test that something happened, and waits until it lets us go on. */
    void event(String name) throws IOException {
        JSONObject record = new JSONObject(true);
        record.put("event", name);
        print(record);
        equal("go", STDIN.readLine(), "answer to " + name);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
