/* Calls that make no sense. Each must be refused, and none may crash or write anything. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker.h"
#include "check.h"
#include "brokers.h"

#define INVALID BROKER_STATUS_INVALID_ARGUMENT

static void nothing(void *context) {
    (void)context;
}

static void null_is_refused_everywhere(void) {
    broker_wake_t *wake = NULL;
    broker_t *broker = started(NULL);
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_messages_t *list = NULL;
    broker_consumer_t *consumer = NULL;
    broker_delivery_t *delivery = NULL;
    broker_query_t query = BROKER_QUERY_INIT;
    broker_fault_t fault = BROKER_FAULT_INIT;
    uint64_t count = 7;
    int64_t number = 7;
    uint32_t health = 7;
    char *json = NULL;
    CHECK_STATUS(broker_create_topic(NULL, "t", 1), INVALID);
    CHECK_STATUS(broker_create_topic(broker, NULL, 1), INVALID);
    CHECK_STATUS(broker_delete_topic(NULL, "t"), INVALID);
    CHECK_STATUS(broker_delete_topic(broker, NULL), INVALID);
    CHECK_STATUS(broker_create_group(NULL, "g"), INVALID);
    CHECK_STATUS(broker_create_group(broker, NULL), INVALID);
    CHECK_STATUS(broker_delete_group(NULL, "g"), INVALID);
    CHECK_STATUS(broker_delete_group(broker, NULL), INVALID);
    CHECK_STATUS(broker_send(NULL, &message, NULL), INVALID);
    CHECK_STATUS(broker_send(broker, NULL, NULL), INVALID);
    CHECK_STATUS(broker_send(broker, &message, NULL), INVALID); /* no topic */
    message.topic = "t";
    message.body_length = 1;
    CHECK_STATUS(broker_send(broker, &message, NULL), INVALID); /* no body */
    message.body_length = 0;
    message.property_count = 1;
    CHECK_STATUS(broker_send(broker, &message, NULL), INVALID); /* no properties */
    CHECK_STATUS(broker_send_many(NULL, NULL, 0, NULL), INVALID);
    CHECK_STATUS(broker_send_many(broker, NULL, 1, NULL), INVALID);
    CHECK_STATUS(broker_pull(NULL, "t", 0, 0, 1, 0, &list), INVALID);
    CHECK_STATUS(broker_pull(broker, NULL, 0, 0, 1, 0, &list), INVALID);
    CHECK_STATUS(broker_pull(broker, "t", 0, 0, 1, 0, NULL), INVALID);
    CHECK_STATUS(broker_messages(NULL, &query, &list), INVALID);
    CHECK_STATUS(broker_messages(broker, NULL, &list), INVALID);
    CHECK_STATUS(broker_messages(broker, &query, &list), INVALID); /* no topic */
    CHECK_STATUS(broker_messages(broker, &query, NULL), INVALID);
    CHECK_STATUS(broker_message(NULL, "x", &list), INVALID);
    CHECK_STATUS(broker_message(broker, NULL, &list), INVALID);
    CHECK_STATUS(broker_message(broker, "x", NULL), INVALID);
    CHECK_STATUS(broker_message(broker, "no id", &list), INVALID);
    CHECK(broker_messages_count(NULL) == 0 && broker_messages_at(NULL, 0) == NULL);
    CHECK(broker_messages_next_offset(NULL) == -1 && broker_messages_min_offset(NULL) == -1);
    CHECK(broker_messages_max_offset(NULL) == -1 && broker_message_property(NULL, "x") == NULL);
    CHECK_STATUS(broker_consume(NULL, "t", "g", "*", &consumer), INVALID);
    CHECK_STATUS(broker_consume(broker, NULL, "g", "*", &consumer), INVALID);
    CHECK_STATUS(broker_consume(broker, "t", NULL, "*", &consumer), INVALID);
    CHECK_STATUS(broker_consume(broker, "t", "g", "*", NULL), INVALID);
    CHECK_STATUS(broker_consumer_next(NULL, 0, &delivery), INVALID);
    CHECK_STATUS(broker_consumer_close(NULL), INVALID);
    CHECK(broker_delivery_message(NULL) == NULL);
    CHECK_STATUS(broker_delivery_ack(NULL), INVALID);
    CHECK_STATUS(broker_delivery_retry(NULL, 0), INVALID);
    CHECK_STATUS(broker_on_change(NULL, nothing, NULL, &wake), INVALID);
    CHECK_STATUS(broker_on_change(broker, NULL, NULL, &wake), INVALID);
    CHECK_STATUS(broker_on_change(broker, nothing, NULL, NULL), INVALID);
    CHECK_STATUS(broker_consumer_on_change(NULL, nothing, NULL, &wake), INVALID);
    CHECK_STATUS(broker_wake_arm(NULL), INVALID);
    CHECK_STATUS(broker_lag(NULL, "g", &number), INVALID);
    CHECK_STATUS(broker_lag(broker, NULL, &number), INVALID);
    CHECK_STATUS(broker_lag(broker, "g", NULL), INVALID);
    CHECK_STATUS(broker_set_offset(NULL, "g", "t", 0, 0), INVALID);
    CHECK_STATUS(broker_set_offset(broker, NULL, "t", 0, 0), INVALID);
    CHECK_STATUS(broker_set_offset(broker, "g", NULL, 0, 0), INVALID);
    CHECK_STATUS(broker_reset_offset(NULL, "g", "t", 0, 0), INVALID);
    CHECK_STATUS(broker_reset_offset(broker, NULL, "t", 0, 0), INVALID);
    CHECK_STATUS(broker_reset_offset(broker, "g", NULL, 0, 0), INVALID);
    CHECK_STATUS(broker_topics_json(NULL, &json), INVALID);
    CHECK_STATUS(broker_topics_json(broker, NULL), INVALID);
    CHECK_STATUS(broker_groups_json(NULL, &json), INVALID);
    CHECK_STATUS(broker_connections_json(NULL, &json), INVALID);
    CHECK_STATUS(broker_offsets_json(NULL, "g", &json), INVALID);
    CHECK_STATUS(broker_offsets_json(broker, NULL, &json), INVALID);
    CHECK_STATUS(broker_config_json(NULL, &json), INVALID);
    CHECK_STATUS(broker_counters_json(NULL, &json), INVALID);
    CHECK_STATUS(broker_store_json(NULL, &json), INVALID);
    CHECK_STATUS(broker_wait_for(NULL, "t", 0, 0, &count), INVALID);
    CHECK_STATUS(broker_wait_for(broker, NULL, 0, 0, &count), INVALID);
    CHECK_STATUS(broker_message_count(NULL, "t", &count), INVALID);
    CHECK_STATUS(broker_message_count(broker, NULL, &count), INVALID);
    CHECK_STATUS(broker_message_count(broker, "t", NULL), INVALID);
    CHECK_STATUS(broker_now_ms(NULL, &number), INVALID);
    CHECK_STATUS(broker_now_ms(broker, NULL), INVALID);
    CHECK_STATUS(broker_advance(NULL, 1), INVALID);
    CHECK_STATUS(broker_fail_next(NULL, &fault), INVALID);
    CHECK_STATUS(broker_fail_next(broker, NULL), INVALID);
    CHECK_STATUS(broker_clear_faults(NULL), INVALID);
    CHECK_STATUS(broker_snapshot(NULL, "x"), INVALID);
    CHECK_STATUS(broker_snapshot(broker, NULL), INVALID);
    CHECK_STATUS(broker_clear(NULL), INVALID);
    CHECK_STATUS(broker_health(NULL, &health, NULL, 0, NULL), INVALID);
    CHECK_STATUS(broker_health(broker, NULL, NULL, 0, NULL), INVALID);
    CHECK(list == NULL && consumer == NULL && delivery == NULL && json == NULL && wake == NULL);
    CHECK(count == 7 && number == 7 && health == 7);
    ended(&broker);
}

static void releasing_twice_is_harmless(void) {
    broker_t *broker = started(NULL);
    broker_messages_t *list = NULL;
    broker_consumer_t *consumer = NULL;
    broker_delivery_t *delivery;
    char *json = NULL;
    sent(broker, "t", "x");
    CHECK_STATUS(broker_consume(broker, "t", "g", NULL, &consumer), BROKER_STATUS_OK);
    delivery = next_of(consumer);
    CHECK_STATUS(broker_pull(broker, "t", 0, 0, 1, 0, &list), BROKER_STATUS_OK);
    CHECK_STATUS(broker_topics_json(broker, &json), BROKER_STATUS_OK);
    for (int round = 0; round < 2; round++) {
        broker_free(&broker); /* the others outlive it */
        CHECK(round == 1 || broker_delivery_message(delivery) != NULL);
        broker_consumer_free(&consumer);
        broker_delivery_free(&delivery);
        broker_messages_free(&list);
        broker_text_free(&json);
        CHECK(!broker && !consumer && !delivery && !list && !json);
    }
    broker_free(NULL);
    broker_consumer_free(NULL);
    broker_delivery_free(NULL);
    broker_messages_free(NULL);
    broker_wake_free(NULL);
    broker_text_free(NULL);
}

static void a_stopped_broker_says_so(void) {
    broker_t *broker = started(NULL);
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_query_t query = BROKER_QUERY_INIT;
    broker_messages_t *list = NULL;
    broker_consumer_t *consumer = NULL;
    broker_delivery_t *delivery;
    char *json = NULL;
    uint64_t count = 7;
    int64_t lag = 7;
    message.topic = query.topic = "t";
    sent(broker, "t", "x");
    CHECK_STATUS(broker_consume(broker, "t", "g", NULL, &consumer), BROKER_STATUS_OK);
    delivery = next_of(consumer);
    CHECK_STATUS(broker_stop(broker, STOP_TIMEOUT_MS), BROKER_STATUS_OK);
    CHECK_STATUS(broker_stop(broker, 0), BROKER_STATUS_OK);
    CHECK_STATUS(broker_send(broker, &message, NULL), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_send_many(broker, &message, 1, NULL), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_create_topic(broker, "u", 1), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_pull(broker, "t", 0, 0, 1, 0, &list), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_messages(broker, &query, &list), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_topics_json(broker, &json), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_config_json(broker, &json), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_lag(broker, "g", &lag), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_wait_for(broker, "t", 1, 0, &count), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_snapshot(broker, "never-made"), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_clear(broker), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_consumer_next(consumer, 0, &delivery), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_delivery_ack(delivery), BROKER_STATUS_STOPPED);
    CHECK_STATUS(broker_delivery_retry(delivery, 0), BROKER_STATUS_STOPPED);
    CHECK(body_is(broker_delivery_message(delivery), "x"));
    CHECK(list == NULL && json == NULL && count == 7 && lag == 7);
    broker_delivery_free(&delivery);
    broker_consumer_free(&consumer);
    broker_free(&broker);
}

static void sizes_are_checked(void) {
    struct {
        broker_message_t known;
        uint64_t more;
    } newer;
    const broker_message_t empty = BROKER_MESSAGE_INIT;
    broker_t *broker = started(NULL);
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_send_result_t result = BROKER_SEND_RESULT_INIT;
    broker_query_t query = BROKER_QUERY_INIT;
    broker_fault_t fault = BROKER_FAULT_INIT;
    broker_messages_t *list = NULL;
    uint32_t health = 9;
    size_t needed = 0;
    uint64_t count = 9;
    message.topic = query.topic = "t";
    message.size = 0;
    query.size = 7;
    fault.size = 1u << 20;
    CHECK_STATUS(broker_send(broker, &message, NULL), INVALID);
    CHECK(strstr(broker_last_error(), "sizeof(broker_message_t)") != NULL);
    CHECK_STATUS(broker_messages(broker, &query, &list), INVALID);
    CHECK_STATUS(broker_fail_next(broker, &fault), INVALID);
    message.size = sizeof message;
    result.size = 0;
    CHECK_STATUS(broker_send(broker, &message, &result), INVALID);
    CHECK_STATUS(broker_send_many(broker, &message, 1, &result), INVALID);
    CHECK_STATUS(broker_message_count(broker, "t", &count), BROKER_STATUS_OK);
    CHECK(count == 0); /* refused before anything was sent */
    result.size = offsetof(broker_send_result_t, msg_id); /* as an older program would say */
    result.msg_id[0] = '?';
    CHECK_STATUS(broker_send(broker, &message, &result), BROKER_STATUS_OK);
    CHECK(result.msg_id[0] == '?' && result.queue_offset == 0);
    newer.known = empty;
    newer.known.size = sizeof newer;
    newer.known.topic = "t";
    newer.more = 0;
    CHECK_STATUS(broker_send(broker, &newer.known, NULL), BROKER_STATUS_OK);
    newer.more = 1;
    CHECK_STATUS(broker_send(broker, &newer.known, NULL), INVALID);
    CHECK_STATUS(broker_health(broker, &health, NULL, 0, &needed), BROKER_STATUS_OK);
    CHECK(health == BROKER_HEALTH_OK && needed == 1);
    ended(&broker);
}

static void texts_are_checked(void) {
    broker_t *broker = started(NULL);
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_property_t property = {"with\001separator", "x"};
    CHECK_STATUS(broker_create_topic(broker, "\xff", 1), INVALID);
    CHECK_STATUS(broker_create_topic(broker, "", 1), INVALID);
    message.topic = "t";
    message.queue = -2;
    CHECK_STATUS(broker_send(broker, &message, NULL), INVALID);
    message.queue = BROKER_QUEUE_ANY;
    message.properties = &property;
    message.property_count = 1;
    CHECK_STATUS(broker_send(broker, &message, NULL), INVALID);
    message.property_count = (size_t)-1;
    CHECK_STATUS(broker_send(broker, &message, NULL), INVALID);
    message.property_count = 0;
    message.body = &property;
    message.body_length = (size_t)-1;
    CHECK_STATUS(broker_send(broker, &message, NULL), INVALID);
    CHECK_STATUS(broker_send_many(broker, &message, (size_t)-1, NULL), INVALID);
    ended(&broker);
}

static void a_nameserver_alone_has_no_topics(void) {
    broker_options_t options = BROKER_OPTIONS_INIT;
    broker_t *namesrv;
    char *json = NULL;
    options.namesrv_only = 1;
    namesrv = started(&options);
    CHECK_STATUS(broker_topics_json(namesrv, &json), BROKER_STATUS_NOT_FOUND);
    CHECK_STATUS(broker_create_topic(namesrv, "t", 1), BROKER_STATUS_NOT_FOUND);
    CHECK(json == NULL);
    ended(&namesrv);
}

static void *send_until_stopped(void *broker) {
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_status_t status = BROKER_STATUS_OK;
    message.topic = "t";
    while (status == BROKER_STATUS_OK) {
        status = broker_send((const broker_t *)broker, &message, NULL);
    }
    return (void *)(uintptr_t)(status == BROKER_STATUS_STOPPED);
}

static void *stop_it(void *broker) {
    return (void *)(uintptr_t)(broker_stop((broker_t *)broker, STOP_TIMEOUT_MS) == BROKER_STATUS_OK);
}

static void many_threads_use_and_stop_one_handle(void) {
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    broker_t *broker = started(NULL);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, i < 2 ? send_until_stopped : stop_it, broker) == 0);
        if (i == 1) {
            CHECK_STATUS(broker_wait_for(broker, "t", 10, WAIT_MS, NULL), BROKER_STATUS_OK);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        void *ok = NULL;
        CHECK(pthread_join(threads[i], &ok) == 0 && ok != NULL);
    }
    broker_free(&broker);
}

/* Ends a forked child. By another program, since memcheck would call lost what the threads had that stayed in the parent. */
static void leave(int is_right) {
    const char *program = is_right ? "true" : "false";
    execlp(program, program, (char *)NULL);
    _exit(2);
}

/* The parent's broker does not work in a forked child, and neither would a new one. */
static void a_forked_child_is_told(void) {
    broker_t *broker = started(NULL);
    broker_consumer_t *consumer = NULL;
    broker_delivery_t *delivery = NULL;
    int status = -1;
    CHECK_STATUS(broker_consume(broker, "t", "g", NULL, &consumer), BROKER_STATUS_OK);
    pid_t child = fork();
    if (child == 0) {
        broker_t *another = NULL;
        int told = broker_create_topic(broker, "t", 1) == BROKER_STATUS_FORKED;
        told += broker_consumer_next(consumer, 0, &delivery) == BROKER_STATUS_FORKED;
        told += broker_stop(broker, 1000) == BROKER_STATUS_FORKED;
        told += broker_start(NULL, &another) == BROKER_STATUS_FORKED;
        told += strstr(broker_last_error(), "fork before the start") != NULL;
        broker_consumer_free(&consumer);
        broker_free(&broker);
        leave(told == 5);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_STATUS(broker_create_topic(broker, "t", 1), BROKER_STATUS_OK);
    broker_consumer_free(&consumer);
    ended(&broker);
    child = fork();
    if (child == 0) {
        leave(broker_start(NULL, &broker) == BROKER_STATUS_OK && broker_stop(broker, 1000) == BROKER_STATUS_OK);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
    RUN(null_is_refused_everywhere);
    RUN(releasing_twice_is_harmless);
    RUN(a_stopped_broker_says_so);
    RUN(sizes_are_checked);
    RUN(texts_are_checked);
    RUN(a_nameserver_alone_has_no_topics);
    RUN(many_threads_use_and_stop_one_handle);
    RUN(a_forked_child_is_told);
    return finish();
}
