//! What the fuzz targets do with their input. Each panics on a broken promise:
//!
//! * decoding never panics, whatever comes, and does not depend on how the bytes were cut into reads;
//! * what was decoded can be encoded, and decodes to the same again;
//! * an expression is compiled and evaluated, or refused, whatever it is;
//! * where another reader understands a header, ours understands it the same.
//!
//! `cargo +nightly fuzz run frame` looks for inputs; `cargo test --no-default-features` runs the bodies on the seeds of
//! `corpus/` and on random mutations of them.

use std::collections::HashMap;

use bytes::{BufMut, BytesMut};
use libbroker::internals::broker::filter::sql::Expression;
use libbroker::internals::format::wire::command::{RemotingCommand, Serializer};
use libbroker::internals::format::wire::frame::{FrameError, next_frame};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// Small enough for a fuzzer to get past it.
const FRAME_SIZE_MAX: usize = 1 << 16;

/// Frames as they come from a socket. The first byte chooses the size of the reads.
pub fn frame(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let whole = decode_all(bytes, bytes.len().max(1));
    let pieces = decode_all(bytes, usize::from(*cut).max(1));
    assert_eq!(describe(&whole), describe(&pieces), "depends on how the bytes are cut");
    for command in &whole.0 {
        check_round_trip(command);
    }
}

/// One JSON header.
pub fn header_json(data: &[u8]) {
    let decoded = decode_header(data, Serializer::Json);
    if let Ok(command) = &decoded {
        check_round_trip(command);
    }
    if let Some(expected) = read_strictly(data) {
        let command = decoded.unwrap_or_else(|error| panic!("refused good JSON: {error}"));
        assert_eq!(command.code, expected.code);
        assert_eq!(command.opaque, expected.opaque);
        assert_eq!(command.remark.as_deref(), expected.remark.as_deref());
        for (name, value) in &expected.fields {
            assert_eq!(command.ext.get(name), Some(&**value), "field {name:?}");
        }
    }
}

/// One header of the compact form.
pub fn header_binary(data: &[u8]) {
    if let Ok(command) = decode_header(data, Serializer::Rocketmq) {
        check_round_trip(&command);
        assert_eq!(data.get(..2), Some(&(command.code as u16).to_be_bytes()[..]));
        assert_eq!(data.get(5..9), Some(&command.opaque.to_be_bytes()[..]));
    }
}

/// An expression, a zero, and the properties text of a message.
pub fn sql(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (expression, properties) = data.split_at(end);
    let expression = String::from_utf8_lossy(expression);
    let properties = properties.get(1..).unwrap_or_default();
    let outcome = |expression: &str| {
        let compiled = Expression::compile(expression).map_err(drop);
        compiled.map(|compiled| (compiled.evaluate(properties), compiled.matches(properties)))
    };
    let first = outcome(&expression);
    if let Ok((evaluated, matches)) = &first {
        assert_eq!(*matches, *evaluated == Ok(Some(true)));
    }
    assert_eq!(first, outcome(&format!("\t/* * */{expression}")), "depends on what is skipped");
}

fn decode_all(bytes: &[u8], read_size: usize) -> (Vec<RemotingCommand>, Option<FrameError>) {
    let mut buffer = BytesMut::new();
    let mut commands = Vec::new();
    for read in bytes.chunks(read_size) {
        buffer.extend_from_slice(read);
        loop {
            match next_frame(&mut buffer, FRAME_SIZE_MAX) {
                Ok(Some(command)) => commands.push(command),
                Ok(None) => break,
                Err(error) => return (commands, Some(error)),
            }
        }
    }
    (commands, None)
}

fn decode_header(header: &[u8], serializer: Serializer) -> Result<RemotingCommand, FrameError> {
    let header = &header[..header.len().min(FRAME_SIZE_MAX - 8)];
    let mut frame = BytesMut::new();
    frame.put_u32(4 + header.len() as u32);
    frame.put_u32((serializer as u32) << 24 | header.len() as u32);
    frame.extend_from_slice(header);
    next_frame(&mut frame, FRAME_SIZE_MAX).map(|command| command.expect("the frame is whole"))
}

/// Everything that can be read from a command, but how it was cut from memory.
fn describe((commands, error): &(Vec<RemotingCommand>, Option<FrameError>)) -> String {
    let commands: Vec<_> = commands.iter().map(|command| (parts(command), command.body.clone())).collect();
    format!("{commands:?} {error:?}")
}

type Parts<'a> = (i32, Option<u8>, i32, i32, i32, Option<&'a str>, Vec<(&'a str, &'a str)>);

fn parts(command: &RemotingCommand) -> Parts<'_> {
    (
        command.code,
        command.language.map(|language| language as u8),
        command.version,
        command.opaque,
        command.flag,
        command.remark.as_deref().filter(|remark| !remark.is_empty()),
        command.ext.iter().collect(),
    )
}

fn check_round_trip(command: &RemotingCommand) {
    // The compact form has 16 bits for the length of a name.
    if command.serializer == Serializer::Rocketmq && command.ext.iter().any(|(name, _)| name.len() > 0x7FFF) {
        return;
    }
    let mut written = Vec::new();
    command.encode(&mut written);
    let mut frame = BytesMut::from(&*written);
    let mut again = next_frame(&mut frame, usize::MAX).expect("decodes again").expect("is whole");
    assert!(frame.is_empty(), "the length says less than was written");
    if command.language.is_none() {
        // An unknown language has no number to be written with.
        again.language = None;
    }
    assert_eq!(parts(command), parts(&again));
    assert_eq!(command.body, again.body);
}

/// The members of a JSON object, none of which occurs twice.
struct Members(HashMap<String, serde_json::Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = HashMap::new();
                while let Some((name, value)) = map.next_entry::<String, _>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member twice"));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

/// What a strict JSON reader sees in a header.
struct Expected {
    code: i32,
    opaque: i32,
    remark: Option<String>,
    fields: Vec<(String, String)>,
}

/// Reads what serde_json accepts and what leaves no room for interpretation; `None` for everything else.
fn read_strictly(data: &[u8]) -> Option<Expected> {
    let Members(members) = serde_json::from_slice(data).ok()?;
    let int = |name: &str| members.get(name)?.as_i64().and_then(|number| i32::try_from(number).ok());
    for name in ["code", "opaque", "flag", "version"] {
        int(name)?;
    }
    let remark = match members.get("remark") {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(remark)) => Some(remark.clone()),
        Some(_) => return None,
    };
    if !matches!(members.get("language"), None | Some(serde_json::Value::String(_))) {
        return None;
    }
    let mut fields = Vec::new();
    match members.get("extFields") {
        None | Some(serde_json::Value::Null) => {}
        Some(serde_json::Value::Object(entries)) => {
            for (name, value) in entries {
                fields.push((name.clone(), value.as_str()?.to_owned()));
            }
        }
        Some(_) => return None,
    }
    Some(Expected { code: int("code")?, opaque: int("opaque")?, remark, fields })
}
