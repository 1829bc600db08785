/* Sends, reads and consumes inside the process. */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "broker.h"
#include "check.h"
#include "brokers.h"

static void a_message_comes_back_as_it_was_sent(void) {
    static const char body[] = {'a', '\0', 'b', (char)0xff};
    broker_property_t properties[] = {{"colour", "blue"}, {"Größe", "groß"}};
    broker_t *broker = started(NULL);
    broker_messages_t *list = NULL;
    const broker_message_view_t *view;
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_send_result_t result = BROKER_SEND_RESULT_INIT;
    message.topic = "orders";
    message.body = body;
    message.body_length = sizeof body;
    message.tags = "A";
    message.keys = "k1 k2";
    message.properties = properties;
    message.property_count = 2;
    message.queue = 3;
    CHECK_STATUS(broker_create_topic(broker, "orders", 4), BROKER_STATUS_OK);
    CHECK_STATUS(broker_send(broker, &message, &result), BROKER_STATUS_OK);
    CHECK(result.size == sizeof result && result.status == BROKER_SEND_OK);
    CHECK(result.queue_id == 3 && result.queue_offset == 0);
    CHECK(strlen(result.msg_id) == 32 && strlen(result.offset_msg_id) == 32);

    CHECK_STATUS(broker_pull(broker, "orders", 3, 0, 32, 0, &list), BROKER_STATUS_OK);
    CHECK(broker_messages_count(list) == 1);
    CHECK(broker_messages_next_offset(list) == 1);
    CHECK(broker_messages_min_offset(list) == 0 && broker_messages_max_offset(list) == 1);
    CHECK(broker_messages_at(list, 1) == NULL);
    view = broker_messages_at(list, 0);
    CHECK(view != NULL);
    if (view != NULL) {
        const char *colour = broker_message_property(view, "colour");
        const char *size = broker_message_property(view, "Größe");
        CHECK(view->size == sizeof *view);
        CHECK(view->body_length == sizeof body && memcmp(view->body, body, sizeof body) == 0);
        CHECK(strcmp(view->topic, "orders") == 0 && strcmp(view->tags, "A") == 0);
        CHECK(strcmp(view->keys, "k1 k2") == 0 && strcmp(view->msg_id, result.msg_id) == 0);
        CHECK(strcmp(view->offset_msg_id, result.offset_msg_id) == 0);
        CHECK(view->queue_id == 3 && view->queue_offset == 0 && view->reconsume_times == 0);
        CHECK(view->born_timestamp_ms > 0 && view->store_timestamp_ms >= view->born_timestamp_ms);
        CHECK(strchr(view->born_host, ':') != NULL);
        CHECK(colour != NULL && strcmp(colour, "blue") == 0);
        CHECK(size != NULL && strcmp(size, "groß") == 0);
        CHECK(broker_message_property(view, "none") == NULL);
        CHECK(view->property_count >= 2);
    }
    ended(&broker);
    CHECK(view != NULL && strcmp(view->topic, "orders") == 0); /* a list outlives the broker */
    broker_messages_free(&list);
    CHECK(list == NULL);
}

static void many_are_sent_in_order(void) {
    enum { COUNT = 100 };
    static char bodies[COUNT][8];
    static broker_message_t messages[COUNT];
    static broker_send_result_t results[COUNT];
    const broker_message_t empty = BROKER_MESSAGE_INIT;
    const broker_send_result_t room = BROKER_SEND_RESULT_INIT;
    broker_t *broker = started(NULL);
    broker_messages_t *list = NULL;
    int read = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(bodies[i], sizeof bodies[i], "%d", i);
        messages[i] = empty;
        messages[i].topic = "many";
        messages[i].body = bodies[i];
        messages[i].body_length = strlen(bodies[i]);
        messages[i].queue = 0;
        results[i] = room;
    }
    CHECK_STATUS(broker_create_topic(broker, "many", 1), BROKER_STATUS_OK);
    CHECK_STATUS(broker_send_many(broker, messages, COUNT, results), BROKER_STATUS_OK);
    CHECK_STATUS(broker_send_many(broker, messages, COUNT, NULL), BROKER_STATUS_OK);
    CHECK_STATUS(broker_send_many(broker, NULL, 0, NULL), BROKER_STATUS_OK);
    while (read < COUNT) { /* one read gives as many as the broker's limits allow */
        CHECK_STATUS(broker_pull(broker, "many", 0, read, COUNT, 0, &list), BROKER_STATUS_OK);
        CHECK(broker_messages_count(list) > 0 && broker_messages_max_offset(list) == 2 * COUNT);
        if (broker_messages_count(list) == 0) {
            break;
        }
        for (size_t i = 0; i < broker_messages_count(list) && read < COUNT; i++, read++) {
            CHECK(results[read].queue_offset == read);
            CHECK(body_is(broker_messages_at(list, i), bodies[read]));
        }
        broker_messages_free(&list);
    }
    messages[1].topic = "no/such/name";
    results[0].queue_offset = -7;
    CHECK_STATUS(broker_send_many(broker, messages, 2, results), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(broker_last_error(), "message 1 of 2") != NULL);
    CHECK(results[0].queue_offset == -7);
    messages[1].topic = NULL;
    CHECK_STATUS(broker_send_many(broker, messages, 2, results), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(broker_last_error(), "message 1 of 2, of which none is stored") != NULL);
    ended(&broker);
}

static void *send_late(void *broker) {
    sent((const broker_t *)broker, "late", "here");
    return NULL;
}

static void a_pull_waits_for_the_first_message(void) {
    broker_t *broker = started(NULL);
    broker_messages_t *list = NULL;
    pthread_t thread;
    CHECK_STATUS(broker_create_topic(broker, "late", 1), BROKER_STATUS_OK);
    CHECK_STATUS(broker_pull(broker, "late", 0, 0, 1, 0, &list), BROKER_STATUS_OK);
    CHECK(list != NULL && broker_messages_count(list) == 0);
    broker_messages_free(&list);
    CHECK(pthread_create(&thread, NULL, send_late, broker) == 0);
    CHECK_STATUS(broker_pull(broker, "late", 0, 0, 1, WAIT_MS, &list), BROKER_STATUS_OK);
    CHECK(body_is(broker_messages_at(list, 0), "here"));
    CHECK(pthread_join(thread, NULL) == 0);
    broker_messages_free(&list);
    CHECK_STATUS(broker_pull(broker, "absent", 0, 0, 1, 0, &list), BROKER_STATUS_NOT_FOUND);
    CHECK_STATUS(broker_pull(broker, "late", 9, 0, 1, 0, &list), BROKER_STATUS_NOT_FOUND);
    CHECK(list == NULL);
    ended(&broker);
}

static void a_group_gets_what_it_did_not_acknowledge(void) {
    broker_t *broker = started(NULL);
    broker_consumer_t *consumer = NULL;
    broker_delivery_t *first, *second;
    int64_t lag = -1;
    CHECK_STATUS(broker_create_topic(broker, "orders", 1), BROKER_STATUS_OK);
    sent(broker, "orders", "one");
    sent(broker, "orders", "two");
    CHECK_STATUS(broker_consume(broker, "orders", "billing", NULL, &consumer), BROKER_STATUS_OK);
    first = next_of(consumer);
    second = next_of(consumer);
    CHECK(body_is(broker_delivery_message(first), "one"));
    CHECK(body_is(broker_delivery_message(second), "two"));
    CHECK_STATUS(broker_delivery_ack(first), BROKER_STATUS_OK);
    CHECK_STATUS(broker_delivery_ack(first), BROKER_STATUS_OK);
    CHECK_STATUS(broker_lag(broker, "billing", &lag), BROKER_STATUS_OK);
    CHECK(lag == 1);
    broker_delivery_free(&first);
    broker_consumer_free(&consumer);
    CHECK(body_is(broker_delivery_message(second), "two")); /* a delivery outlives its consumer */
    broker_delivery_free(&second);
    CHECK(first == NULL && second == NULL && consumer == NULL);

    CHECK_STATUS(broker_consume(broker, "orders", "billing", "*", &consumer), BROKER_STATUS_OK);
    second = next_of(consumer);
    CHECK(body_is(broker_delivery_message(second), "two"));
    CHECK_STATUS(broker_delivery_ack(second), BROKER_STATUS_OK);
    broker_delivery_free(&second);
    CHECK_STATUS(broker_consumer_next(consumer, 0, &second), BROKER_STATUS_TIMEOUT);
    CHECK_STATUS(broker_lag(broker, "billing", &lag), BROKER_STATUS_OK);
    CHECK(lag == 0 && second == NULL);
    ended(&broker);
    CHECK_STATUS(broker_consumer_next(consumer, 0, &second), BROKER_STATUS_STOPPED);
    broker_consumer_free(&consumer);
}

static void what_is_given_back_comes_again_or_dies(void) {
    broker_t *broker;
    broker_consumer_t *consumer = NULL;
    broker_delivery_t *delivery;
    broker_options_t options = BROKER_OPTIONS_INIT;
    options.clock = BROKER_CLOCK_MANUAL;
    broker = started(&options);
    sent(broker, "orders", "again");
    CHECK_STATUS(broker_consume(broker, "orders", "billing", "*", &consumer), BROKER_STATUS_OK);
    delivery = next_of(consumer);
    CHECK_STATUS(broker_delivery_retry(delivery, -2), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(broker_delivery_retry(delivery, 4), BROKER_STATUS_OK);
    broker_delivery_free(&delivery);
    CHECK_STATUS(broker_consumer_next(consumer, 0, &delivery), BROKER_STATUS_TIMEOUT);
    CHECK_STATUS(broker_advance(broker, 31000), BROKER_STATUS_OK);
    delivery = next_of(consumer);
    CHECK(body_is(broker_delivery_message(delivery), "again"));
    CHECK(delivery != NULL && broker_delivery_message(delivery)->reconsume_times == 1);
    CHECK(delivery != NULL && strcmp(broker_delivery_message(delivery)->topic, "orders") == 0);
    CHECK_STATUS(broker_delivery_retry(delivery, BROKER_RETRY_DEAD_LETTER), BROKER_STATUS_OK);
    broker_delivery_free(&delivery);
    CHECK_STATUS(broker_wait_for(broker, "%DLQ%billing", 1, WAIT_MS, NULL), BROKER_STATUS_OK);
    broker_consumer_free(&consumer);
    ended(&broker);
}

static void only_wanted_tags_come(void) {
    broker_t *broker = started(NULL);
    broker_consumer_t *consumer = NULL;
    broker_delivery_t *delivery;
    broker_message_t message = BROKER_MESSAGE_INIT;
    static const char *tags[] = {"A", "B", "C"};
    message.topic = "tagged";
    message.queue = 0;
    for (int i = 0; i < 3; i++) {
        message.tags = message.keys = tags[i];
        CHECK_STATUS(broker_send(broker, &message, NULL), BROKER_STATUS_OK);
    }
    CHECK_STATUS(broker_consume(broker, "tagged", "g", "A || C", &consumer), BROKER_STATUS_OK);
    for (int i = 0; i < 3; i += 2) {
        delivery = next_of(consumer);
        CHECK(delivery != NULL && strcmp(broker_delivery_message(delivery)->tags, tags[i]) == 0);
        CHECK(delivery != NULL && broker_delivery_message(delivery)->body_length == 0);
        CHECK_STATUS(broker_delivery_ack(delivery), BROKER_STATUS_OK);
        broker_delivery_free(&delivery);
    }
    CHECK_STATUS(broker_consumer_next(consumer, 0, &delivery), BROKER_STATUS_TIMEOUT);
    broker_consumer_free(&consumer);
    ended(&broker);
}

static void *wait_for_ever(void *consumer) {
    broker_delivery_t *delivery = NULL;
    broker_status_t status =
        broker_consumer_next((const broker_consumer_t *)consumer, BROKER_WAIT_FOREVER, &delivery);
    return (void *)(uintptr_t)(status == BROKER_STATUS_STOPPED && delivery == NULL);
}

static void a_waiting_consumer_ends_with_a_close_and_with_the_stop(void) {
    for (int by_stop = 0; by_stop < 2; by_stop++) {
        broker_t *broker = started(NULL);
        broker_consumer_t *consumer = NULL;
        pthread_t thread;
        void *stopped = NULL;
        CHECK_STATUS(broker_create_topic(broker, "quiet", 1), BROKER_STATUS_OK);
        CHECK_STATUS(broker_consume(broker, "quiet", "g", NULL, &consumer), BROKER_STATUS_OK);
        CHECK(pthread_create(&thread, NULL, wait_for_ever, consumer) == 0);
        if (by_stop) {
            CHECK_STATUS(broker_stop(broker, STOP_TIMEOUT_MS), BROKER_STATUS_OK);
        } else {
            CHECK_STATUS(broker_consumer_close(consumer), BROKER_STATUS_OK);
            CHECK_STATUS(broker_consumer_close(consumer), BROKER_STATUS_OK);
        }
        CHECK(pthread_join(thread, &stopped) == 0 && stopped != NULL);
        ended(&broker);
        broker_consumer_free(&consumer);
    }
}

static void write_a_byte(void *pipe_in) {
    CHECK(write(*(int *)pipe_in, "x", 1) == 1);
}

/* True when a signal came through the pipe, which it has to within WAIT_MS. */
static int signalled(int pipe_out) {
    struct pollfd wanted = {pipe_out, POLLIN, 0};
    char byte;
    return poll(&wanted, 1, WAIT_MS) == 1 && read(pipe_out, &byte, 1) == 1;
}

static void a_change_wakes_an_event_loop(void) {
    broker_t *broker = started(NULL);
    broker_consumer_t *consumer = NULL;
    broker_delivery_t *delivery = NULL;
    broker_wake_t *wake = NULL, *other = NULL;
    uint64_t count = 0;
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK_STATUS(broker_create_topic(broker, "t", 1), BROKER_STATUS_OK);
    CHECK_STATUS(broker_consume(broker, "t", "g", NULL, &consumer), BROKER_STATUS_OK);
    CHECK_STATUS(broker_consumer_on_change(consumer, write_a_byte, &ends[1], &wake), BROKER_STATUS_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(broker_wake_arm(wake), BROKER_STATUS_OK);
        CHECK_STATUS(broker_consumer_next(consumer, 0, &delivery), BROKER_STATUS_TIMEOUT);
        sent(broker, "t", "x");
        while (broker_consumer_next(consumer, 0, &delivery) == BROKER_STATUS_TIMEOUT && signalled(ends[0])) {
            CHECK_STATUS(broker_wake_arm(wake), BROKER_STATUS_OK);
        }
        CHECK_STATUS(broker_delivery_ack(delivery), BROKER_STATUS_OK);
        broker_delivery_free(&delivery);
    }
    broker_wake_free(&wake);
    broker_wake_free(&wake);
    CHECK_STATUS(broker_on_change(broker, write_a_byte, &ends[1], &wake), BROKER_STATUS_OK);
    CHECK_STATUS(broker_wake_arm(wake), BROKER_STATUS_OK);
    CHECK_STATUS(broker_message_count(broker, "t", &count), BROKER_STATUS_OK);
    CHECK(count == 3);
    ended(&broker); /* signals too */
    CHECK(signalled(ends[0]));
    CHECK_STATUS(broker_wake_arm(wake), BROKER_STATUS_OK);
    CHECK(signalled(ends[0]));
    CHECK_STATUS(broker_consumer_on_change(consumer, NULL, NULL, &other), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(broker_wake_arm(other), BROKER_STATUS_INVALID_ARGUMENT);
    broker_wake_free(&wake);
    broker_consumer_free(&consumer);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

int main(void) {
    RUN(a_message_comes_back_as_it_was_sent);
    RUN(many_are_sent_in_order);
    RUN(a_pull_waits_for_the_first_message);
    RUN(a_group_gets_what_it_did_not_acknowledge);
    RUN(what_is_given_back_comes_again_or_dies);
    RUN(only_wanted_tags_come);
    RUN(a_waiting_consumer_ends_with_a_close_and_with_the_stop);
    RUN(a_change_wakes_an_event_loop);
    return finish();
}
