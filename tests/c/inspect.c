/* Looks at what a broker has: topics, groups, offsets, messages, configuration. */
#define _POSIX_C_SOURCE 200809L

#include <stdint.h>

#include "broker.h"
#include "check.h"
#include "brokers.h"

static void topics_and_groups_are_made_shown_and_deleted(void) {
    broker_t *broker = started(NULL);
    CHECK_STATUS(broker_create_topic(broker, "orders", 4), BROKER_STATUS_OK);
    sent(broker, "orders", "x");
    CHECK(json_has(broker_topics_json, broker, "{\"name\":\"orders\",\"queues\":4,\"read_queues\":4,\"perm\":\"RW-\","
                                               "\"system\":false,\"message_count\":1,"));
    CHECK_STATUS(broker_create_topic(broker, "orders", 0), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(broker_create_topic(broker, "no/such/name", 1), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(broker_delete_topic(broker, "orders"), BROKER_STATUS_OK);
    CHECK_STATUS(broker_delete_topic(broker, "orders"), BROKER_STATUS_NOT_FOUND);
    CHECK(strstr(broker_last_error(), "orders") != NULL);

    CHECK_STATUS(broker_create_group(broker, "billing"), BROKER_STATUS_OK);
    CHECK_STATUS(broker_create_group(broker, "billing"), BROKER_STATUS_OK);
    CHECK(json_has(broker_groups_json, broker, "\"name\":\"billing\""));
    CHECK_STATUS(broker_delete_group(broker, "billing"), BROKER_STATUS_OK);
    CHECK_STATUS(broker_delete_group(broker, "billing"), BROKER_STATUS_NOT_FOUND);
    ended(&broker);
}

static void members_are_shown(void) {
    broker_t *broker = started(NULL);
    broker_consumer_t *consumer = NULL;
    CHECK_STATUS(broker_create_topic(broker, "orders", 1), BROKER_STATUS_OK);
    CHECK_STATUS(broker_consume(broker, "orders", "billing", "A", &consumer), BROKER_STATUS_OK);
    CHECK(json_has(broker_groups_json, broker, "{\"topic\":\"orders\",\"expression\":\"A\""));
    CHECK(json_has(broker_groups_json, broker, "\"client_id\":"));
    CHECK(json_has(broker_connections_json, broker, "["));
    broker_consumer_free(&consumer);
    ended(&broker);
}

static void config_counters_and_store_are_shown(void) {
    broker_property_t name = {"brokerName", "shown"};
    broker_options_t options = BROKER_OPTIONS_INIT;
    broker_t *broker;
    uint32_t health = 99;
    char problem[64] = "?";
    options.properties = &name;
    options.property_count = 1;
    broker = started(&options);
    CHECK(json_has(broker_config_json, broker, "\"brokerName\":\"shown\""));
    CHECK(json_has(broker_counters_json, broker, "{"));
    CHECK(json_has(broker_store_json, broker, "\"commitLogMaxOffset\":"));
    CHECK_STATUS(broker_health(broker, &health, problem, sizeof problem, NULL), BROKER_STATUS_OK);
    CHECK(health == BROKER_HEALTH_OK && problem[0] == '\0');
    CHECK_STATUS(broker_stop(broker, STOP_TIMEOUT_MS), BROKER_STATUS_OK);
    CHECK_STATUS(broker_health(broker, &health, problem, sizeof problem, NULL), BROKER_STATUS_OK);
    CHECK(health == BROKER_HEALTH_STOPPED && problem[0] != '\0');
    broker_free(&broker);
}

/* How many messages a query finds, and that the first has this body. */
static void finds(const broker_t *broker, const broker_query_t *query, size_t count, const char *first) {
    broker_messages_t *list = NULL;
    CHECK_STATUS(broker_messages(broker, query, &list), BROKER_STATUS_OK);
    CHECK(broker_messages_count(list) == count);
    CHECK(count == 0 || body_is(broker_messages_at(list, 0), first));
    CHECK(broker_messages_next_offset(list) == -1);
    broker_messages_free(&list);
}

static void messages_are_found_by_place_key_id_and_time(void) {
    broker_t *broker;
    broker_messages_t *list = NULL;
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_send_result_t result = BROKER_SEND_RESULT_INIT;
    broker_query_t all = BROKER_QUERY_INIT, query;
    broker_options_t options = BROKER_OPTIONS_INIT;
    int64_t begin_ms = 0;
    char body[2] = "0";
    options.clock = BROKER_CLOCK_MANUAL;
    broker = started(&options);
    CHECK_STATUS(broker_create_topic(broker, "t", 2), BROKER_STATUS_OK);
    CHECK_STATUS(broker_now_ms(broker, &begin_ms), BROKER_STATUS_OK);
    message.topic = "t";
    message.body = body;
    message.body_length = 1;
    for (int i = 0; i < 6; i++) {
        body[0] = (char)('0' + i);
        message.queue = i % 2;
        message.keys = i == 4 ? "four even" : NULL;
        CHECK_STATUS(broker_send(broker, &message, &result), BROKER_STATUS_OK);
        CHECK_STATUS(broker_advance(broker, 1000), BROKER_STATUS_OK);
    }
    all.topic = "t";
    finds(broker, &all, 6, "0");
    query = all;
    query.queue = 1;
    finds(broker, &query, 3, "1");
    query.start = 1;
    query.end = 2;
    finds(broker, &query, 1, "3");
    query = all;
    query.limit = 2;
    finds(broker, &query, 2, "0");
    query = all;
    query.key = "four";
    finds(broker, &query, 1, "4");
    query.key = result.msg_id;
    finds(broker, &query, 1, "5");
    query.key = "none";
    finds(broker, &query, 0, NULL);
    query = all;
    query.queue = 0;
    query.start_ms = begin_ms + 2000;
    query.end_ms = begin_ms + 4000;
    finds(broker, &query, 1, "2");
    CHECK_STATUS(broker_message(broker, result.offset_msg_id, &list), BROKER_STATUS_OK);
    CHECK(broker_messages_count(list) == 1 && body_is(broker_messages_at(list, 0), "5"));
    broker_messages_free(&list);
    query = all;
    query.topic = "absent";
    CHECK_STATUS(broker_messages(broker, &query, &list), BROKER_STATUS_NOT_FOUND);
    query = all;
    query.queue = -2;
    CHECK_STATUS(broker_messages(broker, &query, &list), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK(list == NULL);
    ended(&broker);
}

static void offsets_are_set_and_reset(void) {
    broker_t *broker = started(NULL);
    int64_t lag = -1;
    char *json = NULL;
    CHECK_STATUS(broker_create_topic(broker, "t", 1), BROKER_STATUS_OK);
    for (int i = 0; i < 5; i++) {
        sent(broker, "t", "x");
    }
    CHECK_STATUS(broker_set_offset(broker, "g", "t", 0, 2), BROKER_STATUS_OK);
    CHECK_STATUS(broker_lag(broker, "g", &lag), BROKER_STATUS_OK);
    CHECK(lag == 3);
    CHECK_STATUS(broker_offsets_json(broker, "g", &json), BROKER_STATUS_OK);
    CHECK(json != NULL && strstr(json, "{\"topic\":\"t\",\"queue_id\":0,\"offset\":2,\"min_offset\":0,"
                                       "\"max_offset\":5,\"lag\":3}") != NULL);
    broker_text_free(&json);
    CHECK_STATUS(broker_reset_offset(broker, "g", "t", BROKER_RESET_LAST, 0), BROKER_STATUS_OK);
    CHECK_STATUS(broker_lag(broker, "g", &lag), BROKER_STATUS_OK);
    CHECK(lag == 0);
    CHECK_STATUS(broker_reset_offset(broker, "g", "t", BROKER_RESET_OFFSET, 4), BROKER_STATUS_OK);
    CHECK_STATUS(broker_lag(broker, "g", &lag), BROKER_STATUS_OK);
    CHECK(lag == 1);
    CHECK_STATUS(broker_reset_offset(broker, "g", "t", BROKER_RESET_TIMESTAMP, 1), BROKER_STATUS_OK);
    CHECK_STATUS(broker_lag(broker, "g", &lag), BROKER_STATUS_OK);
    CHECK(lag == 5);
    CHECK_STATUS(broker_reset_offset(broker, "g", "t", BROKER_RESET_FIRST, 0), BROKER_STATUS_OK);
    CHECK_STATUS(broker_reset_offset(broker, "g", "t", BROKER_RESET_FIRST, 1), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(broker_reset_offset(broker, "g", "t", 9, 0), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(broker_reset_offset(broker, "g", "absent", BROKER_RESET_FIRST, 0), BROKER_STATUS_NOT_FOUND);
    CHECK_STATUS(broker_set_offset(broker, "g", "t", 0, -1), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(broker_set_offset(broker, "g", "t", 1, 0), BROKER_STATUS_NOT_FOUND);
    ended(&broker);
}

int main(void) {
    RUN(topics_and_groups_are_made_shown_and_deleted);
    RUN(members_are_shown);
    RUN(config_counters_and_store_are_shown);
    RUN(messages_are_found_by_place_key_id_and_time);
    RUN(offsets_are_set_and_reset);
    return finish();
}
