/* Brokers for tests, and what is asked of them again and again. After broker.h and check.h. */
#ifndef BROKERS_H
#define BROKERS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_TIMEOUT_MS 30000
#define WAIT_MS 20000

typedef broker_status_t (*text_of)(const broker_t *, char *, size_t, size_t *);
typedef broker_status_t (*json_of)(const broker_t *, char **);

/* A broker with the options, or with none. */
static inline broker_t *started(const broker_options_t *options) {
    broker_t *broker = NULL;
    CHECK_STATUS(broker_start(options, &broker), BROKER_STATUS_OK);
    return broker;
}

/* Stops and releases it. */
static inline void ended(broker_t **broker) {
    CHECK_STATUS(broker_stop(*broker, STOP_TIMEOUT_MS), BROKER_STATUS_OK);
    broker_free(broker);
    CHECK(*broker == NULL);
}

/* The text that `of` writes, in a buffer of its own for each of the last four calls. */
static inline const char *text(text_of of, const broker_t *broker) {
    static char buffers[4][512];
    static int next;
    char *buffer = buffers[next++ % 4];
    buffer[0] = '\0';
    CHECK_STATUS(of(broker, buffer, sizeof buffers[0], NULL), BROKER_STATUS_OK);
    return buffer;
}

static inline int port_of(const char *address) {
    const char *colon = strrchr(address, ':');
    return colon ? atoi(colon + 1) : 0;
}

/* True when the JSON text that `of` gives has `part` in it. */
static inline int json_has(json_of of, const broker_t *broker, const char *part) {
    char *json = NULL;
    int has;
    CHECK_STATUS(of(broker, &json), BROKER_STATUS_OK);
    has = json != NULL && strstr(json, part) != NULL;
    if (!has) {
        printf("#   no %s in %s\n", part, json ? json : "NULL");
    }
    broker_text_free(&json);
    return has;
}

/* Sends a text. */
static inline broker_send_result_t sent(const broker_t *broker, const char *topic, const char *body) {
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_send_result_t result = BROKER_SEND_RESULT_INIT;
    message.topic = topic;
    message.body = body;
    message.body_length = strlen(body);
    CHECK_STATUS(broker_send(broker, &message, &result), BROKER_STATUS_OK);
    return result;
}

static inline int body_is(const broker_message_view_t *message, const char *body) {
    return message != NULL && message->body_length == strlen(body) &&
           memcmp(message->body, body, message->body_length) == 0;
}

/* The next message of a consumer, which must come. */
static inline broker_delivery_t *next_of(const broker_consumer_t *consumer) {
    broker_delivery_t *delivery = NULL;
    CHECK_STATUS(broker_consumer_next(consumer, WAIT_MS, &delivery), BROKER_STATUS_OK);
    return delivery;
}

#endif
