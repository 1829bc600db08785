/* Starts and stops brokers through the C library: once, twice, two at a time, wrongly. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker.h"
#include "check.h"
#include "brokers.h"

/* True when a TCP connection to the loopback port is accepted. */
static int accepts(int port) {
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int ok;
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ok = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return ok;
}

static void starts_and_stops(void) {
    broker_t *broker = NULL;
    struct stat status;
    char store_dir[512];
    int port;
    CHECK_STATUS(broker_start(NULL, &broker), BROKER_STATUS_OK);
    if (!broker) {
        return;
    }
    port = port_of(text(broker_address, broker));
    CHECK(port != 0 && accepts(port));
    CHECK(accepts(port_of(text(broker_namesrv_address, broker))));
    snprintf(store_dir, sizeof store_dir, "%s", text(broker_store_dir, broker));
    CHECK(stat(store_dir, &status) == 0 && S_ISDIR(status.st_mode));
    CHECK_STATUS(broker_stop(broker, STOP_TIMEOUT_MS), BROKER_STATUS_OK);
    CHECK(!accepts(port));
    broker_free(&broker);
    CHECK(broker == NULL);
    CHECK(stat(store_dir, &status) != 0); /* a store nobody asked to keep is gone */
}

static void stops_twice_and_frees_twice(void) {
    broker_t *broker = NULL;
    CHECK_STATUS(broker_start(NULL, &broker), BROKER_STATUS_OK);
    CHECK_STATUS(broker_stop(broker, STOP_TIMEOUT_MS), BROKER_STATUS_OK);
    CHECK_STATUS(broker_stop(broker, STOP_TIMEOUT_MS), BROKER_STATUS_OK);
    CHECK(port_of(text(broker_address, broker)) != 0); /* the handle outlives the stop */
    broker_free(&broker);
    broker_free(&broker);
    broker_free(NULL);
}

static void free_stops(void) {
    broker_t *broker = NULL;
    int port;
    CHECK_STATUS(broker_start(NULL, &broker), BROKER_STATUS_OK);
    port = port_of(text(broker_address, broker));
    broker_free(&broker);
    CHECK(!accepts(port));
}

static void two_brokers_live_side_by_side(void) {
    broker_t *one = NULL, *two = NULL;
    CHECK_STATUS(broker_start(NULL, &one), BROKER_STATUS_OK);
    CHECK_STATUS(broker_start(NULL, &two), BROKER_STATUS_OK);
    CHECK(strcmp(text(broker_address, one), text(broker_address, two)) != 0);
    CHECK(strcmp(text(broker_store_dir, one), text(broker_store_dir, two)) != 0);
    CHECK_STATUS(broker_stop(one, STOP_TIMEOUT_MS), BROKER_STATUS_OK);
    CHECK(accepts(port_of(text(broker_address, two))));
    broker_free(&two);
    broker_free(&one);
}

static void keeps_a_store_that_was_named(void) {
    char folder[] = "broker-c-test-XXXXXX";
    char command[64];
    struct stat status;
    broker_t *broker = NULL;
    broker_property_t properties[] = {{"brokerName", "named"}, {"flushDiskType", "ASYNC_FLUSH"}};
    broker_options_t options = BROKER_OPTIONS_INIT;
    CHECK(mkdtemp(folder) != NULL);
    options.store_dir = folder;
    options.properties = properties;
    options.property_count = 2;
    for (int round = 0; round < 2; round++) {
        CHECK_STATUS(broker_start(&options, &broker), BROKER_STATUS_OK);
        CHECK_STATUS(broker_stop(broker, STOP_TIMEOUT_MS), BROKER_STATUS_OK);
        broker_free(&broker);
        CHECK(stat(folder, &status) == 0);
    }
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
}

static void a_nameserver_alone_has_no_broker_address(void) {
    broker_t *namesrv = NULL, *broker = NULL;
    char address[512];
    broker_options_t options = BROKER_OPTIONS_INIT;
    options.namesrv_only = 1;
    CHECK_STATUS(broker_start(&options, &namesrv), BROKER_STATUS_OK);
    CHECK_STATUS(broker_address(namesrv, address, sizeof address, NULL), BROKER_STATUS_NOT_FOUND);
    options.namesrv_only = 0;
    options.namesrv = text(broker_namesrv_address, namesrv);
    CHECK_STATUS(broker_start(&options, &broker), BROKER_STATUS_OK);
    CHECK(accepts(port_of(text(broker_address, broker))));
    CHECK_STATUS(broker_namesrv_address(broker, address, sizeof address, NULL), BROKER_STATUS_NOT_FOUND);
    broker_free(&broker);
    broker_free(&namesrv);
}

static void null_is_refused(void) {
    broker_options_t options = BROKER_OPTIONS_INIT;
    size_t needed = 7;
    char buffer[8];
    CHECK_STATUS(broker_start(&options, NULL), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(broker_last_error(), "out") != NULL);
    CHECK_STATUS(broker_stop(NULL, 0), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(broker_address(NULL, buffer, sizeof buffer, &needed), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(broker_namesrv_address(NULL, NULL, 0, NULL), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(broker_store_dir(NULL, NULL, 0, NULL), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK(needed == 7);
}

static void bad_options_are_refused_and_write_nothing(void) {
    broker_property_t unknown = {"noSuchKey", "1"};
    broker_property_t broken = {NULL, "1"};
    broker_t *mark = (broker_t *)&unknown, *broker = mark;
    broker_options_t options = BROKER_OPTIONS_INIT;
    options.size = 0;
    CHECK_STATUS(broker_start(&options, &broker), BROKER_STATUS_INVALID_ARGUMENT);
    options.size = sizeof options;
    options.profile = 99;
    CHECK_STATUS(broker_start(&options, &broker), BROKER_STATUS_INVALID_ARGUMENT);
    options.profile = BROKER_PROFILE_EMBEDDED;
    options.property_count = 1;
    CHECK_STATUS(broker_start(&options, &broker), BROKER_STATUS_INVALID_ARGUMENT);
    options.properties = &broken;
    CHECK_STATUS(broker_start(&options, &broker), BROKER_STATUS_INVALID_ARGUMENT);
    options.properties = &unknown;
    CHECK_STATUS(broker_start(&options, &broker), BROKER_STATUS_CONFIG);
    CHECK(strstr(broker_last_error(), "noSuchKey") != NULL);
    CHECK(broker == mark);
}

static void a_taken_port_is_named(void) {
    broker_t *one = NULL, *two = NULL;
    broker_options_t options = BROKER_OPTIONS_INIT;
    CHECK_STATUS(broker_start(NULL, &one), BROKER_STATUS_OK);
    options.port = (uint16_t)port_of(text(broker_address, one));
    CHECK_STATUS(broker_start(&options, &two), BROKER_STATUS_PORT_IN_USE);
    CHECK(two == NULL);
    broker_free(&one);
}

static void a_small_buffer_tells_the_need(void) {
    broker_t *broker = NULL;
    size_t needed = 0;
    char small[4] = {'x', 'x', 'x', 'x'};
    CHECK_STATUS(broker_start(NULL, &broker), BROKER_STATUS_OK);
    CHECK_STATUS(broker_address(broker, NULL, 0, &needed), BROKER_STATUS_OK);
    CHECK(needed == strlen(text(broker_address, broker)) + 1);
    needed = 0;
    CHECK_STATUS(broker_address(broker, small, sizeof small, &needed), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK(needed > sizeof small && small[0] == 'x');
    broker_free(&broker);
}

static void versions_agree(void) {
    CHECK(strcmp(broker_version(), BROKER_VERSION) == 0);
    CHECK(broker_abi_version() == BROKER_ABI_VERSION);
    CHECK(strcmp(broker_status_name(BROKER_STATUS_PORT_IN_USE), "PORT_IN_USE") == 0);
    CHECK(strcmp(broker_status_name(-5), "UNKNOWN") == 0);
}

static void *last_error_of_another_thread(void *unused) {
    (void)unused;
    return (void *)(uintptr_t)(broker_last_error()[0] == '\0');
}

static void the_last_error_is_per_thread(void) {
    pthread_t thread;
    void *empty = NULL;
    CHECK_STATUS(broker_stop(NULL, 0), BROKER_STATUS_INVALID_ARGUMENT);
    CHECK(broker_last_error()[0] != '\0');
    CHECK(pthread_create(&thread, NULL, last_error_of_another_thread, NULL) == 0);
    CHECK(pthread_join(thread, &empty) == 0 && empty != NULL);
}

int main(void) {
    RUN(versions_agree);
    RUN(null_is_refused);
    RUN(bad_options_are_refused_and_write_nothing);
    RUN(the_last_error_is_per_thread);
    RUN(starts_and_stops);
    RUN(stops_twice_and_frees_twice);
    RUN(free_stops);
    RUN(two_brokers_live_side_by_side);
    RUN(keeps_a_store_that_was_named);
    RUN(a_nameserver_alone_has_no_broker_address);
    RUN(a_taken_port_is_named);
    RUN(a_small_buffer_tells_the_need);
    return finish();
}
