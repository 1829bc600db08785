//! Registration of a broker: code 103.
//!
//! ```text
//! plain    JSON
//! packed   one zlib stream of:
//!            i32 n │ n bytes: data version as JSON
//!            i32 count │ count × ( i32 n │ n bytes: "name readQueues writeQueues perm filterType" )
//!            i32 n │ n bytes: filter servers as JSON list
//! ```
//!
//! The packed form has no room for `order` and `topicSysFlag`; they are lost.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::super::fastjson::{self, JsonError};
use crate::format::disk::tables::{DataVersion, TopicConfig, TopicFilterType, TopicTable};

/// How much a packed body may unpack to: some two million topics.
const UNPACKED_SIZE_MAX: u64 = 128 * 1024 * 1024;

/// All topics of a broker.
#[doc(alias = "RegisterBrokerBody")]
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct RegisterBroker {
    /// Filter servers; none of 4.9.8. `None` leaves the known ones, an empty list removes them.
    #[serde(rename = "filterServerList")]
    pub filter_servers: Option<Vec<String>>,
    /// The topics with their version.
    #[serde(rename = "topicConfigSerializeWrapper")]
    pub topics: TopicTable,
}

impl Default for RegisterBroker {
    fn default() -> Self {
        Self { filter_servers: Some(Vec::new()), topics: TopicTable::default() }
    }
}

/// Why a registration does not read.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Not the JSON it should be.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// Not a zlib stream, or it ends too early.
    #[error("packed body: {0}")]
    Unpack(#[from] io::Error),
    /// A topic's text does not have five parts with numbers where they belong.
    #[error("packed topic \"{0}\"")]
    Topic(String),
}

impl RegisterBroker {
    /// Reads a body; the header says whether it is packed.
    pub fn decode(body: &[u8], packed: bool) -> Result<Self, RegisterError> {
        if packed { unpack(body, UNPACKED_SIZE_MAX) } else { Ok(fastjson::from_slice(body)?) }
    }

    /// Writes a body.
    pub fn encode(&self, packed: bool) -> Vec<u8> {
        if packed { self.pack() } else { fastjson::to_vec(self) }
    }

    fn pack(&self) -> Vec<u8> {
        let topics = &self.topics.topic_config_table;
        let mut plain = Vec::with_capacity(64 + topics.len() * 40);
        put(&mut plain, &fastjson::to_vec(&self.topics.data_version));
        plain.extend_from_slice(&(topics.len() as i32).to_be_bytes());
        topics.values().for_each(|topic| put(&mut plain, topic_to_text(topic).as_bytes()));
        put(&mut plain, &fastjson::to_vec(&self.filter_servers));
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        packer.write_all(&plain).and_then(|()| packer.finish()).unwrap_or_default()
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn unpack(body: &[u8], unpacked_size_max: u64) -> Result<RegisterBroker, RegisterError> {
    let mut stream = ZlibDecoder::new(body).take(unpacked_size_max);
    let data_version: DataVersion = fastjson::from_slice(&take_bytes(&mut stream)?)?;
    let count = take_i32(&mut stream)?;
    let mut topics = TopicTable { data_version, ..TopicTable::default() };
    for _ in 0..count {
        let text = take_bytes(&mut stream)?;
        let text = String::from_utf8_lossy(&text);
        let topic = topic_from_text(&text).ok_or_else(|| RegisterError::Topic(text.into_owned()))?;
        topics.topic_config_table.insert(topic.topic_name.clone(), topic);
    }
    // Java logs a list that does not read and goes on without one.
    let filter_servers = fastjson::from_slice(&take_bytes(&mut stream)?).unwrap_or_else(|_| Some(Vec::new()));
    Ok(RegisterBroker { filter_servers, topics })
}

fn take_i32(stream: &mut impl Read) -> io::Result<i32> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(i32::from_be_bytes(bytes))
}

/// Reads a length and so many bytes; memory grows with what arrives, not with what the length says.
fn take_bytes(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let len = u64::try_from(take_i32(stream)?).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut bytes = Vec::new();
    if stream.by_ref().take(len).read_to_end(&mut bytes)? as u64 != len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// The text of a topic in a packed body (Java: `TopicConfig.encode`).
pub fn topic_to_text(topic: &TopicConfig) -> String {
    format!(
        "{} {} {} {} {}",
        topic.topic_name,
        topic.read_queue_nums,
        topic.write_queue_nums,
        topic.perm,
        topic.topic_filter_type.name()
    )
}

/// The topic of such a text (Java: `TopicConfig.decode`).
pub fn topic_from_text(text: &str) -> Option<TopicConfig> {
    let parts: [&str; 5] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
    let [name, read, write, perm, filter_type] = parts;
    Some(TopicConfig {
        topic_name: name.to_owned(),
        read_queue_nums: read.parse().ok()?,
        write_queue_nums: write.parse().ok()?,
        perm: perm.parse().ok()?,
        topic_filter_type: TopicFilterType::of_name(filter_type)?,
        ..TopicConfig::default()
    })
}

/// What header `bodyCrc32` says of a body as sent: CRC32 without its top bit.
pub fn body_crc32(body: &[u8]) -> i32 {
    (crc32fast::hash(body) & 0x7FFF_FFFF) as i32
}

#[cfg(test)]
mod tests {
    use super::super::super::header::route::RegisterBrokerHeader;
    use super::super::super::tests::{decode, from_hex, recorded};
    use super::*;

    /// Body and sums of `registerBrokerBody` in vectors.json.
    const JSON: &str = r#"{"filterServerList":[],"topicConfigSerializeWrapper":{"dataVersion":{"counter":5,"timestamp":1700000000000},"topicConfigTable":{"TopicA":{"order":false,"perm":6,"readQueueNums":4,"topicFilterType":"SINGLE_TAG","topicName":"TopicA","topicSysFlag":0,"writeQueueNums":8}}}}"#;
    const PACKED: &str = "78da63606050af564ace2fcd2b492d52b232d5512ac9cc4d2d2e49cc2d50b232343740805a0606064620160fc92fc84c76543051b050305308f6f473f7718d0f7174074a3145c7020033f312fa";

    #[test]
    fn both_forms_say_what_java_wrote() {
        let plain = RegisterBroker::decode(JSON.as_bytes(), false).unwrap();
        let packed = RegisterBroker::decode(&from_hex(PACKED), true).unwrap();
        assert_eq!(plain, packed);
        assert_eq!(String::from_utf8(plain.encode(false)).unwrap(), JSON);
        assert_eq!(RegisterBroker::decode(&plain.encode(true), true).unwrap(), plain);
        assert_eq!(topic_to_text(&plain.topics.topic_config_table["TopicA"]), "TopicA 4 8 6 SINGLE_TAG");
        assert_eq!(body_crc32(JSON.as_bytes()), 1_314_392_776);
        assert_eq!(body_crc32(&from_hex(PACKED)), 518_633_629);
    }

    #[test]
    fn recorded_registrations_read() {
        let mut packed = 0;
        for frame in recorded("json").iter().chain(recorded("rocketmq")) {
            let command = decode(&frame.frame).unwrap().unwrap();
            if command.code != 103 || command.is_response() {
                continue;
            }
            let header = RegisterBrokerHeader::decode(&command.ext);
            assert_eq!(header.body_crc32, Some(body_crc32(&command.body)));
            let body = RegisterBroker::decode(&command.body, header.compressed).unwrap();
            assert!(header.broker_id == Some(1) || body.topics.topic_config_table.contains_key("TBW102"));
            assert_eq!(
                RegisterBroker::decode(&body.encode(header.compressed), header.compressed).unwrap(),
                body
            );
            packed += usize::from(header.compressed);
        }
        assert!(packed > 0);
    }

    #[test]
    fn a_missing_filter_list_is_empty_and_null_is_none() {
        assert_eq!(RegisterBroker::decode(b"{}", false).unwrap().filter_servers, Some(Vec::new()));
        let null = RegisterBroker::decode(br#"{"filterServerList":null}"#, false).unwrap();
        assert_eq!(null.filter_servers, None);
    }

    #[test]
    fn broken_packed_bodies_are_refused() {
        let good = from_hex(PACKED);
        assert!(matches!(RegisterBroker::decode(b"", true), Err(RegisterError::Unpack(_))));
        assert!(matches!(RegisterBroker::decode(b"junk", true), Err(RegisterError::Unpack(_))));
        for len in 0..good.len() - 8 {
            assert!(RegisterBroker::decode(&good[..len], true).is_err());
        }
        let pack = |plain: &[u8]| {
            let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
            packer.write_all(plain).unwrap();
            packer.finish().unwrap()
        };
        assert!(RegisterBroker::decode(&pack(&[0xFF; 64]), true).is_err());
        assert!(RegisterBroker::decode(&pack(&[0x7F; 64]), true).is_err());
        let mut bad_topic = Vec::new();
        put(&mut bad_topic, b"{}");
        bad_topic.extend_from_slice(&1i32.to_be_bytes());
        put(&mut bad_topic, b"T 4 4 x SINGLE_TAG");
        assert!(matches!(RegisterBroker::decode(&pack(&bad_topic), true), Err(RegisterError::Topic(_))));
        assert!(unpack(&good, 1000).is_ok());
        assert!(matches!(unpack(&good, 60), Err(RegisterError::Unpack(_))));
    }
}
