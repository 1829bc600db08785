//! Every header seen in the recorded frames goes through its type and comes out the same.

use std::collections::{BTreeMap, BTreeSet};

use super::super::RequestCode;
use super::super::ext_fields::ExtFields;
use super::super::fields::HeaderFields;
use super::super::tests::{decode, recorded};
use super::{admin::*, client::*, offset::*, pull::*, query::*, route::*, send::*, transaction::*};

/// Decodes the request's fields into their type and gives what would be sent for it.
fn request(code: RequestCode, fields: &ExtFields) -> HeaderFields {
    use RequestCode::*;
    match code {
        SendMessage | SendReplyMessage => SendHeader::decode(fields).fields(),
        SendMessageV2 | SendBatchMessage | SendReplyMessageV2 => SendHeaderV2::decode(fields).fields(),
        ConsumerSendMsgBack => SendBackHeader::decode(fields).fields(),
        PushReplyMessageToClient => ReplyPushHeader::decode(fields).fields(),
        PullMessage => PullHeader::decode(fields).fields(),
        QueryMessage => QueryMessageHeader::decode(fields).fields(),
        ViewMessageById => ViewMessageHeader::decode(fields).fields(),
        RequestCode::QueryConsumeQueue => QueryConsumeQueueHeader::decode(fields).fields(),
        QueryConsumerOffset => QueryConsumerOffsetHeader::decode(fields).fields(),
        UpdateConsumerOffset => UpdateConsumerOffsetHeader::decode(fields).fields(),
        GetMaxOffset | GetMinOffset | GetEarliestMsgStoretime => QueueHeader::decode(fields).fields(),
        SearchOffsetByTimestamp => SearchOffsetHeader::decode(fields).fields(),
        InvokeBrokerToResetOffset | ResetConsumerClientOffset => ResetOffsetHeader::decode(fields).fields(),
        InvokeBrokerToGetConsumerStatus | GetConsumerStatusFromClient => {
            ConsumerStatusHeader::decode(fields).fields()
        }
        QueryConsumeTimeSpan => ConsumeTimeSpanHeader::decode(fields).fields(),
        QueryCorrectionOffset => CorrectionOffsetHeader::decode(fields).fields(),
        CloneGroupOffset => CloneGroupOffsetHeader::decode(fields).fields(),
        UnregisterClient => UnregisterClientHeader::decode(fields).fields(),
        GetConsumerListByGroup | GetConsumerConnectionList | NotifyConsumerIdsChanged => {
            ConsumerGroupHeader::decode(fields).fields()
        }
        GetProducerConnectionList => ProducerGroupHeader::decode(fields).fields(),
        GetConsumerRunningInfo => ConsumerRunningHeader::decode(fields).fields(),
        ConsumeMessageDirectly => ConsumeDirectlyHeader::decode(fields).fields(),
        EndTransaction => EndTransactionHeader::decode(fields).fields(),
        CheckTransactionState => CheckTransactionStateHeader::decode(fields).fields(),
        ResumeCheckHalfMessage => ResumeCheckHeader::decode(fields).fields(),
        UpdateAndCreateTopic => CreateTopicHeader::decode(fields).fields(),
        GetTopicStatsInfo | DeleteTopicInBroker | QueryTopicConsumeByWho => {
            TopicHeader::decode(fields).fields()
        }
        DeleteSubscriptiongroup => DeleteGroupHeader::decode(fields).fields(),
        GetConsumeStats => ConsumeStatsHeader::decode(fields).fields(),
        GetBrokerConsumeStats => BrokerConsumeStatsHeader::decode(fields).fields(),
        ViewBrokerStatsData => ViewStatsHeader::decode(fields).fields(),
        UpdateAndCreateAclConfig => CreateAccountHeader::decode(fields).fields(),
        DeleteAclConfig => DeleteAccountHeader::decode(fields).fields(),
        UpdateGlobalWhiteAddrsConfig => GlobalWhiteAddrsHeader::decode(fields).fields(),
        RegisterFilterServer => RegisterFilterServerHeader::decode(fields).fields(),
        RegisterMessageFilterClass => RegisterFilterClassHeader::decode(fields).fields(),
        RegisterBroker => RegisterBrokerHeader::decode(fields).fields(),
        UnregisterBroker | QueryDataVersion => BrokerHeader::decode(fields).fields(),
        GetRouteinfoByTopic => RouteHeader::decode(fields).fields(),
        GetTopicsByCluster => ClusterHeader::decode(fields).fields(),
        WipeWritePermOfBroker | AddWritePermOfBroker => BrokerNameHeader::decode(fields).fields(),
        DeleteTopicInNamesrv => DeleteRouteHeader::decode(fields).fields(),
        PutKvConfig => PutKvHeader::decode(fields).fields(),
        GetKvConfig | DeleteKvConfig | GetKvlistByNamespace => KvHeader::decode(fields).fields(),
        _ => HeaderFields::new(),
    }
}

/// The same for the answer to a request of this code.
fn answer(code: RequestCode, fields: &ExtFields) -> HeaderFields {
    use RequestCode::*;
    match code {
        SendMessage | SendReplyMessage | SendMessageV2 | SendBatchMessage | SendReplyMessageV2 => {
            SendAnswer::decode(fields).fields()
        }
        PullMessage => PullAnswer::decode(fields).fields(),
        QueryMessage => QueryMessageAnswer::decode(fields).fields(),
        QueryConsumerOffset | SearchOffsetByTimestamp | GetMaxOffset | GetMinOffset => {
            OffsetAnswer::decode(fields).fields()
        }
        GetEarliestMsgStoretime => TimestampAnswer::decode(fields).fields(),
        GetBrokerConfig => BrokerConfigAnswer::decode(fields).fields(),
        GetBrokerClusterAclInfo => AclVersionAnswer::decode(fields).fields(),
        GetKvConfig => KvAnswer::decode(fields).fields(),
        RegisterBroker => RegisterBrokerAnswer::decode(fields).fields(),
        QueryDataVersion => DataVersionAnswer::decode(fields).fields(),
        WipeWritePermOfBroker => WipeWritePermAnswer::decode(fields).fields(),
        AddWritePermOfBroker => AddWritePermAnswer::decode(fields).fields(),
        _ => HeaderFields::new(),
    }
}

/// Fields of clients that no header of 4.9.8 defines, and those of access control.
const FOREIGN: [&str; 6] = ["bname", "n", "ReqT", "AccessKey", "Signature", "SecurityToken"];

#[test]
fn recorded_headers_survive_their_types() {
    let mut seen = BTreeSet::new();
    for serializer in ["json", "rocketmq"] {
        for frame in recorded(serializer) {
            let command = decode(&frame.frame).unwrap().unwrap();
            let code = frame.record["code"].as_i64().unwrap() as i32;
            let Some(code) = RequestCode::from_code(code) else { continue };
            let typed =
                if command.is_response() { answer(code, &command.ext) } else { request(code, &command.ext) };
            let mut sent = Vec::new();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            typed.for_each(|name, value| sent.push((text(name.bytes()), text(value.bytes()))));
            let received: Vec<(String, String)> = command
                .ext
                .iter()
                .filter(|(name, _)| !FOREIGN.contains(name))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let id = &frame.record["id"];
            if command.is_response() && serializer == "json" {
                assert_eq!(sent, received, "{id}: order as Java writes it");
            }
            // A boolean of a primitive type is written even when the client left it out.
            let known: BTreeMap<_, _> = received.iter().cloned().collect();
            for (name, value) in &sent {
                assert!(
                    known.get(name) == Some(value) || (!known.contains_key(name) && value == "false"),
                    "{id} {name}"
                );
            }
            assert!(known.keys().all(|name| sent.iter().any(|(sent, _)| sent == name)), "{id}: {known:?}");
            seen.insert((code, command.is_response()));
        }
    }
    assert_eq!(seen.iter().filter(|(_, response)| !response).count(), 95);
}

impl<'a> From<SendHeaderV2<'a>> for SendHeader<'a> {
    fn from(v2: SendHeaderV2<'a>) -> Self {
        Self {
            queue_id: v2.queue_id,
            flag: v2.flag,
            sys_flag: v2.sys_flag,
            reconsume_times: v2.reconsume_times,
            batch: v2.batch,
            unit_mode: v2.unit_mode,
            default_topic: v2.default_topic,
            default_topic_queue_nums: v2.default_topic_queue_nums,
            producer_group: v2.producer_group,
            topic: v2.topic,
            born_timestamp_ms: v2.born_timestamp_ms,
            properties: v2.properties,
            max_reconsume_times: v2.max_reconsume_times,
        }
    }
}

#[test]
fn both_send_forms_give_one_header() {
    let mut checked = 0;
    for frame in recorded("json") {
        let command = decode(&frame.frame).unwrap().unwrap();
        if command.is_response() || !matches!(command.code, 10 | 310 | 320 | 324 | 325) {
            continue;
        }
        let fields = SendFields::of(command.code, &command.ext);
        let header = match command.code {
            10 | 324 => SendHeader::decode(&command.ext),
            _ => SendHeaderV2::decode(&command.ext).into(),
        };
        assert_eq!((Some(fields.topic), fields.queue_id), (header.topic, header.queue_id));
        assert_eq!((Some(fields.flag), Some(fields.sys_flag)), (header.flag, header.sys_flag));
        assert_eq!(Some(fields.born_timestamp_ms), header.born_timestamp_ms);
        assert_eq!(Some(fields.reconsume_times), header.reconsume_times);
        assert_eq!(fields.properties, header.properties.unwrap_or_default().as_bytes());
        assert_eq!((fields.batch, fields.batch), (header.batch, command.code == 320));
        assert_eq!(fields.unit_mode(), header.unit_mode);
        assert_eq!(Some(fields.default_topic()), header.default_topic);
        assert_eq!(Some(fields.default_topic_queue_nums()), header.default_topic_queue_nums);
        assert_eq!(fields.max_reconsume_times(), header.max_reconsume_times);
        checked += 1;
    }
    assert!(checked > 20);
}

#[test]
fn a_letter_is_found_however_many_fields_there_are() {
    for others in [0, 13, 252, 253, 254, 255, 256, 300] {
        let mut fields = HeaderFields::new().with("b", "early");
        (0..others).for_each(|number| fields.push(format!("other{number}"), number));
        fields.push("b", "late");
        fields.push("e", 7);
        let mut out = Vec::new();
        let response = super::super::Response::success().with_fields(fields);
        super::super::encode_response(&mut out, &response, 1, super::super::Serializer::Json);
        let command = decode(&out).unwrap().unwrap();
        let fields = SendFields::of(RequestCode::SendMessageV2 as i32, &command.ext);
        assert_eq!((fields.topic, fields.queue_id, fields.batch), ("late", Some(7), false), "{others}");
    }
}

#[test]
fn missing_and_unreadable_fields_are_none() {
    let fields =
        HeaderFields::new().with("queueId", "x").with("topic", "T").with("topic", "U").with("index", "-");
    let mut out = Vec::new();
    let response = super::super::Response::success().with_fields(fields);
    super::super::encode_response(&mut out, &response, 1, super::super::Serializer::Json);
    let command = decode(&out).unwrap().unwrap();
    assert_eq!(QueueHeader::decode(&command.ext), QueueHeader { topic: Some("U"), queue_id: None });
    let view = QueryConsumeQueueHeader::decode(&command.ext);
    assert_eq!((view.queue_id, view.index, view.count), (0, 0, 0));
}
