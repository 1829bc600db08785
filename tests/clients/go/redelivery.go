package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// delays sends to levels 1 and 2 of "1s 5s 10s ..." and at once; none may come early.
func delays(namesrv string, given arguments) map[string]any {
	receiver, received := startConsumer(namesrv, "go-delays", given.Topic, consumer.MessageSelector{})
	defer func() { must(receiver.Shutdown(), "stop of the consumer") }()
	sender := startProducer(namesrv, "go-delays-sender")
	defer func() { must(sender.Shutdown(), "stop of the producer") }()

	least := map[string]int64{"level 2": 5000, "level 1": 1000, "level 0": 0}
	wanted := map[string]bool{}
	for level := 2; level >= 0; level-- {
		text := fmt.Sprintf("level %d", level)
		message := primitive.NewMessage(given.Topic, []byte(text))
		if level > 0 {
			message.WithDelayTimeLevel(level)
		}
		_, err := sender.SendSync(context.Background(), message)
		must(err, text)
		wanted[text] = true
	}
	received.awaitAll(wanted, body)
	for _, message := range received.all() {
		waited := message.StoreTimestamp - message.BornTimestamp
		check(waited >= least[body(message)], "%s came after %d ms", body(message), waited)
		check(message.Topic == given.Topic, "topic shown to the listener: %s", message.Topic)
	}
	return nil
}

// retries refuses a message for ever: it comes as often as the group allows, then it is a dead letter.
func retries(namesrv string, given arguments) map[string]any {
	const most = 2
	refuse := func(state context.Context, message *primitive.MessageExt) consumer.ConsumeResult {
		if body(message) == "good" {
			return consumer.ConsumeSuccess
		}
		concurrently, known := primitive.GetConcurrentlyCtx(state)
		check(known, "the listener has no context")
		concurrently.DelayLevelWhenNextConsume = 1
		return consumer.ConsumeRetryLater
	}
	group := "go-retries"
	receiver, deliveries := startListener(namesrv, group, given.Topic, consumer.MessageSelector{}, refuse,
		consumer.WithMaxReconsumeTimes(most))
	defer func() { must(receiver.Shutdown(), "stop of the consumer") }()
	sender := startProducer(namesrv, "go-retries-sender")
	defer func() { must(sender.Shutdown(), "stop of the producer") }()
	for _, text := range []string{"bad", "good"} {
		message := primitive.NewMessage(given.Topic, []byte(text))
		message.WithKeys([]string{"key of " + text})
		_, err := sender.SendSync(context.Background(), message)
		must(err, text)
	}
	times := func(message *primitive.MessageExt) string {
		return fmt.Sprintf("%s %d", body(message), message.ReconsumeTimes)
	}
	deliveries.awaitAll(map[string]bool{"bad 0": true, "bad 1": true, "bad 2": true, "good 0": true}, times)

	dead := "%DLQ%" + group
	awaitTopic(namesrv, dead)
	letters, received := startConsumer(namesrv, "go-letters", dead, consumer.MessageSelector{})
	defer func() { must(letters.Shutdown(), "stop of the consumer") }()
	received.awaitAll(map[string]bool{"bad": true}, body)
	letter := received.all()[0]
	check(letter.GetKeys() == "key of bad", "keys of the dead letter: %s", letter.GetKeys())
	return nil
}

// awaitTopic waits until the NameServer knows a topic: consumers of this client do not start before.
func awaitTopic(namesrv, topic string) {
	tool, err := admin.NewAdmin(admin.WithResolver(primitive.NewPassthroughResolver([]string{namesrv})))
	must(err, "admin")
	defer func() { must(tool.Close(), "stop of the admin") }()
	for deadline := time.Now().Add(long); ; time.Sleep(100 * time.Millisecond) {
		all, err := tool.FetchAllTopicList(context.Background())
		must(err, "list of topics")
		for _, name := range all.TopicList {
			if name == topic {
				return
			}
		}
		check(time.Now().Before(deadline), "%s did not come into being", topic)
	}
}

// orderly consumes what was sent per key in its order, one queue at a time, over a failure in the middle.
func orderly(namesrv string, given arguments) map[string]any {
	const keys, each = 5, 20
	var lock sync.Mutex
	failed := false
	next := map[string]int{}
	listen := func(_ context.Context, message *primitive.MessageExt) consumer.ConsumeResult {
		lock.Lock()
		defer lock.Unlock()
		var key, number int
		_, err := fmt.Sscanf(body(message), "key %d number %d", &key, &number)
		must(err, "a body")
		if key == 1 && number == each/2 && !failed {
			failed = true
			return consumer.SuspendCurrentQueueAMoment
		}
		name := fmt.Sprint(key)
		check(number <= next[name], "key %d: number %d came before %d", key, number, next[name])
		if number == next[name] {
			next[name]++
		}
		return consumer.ConsumeSuccess
	}
	receiver, received := startListener(namesrv, "go-orderly", given.Topic, consumer.MessageSelector{}, listen,
		consumer.WithConsumerOrder(true))
	defer func() { must(receiver.Shutdown(), "stop of the consumer") }()
	sender := startProducer(namesrv, "go-orderly-sender", producer.WithQueueSelector(producer.NewHashQueueSelector()))
	defer func() { must(sender.Shutdown(), "stop of the producer") }()

	wanted := map[string]bool{}
	for number := 0; number < each; number++ {
		for key := 0; key < keys; key++ {
			text := fmt.Sprintf("key %d number %d", key, number)
			message := primitive.NewMessage(given.Topic, []byte(text))
			message.WithShardingKey(fmt.Sprint(key))
			_, err := sender.SendSync(context.Background(), message)
			must(err, text)
			wanted[text] = true
		}
	}
	received.awaitAll(wanted, body)
	lock.Lock()
	defer lock.Unlock()
	check(failed, "the message that is refused once did not come")
	return nil
}
