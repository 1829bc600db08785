/* What helps a test: waiting, moving time, failing requests, snapshots, clearing. */
#define _DEFAULT_SOURCE

#include <stdint.h>
#include <sys/stat.h>

#include "broker.h"
#include "check.h"
#include "brokers.h"
#include "wire.h"

#define GET_BROKER_CONFIG 26
#define GET_BROKER_RUNTIME_INFO 28
#define GET_MAX_OFFSET 30

static void waiting_counts_messages(void) {
    broker_t *broker = started(NULL);
    uint64_t held = 99;
    CHECK_STATUS(broker_wait_for(broker, "t", 1, 20, &held), BROKER_STATUS_TIMEOUT);
    CHECK(held == 99 && strstr(broker_last_error(), "0 messages") != NULL);
    CHECK_STATUS(broker_message_count(broker, "t", &held), BROKER_STATUS_OK);
    CHECK(held == 0);
    sent(broker, "t", "1");
    sent(broker, "t", "2");
    CHECK_STATUS(broker_wait_for(broker, "t", 1, WAIT_MS, &held), BROKER_STATUS_OK);
    CHECK(held == 2);
    ended(&broker);
}

static void time_moves_by_hand(void) {
    broker_t *broker;
    int64_t before = 0, after = 0;
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_options_t options = BROKER_OPTIONS_INIT;
    options.clock = BROKER_CLOCK_MANUAL;
    broker = started(&options);
    message.topic = "later";
    message.body = "x";
    message.body_length = 1;
    message.delay_level = 5; /* a minute */
    CHECK_STATUS(broker_send(broker, &message, NULL), BROKER_STATUS_OK);
    CHECK_STATUS(broker_now_ms(broker, &before), BROKER_STATUS_OK);
    CHECK_STATUS(broker_wait_for(broker, "later", 1, 20, NULL), BROKER_STATUS_TIMEOUT);
    CHECK_STATUS(broker_advance(broker, 61000), BROKER_STATUS_OK);
    CHECK_STATUS(broker_wait_for(broker, "later", 1, WAIT_MS, NULL), BROKER_STATUS_OK);
    CHECK_STATUS(broker_now_ms(broker, &after), BROKER_STATUS_OK);
    CHECK(after == before + 61000);
    ended(&broker);
    broker = started(NULL);
    CHECK_STATUS(broker_advance(broker, 1), BROKER_STATUS_INVALID_ARGUMENT);
    ended(&broker);
}

/* Asks for something that is always there, and says whether the answer has `part` in its header. */
static int answered(int fd, int code, int opaque, const char *fields, const char *part) {
    char header[1024];
    int has = wire_ask(fd, code, opaque, fields) && wire_answer(fd, header, sizeof header) && strstr(header, part) != NULL;
    if (!has) {
        printf("#   no %s in %s\n", part, header);
    }
    return has;
}

static void requests_of_clients_fail_on_cue(void) {
    broker_t *broker = started(NULL);
    broker_property_t topic = {"topic", "picked"};
    broker_fault_t fault = BROKER_FAULT_INIT;
    char header[1024];
    int fd = wire_connect(port_of(text(broker_address, broker)));
    CHECK(fd >= 0);
    CHECK(answered(fd, GET_BROKER_RUNTIME_INFO, 1, "", "\"code\":0"));

    fault.request = "GET_BROKER_RUNTIME_INFO";
    fault.code = 2;
    fault.remark = "on purpose";
    fault.times = 2;
    CHECK_STATUS(broker_fail_next(broker, &fault), BROKER_STATUS_OK);
    CHECK(answered(fd, GET_BROKER_CONFIG, 2, "", "\"code\":0"));
    CHECK(answered(fd, GET_BROKER_RUNTIME_INFO, 3, "", "\"code\":2"));
    CHECK(answered(fd, GET_BROKER_RUNTIME_INFO, 4, "", "on purpose"));
    CHECK(answered(fd, GET_BROKER_RUNTIME_INFO, 5, "", "\"code\":0"));

    fault.request = "28";
    fault.action = BROKER_FAULT_DROP;
    fault.times = 1;
    CHECK_STATUS(broker_fail_next(broker, &fault), BROKER_STATUS_OK);
    CHECK(wire_ask(fd, GET_BROKER_RUNTIME_INFO, 6, ""));
    CHECK(answered(fd, GET_BROKER_RUNTIME_INFO, 7, "", "\"opaque\":7"));

    fault.action = BROKER_FAULT_DELAY;
    fault.delay_ms = 100;
    CHECK_STATUS(broker_fail_next(broker, &fault), BROKER_STATUS_OK);
    CHECK(answered(fd, GET_BROKER_RUNTIME_INFO, 8, "", "\"opaque\":8"));

    fault.request = NULL;
    fault.fields = &topic;
    fault.field_count = 1;
    fault.action = BROKER_FAULT_DISCONNECT;
    CHECK_STATUS(broker_fail_next(broker, &fault), BROKER_STATUS_OK);
    CHECK(answered(fd, GET_MAX_OFFSET, 9, "\"topic\":\"other\",\"queueId\":\"0\"", "\"opaque\":9"));
    CHECK_STATUS(broker_clear_faults(broker), BROKER_STATUS_OK);
    CHECK(answered(fd, GET_MAX_OFFSET, 10, "\"topic\":\"picked\",\"queueId\":\"0\"", "\"opaque\":10"));
    CHECK_STATUS(broker_fail_next(broker, &fault), BROKER_STATUS_OK);
    CHECK(wire_ask(fd, GET_MAX_OFFSET, 11, "\"topic\":\"picked\",\"queueId\":\"0\""));
    CHECK(!wire_answer(fd, header, sizeof header));
    close(fd);

    fault.request = "NO_SUCH_REQUEST";
    CHECK_STATUS(broker_fail_next(broker, &fault), BROKER_STATUS_INVALID_ARGUMENT);
    fault.request = NULL;
    fault.action = 9;
    CHECK_STATUS(broker_fail_next(broker, &fault), BROKER_STATUS_INVALID_ARGUMENT);
    ended(&broker);
}

static void a_snapshot_starts_a_second_broker(void) {
    char folder[] = "broker-c-snapshot-XXXXXX", command[64];
    broker_t *broker = started(NULL), *copy = NULL;
    broker_options_t options = BROKER_OPTIONS_INIT;
    uint64_t count = 0;
    CHECK(mkdtemp(folder) != NULL);
    sent(broker, "kept", "before");
    CHECK_STATUS(broker_set_offset(broker, "g", "kept", 0, 0), BROKER_STATUS_OK);
    CHECK_STATUS(broker_snapshot(broker, folder), BROKER_STATUS_OK);
    CHECK_STATUS(broker_snapshot(broker, folder), BROKER_STATUS_INVALID_ARGUMENT);
    sent(broker, "kept", "after");
    options.snapshot_dir = folder;
    for (int round = 0; round < 2; round++) {
        copy = started(&options);
        CHECK_STATUS(broker_message_count(copy, "kept", &count), BROKER_STATUS_OK);
        CHECK(count == 1);
        sent(copy, "kept", "only here");
        ended(&copy);
    }
    ended(&broker);
    options.snapshot_dir = "/no/such/folder";
    CHECK_STATUS(broker_start(&options, &copy), BROKER_STATUS_NOT_FOUND);
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
}

static void clearing_leaves_nothing(void) {
    broker_t *broker = started(NULL);
    broker_fault_t fault = BROKER_FAULT_INIT;
    uint64_t count = 9;
    int64_t lag = 9;
    int fd;
    sent(broker, "t", "1");
    CHECK_STATUS(broker_create_group(broker, "g"), BROKER_STATUS_OK);
    CHECK_STATUS(broker_set_offset(broker, "g", "t", 0, 0), BROKER_STATUS_OK);
    CHECK_STATUS(broker_fail_next(broker, &fault), BROKER_STATUS_OK);
    CHECK_STATUS(broker_clear(broker), BROKER_STATUS_OK);
    CHECK_STATUS(broker_message_count(broker, "t", &count), BROKER_STATUS_OK);
    CHECK_STATUS(broker_lag(broker, "g", &lag), BROKER_STATUS_OK);
    CHECK(count == 0 && lag == 0);
    CHECK_STATUS(broker_delete_topic(broker, "t"), BROKER_STATUS_NOT_FOUND);
    CHECK_STATUS(broker_delete_group(broker, "g"), BROKER_STATUS_NOT_FOUND);
    fd = wire_connect(port_of(text(broker_address, broker)));
    CHECK(answered(fd, GET_BROKER_RUNTIME_INFO, 1, "", "\"code\":0"));
    close(fd);
    sent(broker, "t", "2");
    CHECK_STATUS(broker_message_count(broker, "t", &count), BROKER_STATUS_OK);
    CHECK(count == 1);
    ended(&broker);
}

int main(void) {
    RUN(waiting_counts_messages);
    RUN(time_moves_by_hand);
    RUN(requests_of_clients_fail_on_cue);
    RUN(a_snapshot_starts_a_second_broker);
    RUN(clearing_leaves_nothing);
    return finish();
}
