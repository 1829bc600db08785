package main

import (
	"context"
	"strings"
	"sync"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// decisions decides at once what the body says, and the rest when the broker asks.
type decisions struct {
	lock  sync.Mutex
	asked map[string]int
}

func (d *decisions) ExecuteLocalTransaction(message *primitive.Message) primitive.LocalTransactionState {
	return decision(string(message.Body))
}

func (d *decisions) CheckLocalTransaction(message *primitive.MessageExt) primitive.LocalTransactionState {
	text := body(message)
	d.lock.Lock()
	d.asked[text]++
	d.lock.Unlock()
	return decision(strings.TrimPrefix(text, "later "))
}

func (d *decisions) questions(text string) int {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.asked[text]
}

func decision(text string) primitive.LocalTransactionState {
	switch {
	case strings.HasPrefix(text, "commit"):
		return primitive.CommitMessageState
	case strings.HasPrefix(text, "rollback"):
		return primitive.RollbackMessageState
	default:
		return primitive.UnknowState
	}
}

// transactions commits and rolls back, at once and when asked.
func transactions(namesrv string, given arguments) map[string]any {
	made := &decisions{asked: map[string]int{}}
	sender, err := rocketmq.NewTransactionProducer(made,
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{namesrv})),
		producer.WithGroupName("go-transactions"),
		producer.WithInstanceName("go-transactions"),
	)
	must(err, "producer")
	must(sender.Start(), "start of the producer")
	defer func() { must(sender.Shutdown(), "stop of the producer") }()
	// At once: the first heartbeat, a second after the start, goes to the brokers that are known by then, the next 30 s later.
	for _, text := range []string{"rollback", "later rollback", "commit", "later commit"} {
		result, err := sender.SendMessageInTransaction(context.Background(), primitive.NewMessage(given.Topic, []byte(text)))
		must(err, "send of "+text)
		check(result.Status == primitive.SendOK, "send of %s: %s", text, result)
	}
	receiver, received := startConsumer(namesrv, "go-transaction-receivers", given.Topic, consumer.MessageSelector{})
	defer func() { must(receiver.Shutdown(), "stop of the consumer") }()
	received.awaitAll(map[string]bool{"commit": true, "later commit": true}, body)
	check(made.questions("later commit") > 0, "nobody asked about the later commit")
	check(made.questions("commit") == 0 && made.questions("rollback") == 0, "needless questions: %v", made.asked)
	return map[string]any{"received": len(received.all())}
}
