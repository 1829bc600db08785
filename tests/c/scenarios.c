/* Every scenario of tests/scenarios/scenarios.tsv, through the C library. SCENARIOS names that file.
 * The program starts itself anew where a scenario needs another process: see main. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <dirent.h>

#include "broker.h"
#include "check.h"
#include "brokers.h"
#include "wire.h"

#define SLACK_MS 10000

/* ---- files, processes, counts ---- */

static char scratch[64];

/* A path below the folder of this run; for each of the last four calls a text of its own. */
static const char *path_of(const char *name) {
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

static int exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

static int entries_of(const char *folder) {
    int count = 0;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir)) {
        count++;
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

static int files_open(void) {
    return entries_of("/proc/self/fd");
}

static int threads_running(void) {
    return entries_of("/proc/self/task");
}

static long resident_kib(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%*d %ld", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int64_t elapsed_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Another process of this program, with a pipe in and out. */
typedef struct {
    pid_t pid;
    FILE *in, *out;
} process_t;

static process_t run_self(const char *mode, const char *path) {
    process_t process = {-1, NULL, NULL};
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
        return process;
    }
    process.pid = fork();
    if (process.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execl("/proc/self/exe", "scenarios", mode, path, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    process.in = fdopen(in[1], "w");
    process.out = fdopen(out[0], "r");
    return process;
}

static int says(process_t *process, const char *word) {
    char line[256];
    return fgets(line, sizeof line, process->out) != NULL && strncmp(line, word, strlen(word)) == 0;
}

/* Waits for its end and gives what waitpid says. */
static int ended_with(process_t *process) {
    int status = -1;
    fclose(process->in);
    fclose(process->out);
    waitpid(process->pid, &status, 0);
    return status;
}

static broker_options_t at(const char *store_dir) {
    broker_options_t options = BROKER_OPTIONS_INIT;
    options.store_dir = store_dir;
    return options;
}

/* A start that must fail with this status and these words, and leave nothing behind. */
static void refused(const broker_options_t *options, broker_status_t status, const char *word, const char *other) {
    broker_t *broker = NULL;
    int files = files_open(), threads = threads_running();
    CHECK_STATUS(broker_start(options, &broker), status);
    if (!strstr(broker_last_error(), word) || !strstr(broker_last_error(), other)) {
        printf("#   no %s or no %s in: %s\n", word, other, broker_last_error());
        CHECK(0);
    }
    CHECK(broker == NULL && files_open() == files && threads_running() == threads);
}

/* ---- the scenarios ---- */

static void start_send_consume_stop(void) {
    broker_t *broker = started(NULL);
    broker_consumer_t *consumer = NULL;
    char store_dir[512];
    int64_t lag = -1;
    snprintf(store_dir, sizeof store_dir, "%s", text(broker_store_dir, broker));
    CHECK_STATUS(broker_create_topic(broker, "orders", 4), BROKER_STATUS_OK);
    for (int i = 0; i < 20; i++) {
        sent(broker, "orders", "order");
    }
    CHECK_STATUS(broker_consume(broker, "orders", "billing", "*", &consumer), BROKER_STATUS_OK);
    for (int i = 0; i < 20; i++) {
        broker_delivery_t *delivery = next_of(consumer);
        CHECK(body_is(broker_delivery_message(delivery), "order"));
        CHECK_STATUS(broker_delivery_ack(delivery), BROKER_STATUS_OK);
        broker_delivery_free(&delivery);
    }
    CHECK_STATUS(broker_lag(broker, "billing", &lag), BROKER_STATUS_OK);
    CHECK(lag == 0 && exists(store_dir));
    broker_consumer_free(&consumer);
    ended(&broker);
    CHECK(!exists(store_dir));
}

static void restart_with_data(void) {
    broker_options_t options = at(path_of("restart"));
    broker_t *broker = started(&options);
    broker_messages_t *list = NULL;
    int64_t lag = -1;
    CHECK_STATUS(broker_create_topic(broker, "orders", 3), BROKER_STATUS_OK);
    CHECK_STATUS(broker_create_group(broker, "billing"), BROKER_STATUS_OK);
    for (int i = 0; i < 9; i++) {
        sent(broker, "orders", "kept");
    }
    CHECK_STATUS(broker_reset_offset(broker, "billing", "orders", BROKER_RESET_LAST, 0), BROKER_STATUS_OK);
    ended(&broker);
    broker = started(&options);
    CHECK(json_has(broker_topics_json, broker, "{\"name\":\"orders\",\"queues\":3,"));
    CHECK(json_has(broker_groups_json, broker, "\"name\":\"billing\""));
    CHECK_STATUS(broker_lag(broker, "billing", &lag), BROKER_STATUS_OK);
    CHECK(lag == 0);
    {
        broker_query_t query = BROKER_QUERY_INIT;
        query.topic = "orders";
        CHECK_STATUS(broker_messages(broker, &query, &list), BROKER_STATUS_OK);
        CHECK(broker_messages_count(list) == 9 && body_is(broker_messages_at(list, 8), "kept"));
        broker_messages_free(&list);
    }
    ended(&broker);
}

static void port_in_use(void) {
    char port[16];
    broker_t *one = started(NULL), *two;
    broker_options_t options = at(path_of("port"));
    options.port = (uint16_t)port_of(text(broker_address, one));
    snprintf(port, sizeof port, "%d", options.port);
    refused(&options, BROKER_STATUS_PORT_IN_USE, port, "another");
    options.port = 0;
    options.namesrv_port = (uint16_t)port_of(text(broker_namesrv_address, one));
    snprintf(port, sizeof port, "%d", options.namesrv_port);
    refused(&options, BROKER_STATUS_PORT_IN_USE, port, "another");
    options.namesrv_port = 0;
    two = started(&options); /* the store is not held */
    ended(&two);
    ended(&one);
}

static void store_locked_by_another_process(void) {
    const char *store = path_of("locked");
    broker_options_t options = at(store);
    process_t other = run_self("hold", store);
    broker_t *broker;
    CHECK(says(&other, "ready"));
    refused(&options, BROKER_STATUS_STORE_LOCKED, store, "stop");
    CHECK(fputs("send\n", other.in) >= 0 && fflush(other.in) == 0);
    CHECK(says(&other, "sent"));
    CHECK(ended_with(&other) == 0);
    broker = started(&options);
    refused(&options, BROKER_STATUS_STORE_LOCKED, store, "stop");
    ended(&broker);
}

static void bad_option(void) {
    broker_property_t property = {"noSuchKey", "1"};
    broker_options_t options = BROKER_OPTIONS_INIT;
    options.properties = &property;
    options.property_count = 1;
    refused(&options, BROKER_STATUS_CONFIG, "noSuchKey", "");
    property.key = "maxMessageSize";
    property.value = "-5";
    refused(&options, BROKER_STATUS_CONFIG, "maxMessageSize", "-5");
    property.key = "flushDiskType";
    property.value = "SOMETIMES";
    refused(&options, BROKER_STATUS_CONFIG, "SOMETIMES", "ASYNC_FLUSH");
    property.key = "listenPort";
    property.value = "10911";
    options.port = 10912;
    refused(&options, BROKER_STATUS_CONFIG, "listenPort", "10912");
    options.property_count = 0;
    options.namesrv = "127.0.0.1:9876";
    options.namesrv_port = 9876;
    refused(&options, BROKER_STATUS_CONFIG, "namesrv", "namesrv_port");
}

static void unwritable_directory(void) {
    const char *file = path_of("file"), *store = path_of("file/store");
    broker_options_t options = at(store);
    FILE *made = fopen(file, "w");
    CHECK(made != NULL && fclose(made) == 0);
    refused(&options, BROKER_STATUS_IO, store, "choose another");
}

static void full_disk(void) {
    char command[1024], self[256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(length > 0 && mkdir(path_of("small"), 0755) == 0);
    self[length > 0 ? length : 0] = '\0';
    fflush(stdout);
    snprintf(command, sizeof command,
             "unshare -rm sh -c 'mount -t tmpfs -o size=32m tmpfs \"$1\" && exec \"$2\" full \"$1\"' sh '%s' '%s'",
             path_of("small"), self);
    CHECK(system(command) == 0);
}

/* Runs inside the namespace with the small disk. */
static int fill(const char *disk) {
    enum { BODY = 32768, BALLAST = 6 << 20 };
    static char body[BODY], ballast[256], store[256];
    broker_property_t properties[] = {{"mappedFileSizeCommitLog", "4194304"},
                                      {"rocketmq.broker.diskSpaceWarningLevelRatio", "1.0"},
                                      {"cleanFileForciblyEnable", "false"}};
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_options_t options;
    broker_t *broker;
    broker_status_t status = BROKER_STATUS_OK;
    uint64_t acknowledged = 0, before, held = 0;
    int64_t deadline;
    int file;
    snprintf(ballast, sizeof ballast, "%s/ballast", disk);
    snprintf(store, sizeof store, "%s/store", disk);
    file = open(ballast, O_CREAT | O_WRONLY, 0644);
    CHECK(file >= 0 && posix_fallocate(file, 0, BALLAST) == 0 && close(file) == 0);
    options = at(store);
    options.properties = properties;
    options.property_count = sizeof properties / sizeof properties[0];
    broker = started(&options);
    CHECK_STATUS(broker_create_topic(broker, "full", 1), BROKER_STATUS_OK);
    message.topic = "full";
    message.body = body;
    message.body_length = BODY;
    while (status == BROKER_STATUS_OK && acknowledged < 10000) {
        status = broker_send(broker, &message, NULL);
        acknowledged += status == BROKER_STATUS_OK;
    }
    CHECK(status == BROKER_STATUS_DISK_FULL || status == BROKER_STATUS_REFUSED);
    printf("#   %d messages, then %s: %s\n", (int)acknowledged, broker_status_name(status), broker_last_error());
    CHECK_STATUS(broker_message_count(broker, "full", &held), BROKER_STATUS_OK);
    CHECK(held == acknowledged && acknowledged > 0);
    CHECK(unlink(ballast) == 0);
    before = acknowledged;
    deadline = elapsed_us() + 1000LL * WAIT_MS;
    while (acknowledged < before + 20 && elapsed_us() < deadline) {
        acknowledged += broker_send(broker, &message, NULL) == BROKER_STATUS_OK;
    }
    CHECK(acknowledged == before + 20);
    ended(&broker);
    broker = started(&options);
    CHECK_STATUS(broker_message_count(broker, "full", &held), BROKER_STATUS_OK);
    CHECK(held == acknowledged);
    ended(&broker);
    return checks_failed != 0;
}

static void two_brokers_in_one_process(void) {
    broker_t *one = started(NULL), *two = started(NULL);
    uint64_t of_one = 0, of_two = 0;
    sent(one, "same", "1");
    sent(two, "same", "2");
    sent(two, "same", "2");
    CHECK_STATUS(broker_message_count(one, "same", &of_one), BROKER_STATUS_OK);
    CHECK_STATUS(broker_message_count(two, "same", &of_two), BROKER_STATUS_OK);
    CHECK(of_one == 1 && of_two == 2);
    ended(&one);
    sent(two, "same", "3");
    ended(&two);
}

static int by_size(const void *left, const void *right) {
    int64_t difference = *(const int64_t *)left - *(const int64_t *)right;
    return (difference > 0) - (difference < 0);
}

static void thousand_start_stop_cycles(void) {
    enum { WARM = 100, CYCLES = 1000 };
    static int64_t took[CYCLES];
    int files = 0, threads = 0;
    long resident = 0, grown;
    for (int i = 0; i < CYCLES; i++) {
        broker_t *broker = NULL;
        int64_t begin = elapsed_us();
        CHECK_STATUS(broker_start(NULL, &broker), BROKER_STATUS_OK);
        took[i] = elapsed_us() - begin;
        if (i % 10 == 0) {
            sent(broker, "t", "x");
        }
        ended(&broker);
        if (i == WARM) {
            files = files_open();
            threads = threads_running();
            resident = resident_kib();
        }
    }
    grown = resident_kib() - resident;
    qsort(took, CYCLES, sizeof took[0], by_size);
    printf("#   start: half in %d us, all in %d us; %ld KiB grown from %ld\n", (int)took[CYCLES / 2],
           (int)took[CYCLES - 1], grown, resident);
    CHECK(files_open() == files && threads_running() == threads);
    CHECK(grown < 8 * 1024);
    CHECK(took[CYCLES / 2] < 50000);
}

#define SENDERS 4
#define SENDS_MAX 20000

/* One thread that sends: number i was acknowledged when acknowledged[i]. */
typedef struct {
    const broker_t *broker;
    int number;
    broker_status_t last;
    unsigned char acknowledged[SENDS_MAX];
} sender_t;

static void *send_all(void *context) {
    sender_t *sender = (sender_t *)context;
    broker_message_t message = BROKER_MESSAGE_INIT;
    char body[32];
    message.topic = "load";
    message.body = body;
    for (int i = 0; i < SENDS_MAX && sender->last == BROKER_STATUS_OK; i++) {
        message.body_length = (size_t)snprintf(body, sizeof body, "%d %d", sender->number, i);
        sender->last = broker_send(sender->broker, &message, NULL);
        sender->acknowledged[i] = sender->last == BROKER_STATUS_OK;
    }
    return NULL;
}

/* Takes from the senders what is stored; what is left was lost. */
static void find_sent(const broker_t *broker, sender_t *senders) {
    broker_query_t query = BROKER_QUERY_INIT;
    broker_messages_t *list = NULL;
    query.topic = "load";
    CHECK_STATUS(broker_messages(broker, &query, &list), BROKER_STATUS_OK);
    for (size_t i = 0; i < broker_messages_count(list); i++) {
        const broker_message_view_t *message = broker_messages_at(list, i);
        char body[32];
        int sender = -1, number = -1;
        snprintf(body, sizeof body, "%.*s", (int)message->body_length, (const char *)message->body);
        if (sscanf(body, "%d %d", &sender, &number) == 2 && sender >= 0 && sender < SENDERS && number >= 0 &&
            number < SENDS_MAX) {
            senders[sender].acknowledged[number] = 0;
        }
    }
    broker_messages_free(&list);
}

static void stop_under_load(void) {
    static sender_t senders[SENDERS];
    pthread_t threads[SENDERS];
    broker_options_t options = at(path_of("load"));
    broker_t *broker = started(&options);
    int64_t begin;
    int lost = 0;
    for (int i = 0; i < SENDERS; i++) {
        senders[i].broker = broker;
        senders[i].number = i;
        CHECK(pthread_create(&threads[i], NULL, send_all, &senders[i]) == 0);
    }
    CHECK_STATUS(broker_wait_for(broker, "load", 2000, WAIT_MS, NULL), BROKER_STATUS_OK);
    begin = elapsed_us();
    CHECK_STATUS(broker_stop(broker, 5000), BROKER_STATUS_OK);
    CHECK(elapsed_us() - begin < 1000LL * (5000 + SLACK_MS));
    for (int i = 0; i < SENDERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(senders[i].last == BROKER_STATUS_STOPPED);
    }
    broker_free(&broker);
    broker = started(&options);
    find_sent(broker, senders);
    for (int i = 0; i < SENDERS * SENDS_MAX; i++) {
        lost += senders[i / SENDS_MAX].acknowledged[i % SENDS_MAX];
    }
    CHECK(lost == 0);
    ended(&broker);
}

static void kill_9_and_restart(void) {
    static sender_t senders[SENDERS];
    const char *store = path_of("killed");
    process_t other = run_self("send", store);
    broker_options_t options = at(store);
    broker_t *broker;
    int number, acknowledged = 0, lost = 0, status;
    while (fscanf(other.out, "%d", &number) == 1 && number < SENDS_MAX) {
        senders[0].acknowledged[number] = 1;
        if (++acknowledged == 1000) {
            CHECK(kill(other.pid, SIGKILL) == 0); /* what it still wrote is read to the end */
        }
    }
    status = ended_with(&other);
    CHECK(acknowledged >= 1000 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    broker = started(&options);
    find_sent(broker, senders);
    for (int i = 0; i < SENDS_MAX; i++) {
        lost += senders[0].acknowledged[i];
    }
    CHECK(lost == 0);
    sent(broker, "load", "goes on");
    ended(&broker);
}

/* ---- what other processes do ---- */

/* Holds a store until its input ends; sends for each line of it. */
static int hold(const char *store) {
    broker_options_t options = at(store);
    broker_t *broker = started(&options);
    char line[16];
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        sent(broker, "t", "x");
        puts(checks_failed ? "failed" : "sent");
        fflush(stdout);
    }
    ended(&broker);
    return checks_failed != 0;
}

/* Sends until it is killed, and says which messages were acknowledged. */
static int send_until_killed(const char *store) {
    broker_options_t options = at(store);
    broker_t *broker = started(&options);
    char body[32];
    for (int i = 0; i < SENDS_MAX && checks_failed == 0; i++) {
        snprintf(body, sizeof body, "0 %d", i);
        sent(broker, "load", body);
        printf("%d\n", i);
        fflush(stdout);
    }
    return 1;
}

/* ---- the list ---- */

typedef struct {
    const char *name;
    void (*run)(void);
} scenario_t;

#define SCENARIO(name) {#name, name}

static const scenario_t scenarios[] = {
    SCENARIO(start_send_consume_stop), SCENARIO(restart_with_data), SCENARIO(port_in_use),
    SCENARIO(store_locked_by_another_process), SCENARIO(bad_option), SCENARIO(unwritable_directory),
    SCENARIO(full_disk), SCENARIO(two_brokers_in_one_process), SCENARIO(thousand_start_stop_cycles),
    SCENARIO(stop_under_load), SCENARIO(kill_9_and_restart),
};

#define COUNT ((int)(sizeof scenarios / sizeof scenarios[0]))

static void the_list_is_that_of_all_doors(void) {
    char line[1024];
    int lines = 0;
    const char *list = getenv("SCENARIOS");
    FILE *file = list ? fopen(list, "r") : NULL;
    CHECK(file != NULL);
    while (file && fgets(line, sizeof line, file)) {
        int found = 0;
        line[strcspn(line, "\t\n")] = '\0';
        for (int i = 0; i < COUNT; i++) {
            found += strcmp(scenarios[i].name, line) == 0;
        }
        if (found != 1) {
            printf("#   not here: %s\n", line);
            CHECK(0);
        }
        lines++;
    }
    CHECK(lines == COUNT);
    if (file) {
        fclose(file);
    }
}

int main(int argc, char **argv) {
    char command[128];
    if (argc == 3) {
        if (strcmp(argv[1], "hold") == 0) {
            return hold(argv[2]);
        }
        if (strcmp(argv[1], "send") == 0) {
            return send_until_killed(argv[2]);
        }
        return strcmp(argv[1], "full") == 0 ? fill(argv[2]) : 2;
    }
    snprintf(scratch, sizeof scratch, "/tmp/broker-c-scenarios-XXXXXX");
    if (!mkdtemp(scratch)) {
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    RUN(the_list_is_that_of_all_doors);
    for (int i = 0; i < COUNT; i++) {
        /* One name as an argument runs that one. */
        if (argc == 1 || strcmp(argv[1], scenarios[i].name) == 0) {
            run_test(scenarios[i].name, scenarios[i].run);
        }
    }
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    CHECK(system(command) == 0);
    return finish();
}
