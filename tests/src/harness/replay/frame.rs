//! A frame taken apart, with either form of header. From the description of the protocol, and on purpose not with the product's
//! decoder.

use std::collections::BTreeMap;

use serde_json::Value;

const RESPONSE: i32 = 1;
const ONEWAY: i32 = 2;
/// Top byte of the header word.
const BINARY: u8 = 1;
/// Length word and header word.
const PREFIX: usize = 8;
/// In a binary header behind code, language and version.
const OPAQUE_AT: usize = PREFIX + 5;

/// What a frame says. Language and version are left out: they do not answer anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Request or response code.
    pub code: i32,
    /// See [`Frame::is_response`] and [`Frame::is_oneway`].
    pub flag: i32,
    /// What a response has in common with its request.
    pub opaque: i32,
    /// Why not; empty when there is none.
    pub remark: String,
    /// The header fields.
    pub fields: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Frame {
    /// Takes a whole frame apart, length word included.
    pub fn decode(frame: &[u8]) -> Result<Frame, String> {
        let (header, body) = split(frame)?;
        if frame[4] == BINARY { binary(header, body) } else { json(header, body) }
    }

    /// Whether it answers something.
    pub fn is_response(&self) -> bool {
        self.flag & RESPONSE != 0
    }

    /// Whether nobody waits for an answer.
    pub fn is_oneway(&self) -> bool {
        self.flag & ONEWAY != 0
    }
}

/// The same frame as an answer to another request.
pub fn with_opaque(frame: &[u8], opaque: i32) -> Result<Vec<u8>, String> {
    let (header, body) = split(frame)?;
    if frame[4] == BINARY {
        let mut changed = frame.to_vec();
        let place = changed.get_mut(OPAQUE_AT..OPAQUE_AT + 4).ok_or("the header ends too early")?;
        place.copy_from_slice(&opaque.to_be_bytes());
        return Ok(changed);
    }
    let mut header: Value = serde_json::from_slice(header).map_err(|e| e.to_string())?;
    header["opaque"] = opaque.into();
    let header = header.to_string();
    let word = |bytes: usize| u32::try_from(bytes).map_err(|e| e.to_string());
    let mut changed = word(4 + header.len() + body.len())?.to_be_bytes().to_vec();
    changed.extend(word(header.len())?.to_be_bytes());
    changed.extend(header.as_bytes());
    changed.extend(body);
    Ok(changed)
}

fn split(frame: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let (prefix, rest) = frame.split_first_chunk::<PREFIX>().ok_or("a frame without a header word")?;
    let [.., form, high, middle, low] = *prefix;
    if form > BINARY {
        return Err(format!("serializer {form}"));
    }
    let length = u32::from_be_bytes([0, high, middle, low]) as usize;
    rest.split_at_checked(length).ok_or(format!("a header of {length} of {} bytes", rest.len()))
}

fn json(header: &[u8], body: &[u8]) -> Result<Frame, String> {
    let header: Value = serde_json::from_slice(header).map_err(|e| e.to_string())?;
    let number = |name: &str| {
        let number = header[name].as_i64().and_then(|number| i32::try_from(number).ok());
        number.ok_or(format!("no number {name} in {header}"))
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fields = header["extFields"].as_object().into_iter().flatten();
    Ok(Frame {
        code: number("code")?,
        flag: number("flag")?,
        opaque: number("opaque")?,
        remark: header["remark"].as_str().unwrap_or_default().to_owned(),
        fields: fields.map(|(name, value)| (name.clone(), text(value))).collect(),
        body: body.to_vec(),
    })
}

fn binary(header: &[u8], body: &[u8]) -> Result<Frame, String> {
    let mut rest = Rest(header);
    let code = rest.i16()?;
    let _language_and_version = rest.take(3)?;
    let opaque = rest.i32()?;
    let flag = rest.i32()?;
    let remark_length = rest.i32()?;
    let remark = rest.text(remark_length)?;
    let length = rest.i32()?;
    let mut entries = Rest(rest.take(length)?);
    if !rest.0.is_empty() {
        return Err(format!("{} bytes behind the header fields", rest.0.len()));
    }
    let mut fields = BTreeMap::new();
    while !entries.0.is_empty() {
        let length = entries.i16()?;
        let name = entries.text(length.into())?;
        let length = entries.i32()?;
        fields.insert(name, entries.text(length)?);
    }
    Ok(Frame { code: code.into(), flag, opaque, remark, fields, body: body.to_vec() })
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: i32) -> Result<&'a [u8], String> {
        let length = usize::try_from(length).map_err(|_| format!("a length of {length}"))?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or("the header ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("the header ends too early")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn i16(&mut self) -> Result<i16, String> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, String> {
        self.array().map(i32::from_be_bytes)
    }

    fn text(&mut self, length: i32) -> Result<String, String> {
        String::from_utf8(self.take(length)?.to_vec()).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::dirs::tests_dir;
    use crate::harness::replay::recording::from_hex;

    /// Each line of these files has a frame, and beside it what its header says.
    fn described(name: &str) -> Vec<(Vec<u8>, Value)> {
        let file = tests_dir().join("golden/wire").join(name);
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| (from_hex(line["frame_hex"].as_str().unwrap()).unwrap(), line)).collect()
    }

    #[test]
    fn frames_are_read_as_they_are_described() {
        for name in ["wire-json.jsonl", "wire-rocketmq.jsonl"] {
            for (bytes, line) in described(name) {
                let frame = Frame::decode(&bytes).unwrap();
                let header = &line["header"];
                assert_eq!(frame.code, header["code"], "{line}");
                assert_eq!(frame.flag, header["flag"], "{line}");
                assert_eq!(frame.opaque, header["opaque"], "{line}");
                assert_eq!(frame.remark, header["remark"].as_str().unwrap_or_default(), "{line}");
                let fields = header["extFields"].as_object().cloned().unwrap_or_default();
                let fields =
                    fields.into_iter().map(|(name, value)| (name, value.as_str().unwrap().to_owned()));
                assert_eq!(frame.fields, fields.collect(), "{line}");
                assert_eq!(frame.body.len() as u64, line["body_len"], "{line}");
            }
        }
    }

    #[test]
    fn another_opaque_changes_nothing_else() {
        for name in ["wire-json.jsonl", "wire-rocketmq.jsonl"] {
            for (bytes, line) in described(name) {
                let changed = with_opaque(&bytes, 77_777).unwrap();
                let wanted = Frame { opaque: 77_777, ..Frame::decode(&bytes).unwrap() };
                assert_eq!(Frame::decode(&changed).unwrap(), wanted, "{line}");
                assert_eq!(changed[..4], u32::try_from(changed.len() - 4).unwrap().to_be_bytes());
            }
        }
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let binary = described("wire-rocketmq.jsonl").swap_remove(0).0;
        assert!(Frame::decode(&binary[..7]).is_err());
        assert!(Frame::decode(&binary[..40]).is_err());
    }
}
