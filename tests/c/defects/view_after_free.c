/* Looks at a message after its list was released. Memcheck and AddressSanitizer must say so. */
#include "broker.h"

int main(void) {
    broker_t *broker = NULL;
    broker_messages_t *list = NULL;
    const broker_message_view_t *view;
    broker_message_t message = BROKER_MESSAGE_INIT;
    broker_query_t query = BROKER_QUERY_INIT;
    int length = 1;
    query.topic = message.topic = "t";
    if (broker_start(NULL, &broker) || broker_send(broker, &message, NULL) || broker_messages(broker, &query, &list)) {
        return 1;
    }
    view = broker_messages_at(list, 0);
    broker_messages_free(&list);
    length = (int)view->body_length;
    broker_free(&broker);
    return length;
}
