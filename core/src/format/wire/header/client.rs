//! Connected clients: codes 35, 38, 40, 203, 204, 307, 309. Heartbeats have a body and no header.

use super::header;

header! {
    /// A client leaves: code 35. The answer's header has no field.
    #[doc(alias = "UnregisterClientRequestHeader")]
    UnregisterClientHeader<'a> {
        "clientID" client_id: Option<&'a str>,
        "producerGroup" producer_group: Option<&'a str>,
        "consumerGroup" consumer_group: Option<&'a str>,
    }

    /// Names a consumer group: codes 38, 203 and the push 40. The answer of 38 has a header without fields.
    #[doc(alias = "GetConsumerListByGroupRequestHeader")]
    #[doc(alias = "GetConsumerConnectionListRequestHeader")]
    #[doc(alias = "NotifyConsumerIdsChangedRequestHeader")]
    ConsumerGroupHeader<'a> {
        "consumerGroup" consumer_group: Option<&'a str>,
    }

    /// Names a producer group: code 204.
    #[doc(alias = "GetProducerConnectionListRequestHeader")]
    ProducerGroupHeader<'a> {
        "producerGroup" producer_group: Option<&'a str>,
    }

    /// State of one consumer: code 307, passed on to that client.
    #[doc(alias = "GetConsumerRunningInfoRequestHeader")]
    ConsumerRunningHeader<'a> {
        "clientId" client_id: Option<&'a str>,
        "jstackEnable" jstack_enable: bool,
        "consumerGroup" consumer_group: Option<&'a str>,
    }

    /// Let one consumer consume one message: code 309, passed on to that client with the broker's name.
    #[doc(alias = "ConsumeMessageDirectlyResultRequestHeader")]
    ConsumeDirectlyHeader<'a> {
        "clientId" client_id: Option<&'a str>,
        "msgId" message_id: Option<&'a str>,
        "brokerName" broker_name: Option<&'a str>,
        "consumerGroup" consumer_group: Option<&'a str>,
    }
}
