package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.check;
import static io.libbroker.clients.Context.equal;
import static io.libbroker.clients.Context.text;

import java.util.Arrays;
import java.util.Set;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages that come later, or again. */
final class Redelivery {
    private Redelivery() {
    }

    /** A message that is always refused comes back as often as the group allows and ends in the dead letter topic. */
    static void retryAndDeadLetter(Context context) throws Exception {
        String topic = context.topic("topic", 1);
        String group = context.name("group");
        DefaultMQProducer producer = context.producer();
        DefaultMQPushConsumer consumer = context.pushConsumer(group);
        consumer.setMaxReconsumeTimes(2);
        consumer.subscribe(topic, "*");
        Inbox refused = new Inbox();
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, state) -> {
            state.setDelayLevelWhenNextConsume(1);
            refused.add(messages);
            return text(messages.get(0).getBody()).equals("good")
                ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS : ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        SendResult sent = producer.send(new Message(topic, "tag", "bad-key", bytes("bad")));
        producer.send(new Message(topic, "tag", "good-key", bytes("good")));

        refused.await("first delivery and two more", inbox -> inbox.all().stream()
            .filter(message -> text(message.getBody()).equals("bad")).count() == 3);
        String dead = MixAll.getDLQTopic(group);
        Context.await("a route for " + dead, () -> !context.queues(dead).isEmpty());
        MessageExt letter = context.readAll(dead, 1).get(0);
        equal("bad", text(letter.getBody()), "body of the dead letter");
        equal("bad-key", letter.getKeys(), "keys of the dead letter");
        equal(topic, letter.getProperty(MessageConst.PROPERTY_RETRY_TOPIC), "its topic");
        equal(sent.getOffsetMsgId(), letter.getProperty(MessageConst.PROPERTY_ORIGIN_MESSAGE_ID), "its first id");

        int deliveries = 0;
        for (MessageExt message : refused.all()) {
            equal(topic, message.getTopic(), "topic shown to the listener");
            if (text(message.getBody()).equals("bad")) {
                equal(deliveries++, message.getReconsumeTimes(), "times it was delivered before");
            } else {
                equal(0, message.getReconsumeTimes(), "times the good one was delivered before");
            }
        }
        equal(3, deliveries, "deliveries");
    }

    static void delayLevels(Context context) throws Exception {
        String topic = context.topic("topic", 1);
        DefaultMQProducer producer = context.producer();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("group"));
        consumer.subscribe(topic, "*");
        Inbox inbox = Inbox.of(consumer);
        // Levels 1 and 2 of "1s 5s 10s …".
        for (int level : Arrays.asList(2, 1, 0)) {
            Message message = new Message(topic, "tag" + level, "key" + level, bytes("level " + level));
            message.setDelayTimeLevel(level);
            producer.send(message);
        }
        inbox.awaitBodies(Set.of("level 0", "level 1", "level 2"));
        long[] least = {0, 1000, 5000};
        for (MessageExt message : inbox.all()) {
            int level = Integer.parseInt(text(message.getBody()).substring("level ".length()));
            long delay = message.getStoreTimestamp() - message.getBornTimestamp();
            check(delay >= least[level] - 50, "level %s came after %s ms", level, delay);
            check(delay < least[level] + 3000, "level %s came after %s ms", level, delay);
            equal("tag" + level, message.getTags(), "tags");
            equal("key" + level, message.getKeys(), "keys");
            equal(topic, message.getTopic(), "topic");
        }
        equal("level 0", text(inbox.all().get(0).getBody()), "first");
        equal("level 2", text(inbox.all().get(2).getBody()), "last");
    }
}
