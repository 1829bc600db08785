/* The log of a broker, given to a function of ours. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdint.h>

#include "broker.h"
#include "check.h"
#include "brokers.h"

/* What a log function saw. */
typedef struct {
    pthread_mutex_t lock;
    broker_t *broker;
    int lines, above, updated, bad;
    uint32_t level;
    broker_status_t stop_status;
} seen_t;

static void see(void *context, const broker_log_record_t *record) {
    seen_t *seen = (seen_t *)context;
    broker_t *broker;
    pthread_mutex_lock(&seen->lock);
    seen->lines++;
    seen->above += record->level > seen->level;
    seen->updated += strstr(record->message, "topic updated") != NULL;
    seen->bad += record->size < sizeof *record || record->timestamp_ms < 1600000000000 || record->target[0] == '\0';
    broker = seen->broker;
    pthread_mutex_unlock(&seen->lock);
    if (broker) {
        /* What it may ask, and what is refused. */
        char address[64];
        uint32_t health = 99;
        broker_status_t asked = broker_address(broker, address, sizeof address, NULL);
        broker_status_t healthy = broker_health(broker, &health, NULL, 0, NULL);
        pthread_mutex_lock(&seen->lock);
        seen->bad += asked != BROKER_STATUS_OK || healthy != BROKER_STATUS_OK || health == 99;
        pthread_mutex_unlock(&seen->lock);
        seen->stop_status = broker_stop(broker, 0);
    }
}

static seen_t nothing(uint32_t level) {
    seen_t seen;
    memset(&seen, 0, sizeof seen);
    pthread_mutex_init(&seen.lock, NULL);
    seen.level = level;
    return seen;
}

static broker_t *logging(seen_t *seen) {
    broker_options_t options = BROKER_OPTIONS_INIT;
    options.log = see;
    options.log_context = seen;
    options.log_level = seen->level;
    return started(&options);
}

static void each_broker_has_its_own_log(void) {
    seen_t first = nothing(BROKER_LOG_INFO), second = nothing(BROKER_LOG_ERROR);
    broker_t *silent = started(NULL), *one = logging(&first), *two = logging(&second);
    int lines;
    CHECK(first.lines > 0); /* it says that it started */
    CHECK_STATUS(broker_create_topic(silent, "x", 1), BROKER_STATUS_OK);
    CHECK_STATUS(broker_create_topic(two, "x", 1), BROKER_STATUS_OK);
    CHECK(first.updated == 0);
    CHECK_STATUS(broker_create_topic(one, "x", 1), BROKER_STATUS_OK);
    pthread_mutex_lock(&first.lock);
    CHECK(first.updated == 1 && first.above == 0 && first.bad == 0);
    first.broker = one;
    pthread_mutex_unlock(&first.lock);
    CHECK_STATUS(broker_create_topic(one, "y", 1), BROKER_STATUS_OK);
    CHECK(first.updated == 2 && first.bad == 0);
    CHECK(first.stop_status == BROKER_STATUS_INVALID_ARGUMENT);
    pthread_mutex_lock(&first.lock);
    first.broker = NULL;
    pthread_mutex_unlock(&first.lock);
    CHECK_STATUS(broker_stop(one, STOP_TIMEOUT_MS), BROKER_STATUS_OK);
    lines = first.lines;
    CHECK_STATUS(broker_create_topic(one, "z", 1), BROKER_STATUS_STOPPED);
    broker_free(&one);
    CHECK(first.lines == lines); /* nothing is logged after the stop */
    ended(&two);
    ended(&silent);
    CHECK(second.lines == 0 && second.above == 0);
}

static void a_failed_start_lets_go_of_the_log(void) {
    broker_property_t unknown = {"noSuchKey", "1"};
    broker_t *broker = NULL;
    broker_options_t options = BROKER_OPTIONS_INIT;
    {
        seen_t seen = nothing(BROKER_LOG_TRACE);
        options.log = see;
        options.log_context = &seen;
        options.log_level = BROKER_LOG_TRACE;
        options.properties = &unknown;
        options.property_count = 1;
        CHECK_STATUS(broker_start(&options, &broker), BROKER_STATUS_CONFIG);
    }
    options.log_level = 6;
    CHECK_STATUS(broker_start(&options, &broker), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK(broker == NULL);
}

int main(void) {
    RUN(each_broker_has_its_own_log);
    RUN(a_failed_start_lets_go_of_the_log);
    return finish();
}
