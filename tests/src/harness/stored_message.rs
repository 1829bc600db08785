//! Reads the messages of a pull answer. Written from the format's description and on purpose not with the product's decoder:
//! what both get wrong in the same way would go unnoticed.

/// `daa320a7`: the magic number of a message.
const MAGIC: i32 = -626_843_481;
const BORN_HOST_V6: i32 = 0x10;
const STORE_HOST_V6: i32 = 0x20;

/// The fields the tests look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Size of the record.
    pub size: usize,
    /// Queue of the topic.
    pub queue_id: i32,
    /// The application's flag.
    pub flag: i32,
    /// Place in the queue.
    pub queue_offset: i64,
    /// Place in the commit log.
    pub physical_offset: i64,
    /// What the record is: compressed, part of a transaction, its hosts' kind.
    pub sys_flag: i32,
    /// Time of storing.
    pub store_timestamp_ms: i64,
    /// How often a consumer gave it back.
    pub reconsume_times: i32,
    /// Of a committed message: the place of its half.
    pub prepared_transaction_offset: i64,
    /// The topic.
    pub topic: String,
    /// Names and values, as sent and as added by the broker.
    pub properties: Vec<(String, String)>,
    /// The body, as stored.
    pub body: Vec<u8>,
}

impl StoredMessage {
    /// The value of a property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All messages of a body of concatenated records.
pub fn decode_all(mut bytes: &[u8]) -> Result<Vec<StoredMessage>, String> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let size = i32::from_be_bytes(bytes.first_chunk().copied().ok_or("a record of less than 4 bytes")?);
        let size = usize::try_from(size).map_err(|_| format!("a record of {size} bytes"))?;
        let (record, rest) =
            bytes.split_at_checked(size).ok_or(format!("{size} of {} bytes", bytes.len()))?;
        messages.push(decode(&mut Reader(record))?);
        bytes = rest;
    }
    Ok(messages)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("the record ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| "wrong length".to_owned())
    }

    fn i32(&mut self) -> Result<i32, String> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, String> {
        self.array().map(i64::from_be_bytes)
    }

    fn text(&mut self, length: usize) -> Result<String, String> {
        String::from_utf8(self.take(length)?.to_vec()).map_err(|e| e.to_string())
    }

    fn host(&mut self, is_v6: bool) -> Result<(), String> {
        self.take(if is_v6 { 20 } else { 8 }).map(|_| ())
    }
}

fn decode(reader: &mut Reader<'_>) -> Result<StoredMessage, String> {
    let size = reader.0.len();
    let _size = reader.i32()?;
    let magic = reader.i32()?;
    if magic != MAGIC {
        return Err(format!("magic number {magic:#x}"));
    }
    let _body_crc = reader.i32()?;
    let queue_id = reader.i32()?;
    let flag = reader.i32()?;
    let queue_offset = reader.i64()?;
    let physical_offset = reader.i64()?;
    let sys_flag = reader.i32()?;
    let _born_timestamp_ms = reader.i64()?;
    reader.host(sys_flag & BORN_HOST_V6 != 0)?;
    let store_timestamp_ms = reader.i64()?;
    reader.host(sys_flag & STORE_HOST_V6 != 0)?;
    let reconsume_times = reader.i32()?;
    let prepared_transaction_offset = reader.i64()?;
    let body_length = usize::try_from(reader.i32()?).map_err(|e| e.to_string())?;
    let body = reader.take(body_length)?.to_vec();
    let topic_length = reader.array::<1>()?[0];
    let topic = reader.text(usize::from(topic_length))?;
    let properties_length = u16::from_be_bytes(reader.array()?);
    let properties = reader.text(usize::from(properties_length))?;
    if !reader.0.is_empty() {
        return Err(format!("{} bytes behind the properties", reader.0.len()));
    }
    let properties = properties
        .split('\u{2}')
        .filter_map(|pair| pair.split_once('\u{1}'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Ok(StoredMessage {
        size,
        queue_id,
        flag,
        queue_offset,
        physical_offset,
        sys_flag,
        store_timestamp_ms,
        reconsume_times,
        prepared_transaction_offset,
        topic,
        properties,
        body,
    })
}
