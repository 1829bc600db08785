package io.libbroker.clients;

import static io.libbroker.clients.Context.bytes;
import static io.libbroker.clients.Context.check;
import static io.libbroker.clients.Context.equal;
import static io.libbroker.clients.Context.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullCallback;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Consumers that decide themselves what to read. */
final class Pulls {
    private Pulls() {
    }

    static void pull(Context context) throws Exception {
        String topic = context.topic("topic", 1);
        String group = context.name("group");
        DefaultMQProducer producer = context.producer();
        DefaultMQPullConsumer consumer = context.pullConsumer(group);
        MessageQueue queue = context.queues(topic).iterator().next();
        equal(0L, consumer.minOffset(queue), "first offset of an empty queue");
        equal(0L, consumer.maxOffset(queue), "next offset of an empty queue");
        equal(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", 0, 32).getPullStatus(), "pull from an empty queue");

        for (int i = 0; i < 100; i++) {
            producer.send(new Message(topic, i % 2 == 0 ? "even" : "odd", "", bytes("body " + i)));
        }
        Context.await("100 messages", () -> consumer.maxOffset(queue) == 100);
        PullResult found = consumer.pull(queue, "*", 10, 7);
        equal(PullStatus.FOUND, found.getPullStatus(), "pull");
        equal(7, found.getMsgFoundList().size(), "messages of a pull of 7");
        equal("body 10", text(found.getMsgFoundList().get(0).getBody()), "first body");
        equal(17L, found.getNextBeginOffset(), "next offset");
        equal(0L, found.getMinOffset(), "smallest offset in the answer");
        equal(100L, found.getMaxOffset(), "largest offset in the answer");
        PullResult odd = consumer.pull(queue, "odd", 0, 10);
        equal("body 1", text(odd.getMsgFoundList().get(0).getBody()), "first with the tag");
        equal(10, odd.getMsgFoundList().size(), "messages with the tag");

        // At the end, beyond it, and far beyond it.
        equal(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", 100, 32).getPullStatus(), "pull at the end");
        PullResult beyond = consumer.pull(queue, "*", 5000, 32);
        equal(PullStatus.OFFSET_ILLEGAL, beyond.getPullStatus(), "pull beyond the end");
        equal(100L, beyond.getNextBeginOffset(), "where the broker sends a reader that is beyond the end");

        blocking(consumer, producer, queue);
        asynchronous(consumer, queue);
        offsets(consumer, queue);
        byTime(consumer, queue);
    }

    /** A pull that waits is answered by the next message. */
    private static void blocking(DefaultMQPullConsumer consumer, DefaultMQProducer producer, MessageQueue queue)
        throws Exception {
        CompletableFuture<PullResult> waiting = CompletableFuture.supplyAsync(() -> {
            try {
                return consumer.pullBlockIfNotFound(queue, "*", 100, 32);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        Thread.sleep(300);
        check(!waiting.isDone(), "a blocking pull at the end came back at once: %s", waiting);
        producer.send(new Message(queue.getTopic(), bytes("woken")));
        PullResult woken = waiting.get(5, TimeUnit.SECONDS);
        equal(PullStatus.FOUND, woken.getPullStatus(), "blocking pull");
        equal("woken", text(woken.getMsgFoundList().get(0).getBody()), "body of a blocking pull");
    }

    private static void asynchronous(DefaultMQPullConsumer consumer, MessageQueue queue) throws Exception {
        CompletableFuture<PullResult> answer = new CompletableFuture<>();
        consumer.pull(queue, "*", 50, 3, new PullCallback() {
            @Override
            public void onSuccess(PullResult result) {
                answer.complete(result);
            }

            @Override
            public void onException(Throwable e) {
                answer.completeExceptionally(e);
            }
        });
        equal(3, answer.get(10, TimeUnit.SECONDS).getMsgFoundList().size(), "messages of an asynchronous pull");
    }

    private static void offsets(DefaultMQPullConsumer consumer, MessageQueue queue) throws Exception {
        consumer.updateConsumeOffset(queue, 42);
        consumer.getDefaultMQPullConsumerImpl().getOffsetStore().persist(queue);
        // The commit is one-way.
        Context.await("the offset is committed", () -> consumer.fetchConsumeOffset(queue, true) == 42);
    }

    private static void byTime(DefaultMQPullConsumer consumer, MessageQueue queue) throws Exception {
        List<MessageExt> all = new ArrayList<>();
        for (long offset = 0; offset < 101; offset = all.size()) {
            all.addAll(consumer.pull(queue, "*", offset, 32).getMsgFoundList());
        }
        equal(0L, consumer.searchOffset(queue, 0), "offset at the beginning of time");
        long middle = all.get(60).getStoreTimestamp();
        long found = consumer.searchOffset(queue, middle);
        // Several messages can share a millisecond; the first of them is meant.
        long first = all.stream().filter(message -> message.getStoreTimestamp() >= middle).findFirst().orElseThrow()
            .getQueueOffset();
        long last = all.stream().filter(message -> message.getStoreTimestamp() <= middle)
            .reduce((one, other) -> other).orElseThrow().getQueueOffset();
        check(first <= found && found <= last, "offset at a time: %s not in %s to %s", found, first, last);
        check(consumer.earliestMsgStoreTime(queue) == all.get(0).getStoreTimestamp(), "time of the first message");
    }

    static void litePull(Context context) throws Exception {
        String topic = context.topic("topic", 4);
        String group = context.name("group");
        DefaultMQProducer producer = context.producer();
        Set<String> sent = new HashSet<>();
        for (int i = 0; i < 100; i++) {
            producer.send(new Message(topic, bytes("body " + i)));
            sent.add("body " + i);
        }
        DefaultLitePullConsumer subscriber = context.litePullConsumer(group);
        subscriber.subscribe(topic, "*");
        subscriber.start();
        Set<String> received = new HashSet<>();
        Context.await("all are polled", () -> {
            subscriber.poll(1000).forEach(message -> received.add(text(message.getBody())));
            return received.size() == sent.size();
        });
        equal(sent, received, "bodies");
        subscriber.commitSync();
        subscriber.shutdown();

        // A second consumer of the group, with queues chosen by hand, finds the committed offsets.
        DefaultLitePullConsumer assigned = context.litePullConsumer(group);
        assigned.start();
        List<MessageQueue> queues = new ArrayList<>(assigned.fetchMessageQueues(topic));
        Collections.sort(queues);
        long total = 0;
        for (MessageQueue queue : queues) {
            total += assigned.committed(queue);
        }
        equal(100L, total, "committed in all queues");
        MessageQueue queue = queues.get(0);
        assigned.assign(Arrays.asList(queue));
        assigned.seek(queue, 3);
        List<MessageExt> after = new ArrayList<>();
        Context.await("messages behind a seek", () -> after.addAll(assigned.poll(1000)) && after.size() > 0);
        equal(3L, after.get(0).getQueueOffset(), "first offset behind a seek");
    }
}
