/* The smallest test runner: prints the Test Anything Protocol, as `node --test` does. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

static int checks_failed;
static int tests_run;
static int tests_failed;

/* Reports a condition that does not hold, with its place, and goes on. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            printf("#   %s:%d: not true: %s\n", __FILE__, __LINE__, #condition);      \
            checks_failed++;                                                          \
        }                                                                             \
    } while (0)

/* Like CHECK(call == status), and shows what the library said. */
#define CHECK_STATUS(call, status)                                                    \
    do {                                                                              \
        int got = (int)(call);                                                        \
        if (got != (int)(status)) {                                                   \
            printf("#   %s:%d: %s: %s, %s\n", __FILE__, __LINE__, #call,              \
                   broker_status_name(got), got ? broker_last_error() : "");          \
            checks_failed++;                                                          \
        }                                                                             \
    } while (0)

#define RUN(test) run_test(#test, test)

static void run_test(const char *name, void (*test)(void)) {
    int before = checks_failed;
    test();
    tests_run++;
    if (checks_failed != before) {
        tests_failed++;
    }
    printf("%s %d - %s\n", checks_failed == before ? "ok" : "not ok", tests_run, name);
    fflush(stdout);
}

static int finish(void) {
    printf("1..%d\n# tests %d\n# pass %d\n# fail %d\n", tests_run, tests_run, tests_run - tests_failed, tests_failed);
    return tests_failed == 0 ? 0 : 1;
}

#endif
