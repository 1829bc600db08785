package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// Longer than anything takes that works, also on a busy machine. The client rebalances every 20 s.
const long = 90 * time.Second

func startProducer(namesrv, group string, options ...producer.Option) rocketmq.Producer {
	options = append([]producer.Option{
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{namesrv})),
		producer.WithGroupName(group),
		producer.WithInstanceName(group),
		producer.WithSendMsgTimeout(10 * time.Second),
		producer.WithRetry(2),
	}, options...)
	started, err := rocketmq.NewProducer(options...)
	must(err, "producer")
	must(started.Start(), "start of the producer")
	return started
}

// inbox collects what a consumer receives.
type inbox struct {
	lock     sync.Mutex
	messages []*primitive.MessageExt
	arrived  chan struct{}
}

func startConsumer(namesrv, group, topic string, selector consumer.MessageSelector) (rocketmq.PushConsumer, *inbox) {
	accept := func(context.Context, *primitive.MessageExt) consumer.ConsumeResult { return consumer.ConsumeSuccess }
	return startListener(namesrv, group, topic, selector, accept)
}

// listener says what becomes of a message.
type listener func(context.Context, *primitive.MessageExt) consumer.ConsumeResult

func startListener(
	namesrv, group, topic string, selector consumer.MessageSelector, listen listener, options ...consumer.Option,
) (rocketmq.PushConsumer, *inbox) {
	options = append([]consumer.Option{
		consumer.WithNsResolver(primitive.NewPassthroughResolver([]string{namesrv})),
		consumer.WithGroupName(group),
		consumer.WithInstance(group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}, options...)
	started, err := rocketmq.NewPushConsumer(options...)
	must(err, "consumer")
	received := &inbox{arrived: make(chan struct{}, 1)}
	err = started.Subscribe(topic, selector,
		func(state context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			received.add(messages)
			for _, message := range messages {
				if outcome := listen(state, message); outcome != consumer.ConsumeSuccess {
					return outcome, nil
				}
			}
			return consumer.ConsumeSuccess, nil
		})
	must(err, "subscription")
	must(started.Start(), "start of the consumer")
	return started, received
}

func (in *inbox) add(messages []*primitive.MessageExt) {
	in.lock.Lock()
	in.messages = append(in.messages, messages...)
	in.lock.Unlock()
	select {
	case in.arrived <- struct{}{}:
	default:
	}
}

func (in *inbox) all() []*primitive.MessageExt {
	in.lock.Lock()
	defer in.lock.Unlock()
	return append([]*primitive.MessageExt(nil), in.messages...)
}

// awaitAll waits until exactly the wanted names have come, each at least once; name gives the name of a message.
func (in *inbox) awaitAll(wanted map[string]bool, name func(*primitive.MessageExt) string) {
	deadline := time.After(long)
	for {
		missing := len(wanted)
		seen := map[string]bool{}
		for _, message := range in.all() {
			found := name(message)
			check(wanted[found], "received %q, which was not sent", found)
			if !seen[found] {
				seen[found] = true
				missing--
			}
		}
		if missing == 0 {
			return
		}
		select {
		case <-in.arrived:
		case <-deadline:
			panic(fmt.Sprintf("%d of %d messages are missing after %s", missing, len(wanted), long))
		}
	}
}

func body(message *primitive.MessageExt) string {
	return string(message.Body)
}

// sendKinds sends in every way the client knows and consumes with and without a tag.
func sendKinds(namesrv string, given arguments) map[string]any {
	all, everything := startConsumer(namesrv, "go-all", given.Topic, consumer.MessageSelector{})
	defer func() { must(all.Shutdown(), "stop of the consumer") }()
	tag := consumer.MessageSelector{Type: consumer.TAG, Expression: "even || none"}
	some, tagged := startConsumer(namesrv, "go-tagged", given.Topic, tag)
	defer func() { must(some.Shutdown(), "stop of the consumer") }()
	sender := startProducer(namesrv, "go-sender")
	defer func() { must(sender.Shutdown(), "stop of the producer") }()

	sent := map[string]bool{}
	even := map[string]bool{}
	message := func(kind string, number int) *primitive.Message {
		text := fmt.Sprintf("%s %d", kind, number)
		made := primitive.NewMessage(given.Topic, []byte(text))
		made.WithKeys([]string{text})
		sent[text] = true
		if number%2 == 0 {
			made.WithTag("even")
			even[text] = true
		} else {
			made.WithTag("odd")
		}
		return made
	}

	for i := 0; i < 20; i++ {
		result, err := sender.SendSync(context.Background(), message("sync", i))
		must(err, "sync send")
		check(result.Status == primitive.SendOK, "sync send: %s", result)
	}
	var answers sync.WaitGroup
	var lock sync.Mutex
	var failures []string
	for i := 0; i < 50; i++ {
		answers.Add(1)
		done := func(_ context.Context, result *primitive.SendResult, err error) {
			defer answers.Done()
			if err != nil || result.Status != primitive.SendOK {
				lock.Lock()
				failures = append(failures, fmt.Sprint(result, err))
				lock.Unlock()
			}
		}
		must(sender.SendAsync(context.Background(), done, message("async", i)), "async send")
	}
	answers.Wait()
	check(len(failures) == 0, "async sends: %s", strings.Join(failures, "; "))
	for i := 0; i < 20; i++ {
		must(sender.SendOneWay(context.Background(), message("oneway", i)), "oneway send")
	}
	var batch []*primitive.Message
	for i := 0; i < 10; i++ {
		batch = append(batch, message("batch", i))
	}
	result, err := sender.SendSync(context.Background(), batch...)
	must(err, "batch send")
	check(result.Status == primitive.SendOK, "batch send: %s", result)

	everything.awaitAll(sent, body)
	tagged.awaitAll(even, body)
	return map[string]any{"sent": len(sent)}
}

// entry is one of the messages every language sends and receives.
type entry struct {
	Name       string            `json:"name"`
	Tag        string            `json:"tag"`
	Properties map[string]string `json:"properties"`
	Body       string            `json:"body"`
	Repeat     int               `json:"repeat"`
}

func (e entry) text() string {
	return strings.Repeat(e.Body, max(1, e.Repeat))
}

func entries(given arguments) []entry {
	text, err := os.ReadFile(given.Messages)
	must(err, "list of messages")
	var read []entry
	must(json.Unmarshal(text, &read), "list of messages")
	return read
}

func exchangeSend(namesrv string, given arguments) map[string]any {
	sender := startProducer(namesrv, "go-exchange")
	defer func() { must(sender.Shutdown(), "stop of the producer") }()
	for _, each := range entries(given) {
		message := primitive.NewMessage(given.Topic, []byte(each.text()))
		message.WithKeys([]string{"go-" + each.Name})
		message.WithTag(each.Tag)
		message.WithProperty("from", "go")
		for name, value := range each.Properties {
			message.WithProperty(name, value)
		}
		result, err := sender.SendSync(context.Background(), message)
		must(err, "send of "+each.Name)
		check(result.Status == primitive.SendOK, "send of %s: %s", each.Name, result)
	}
	return nil
}

func exchangeReceive(namesrv string, given arguments) map[string]any {
	expected := map[string]entry{}
	keys := map[string]bool{}
	for _, from := range given.From {
		for _, each := range entries(given) {
			expected[from+"-"+each.Name] = each
			keys[from+"-"+each.Name] = true
		}
	}
	receiver, received := startConsumer(namesrv, "go-receivers", given.Topic, consumer.MessageSelector{})
	defer func() { must(receiver.Shutdown(), "stop of the consumer") }()
	received.awaitAll(keys, func(message *primitive.MessageExt) string { return message.GetKeys() })
	for _, message := range received.all() {
		key := message.GetKeys()
		from := message.GetProperty("from")
		check(strings.HasPrefix(key, from+"-"), "property from of %s: %q", key, from)
		check(body(message) == expected[key].text(), "body of %s: %d bytes", key, len(message.Body))
		check(message.GetTags() == expected[key].Tag, "tag of %s: %q", key, message.GetTags())
		for name, value := range expected[key].Properties {
			check(message.GetProperty(name) == value, "property %s of %s: %q", name, key, message.GetProperty(name))
		}
	}
	return map[string]any{"received": len(received.all())}
}
