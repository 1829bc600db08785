/* Never releases a list. Memcheck and AddressSanitizer must say so. */
#include "broker.h"

int main(void) {
    broker_t *broker = NULL;
    broker_messages_t *list = NULL;
    broker_query_t query = BROKER_QUERY_INIT;
    int failed;
    query.topic = "TBW102";
    failed = broker_start(NULL, &broker) || broker_messages(broker, &query, &list);
    list = NULL;
    broker_free(&broker);
    return failed;
}
