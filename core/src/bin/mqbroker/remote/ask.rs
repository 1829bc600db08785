//! One question and its answer, with refusals in words.

use libbroker::internals::format::wire::fastjson;
use libbroker::internals::format::wire::{
    HeaderFields, OutgoingRequest, RemotingCommand, RequestCode, ResponseCode,
};
use libbroker::{Error, ErrorKind};
use serde::de::DeserializeOwned;

use crate::connection::{Connection, refusal};

/// The last words of a refusal by a Java broker: a link that helps nobody here.
const SEE: [&str; 2] = ["\nSee http", " See http"];

/// An answer that was granted, or a code that the asker knows how to take.
#[derive(Debug)]
pub enum Answered {
    Granted(RemotingCommand),
    /// The code is one of those that were expected.
    Refused(RemotingCommand),
}

/// Asks. A refusal other than with one of the `expected` codes is an error that names `what` was asked for.
pub fn ask(
    connection: &mut Connection,
    code: RequestCode,
    fields: HeaderFields,
    what: &str,
    expected: &[ResponseCode],
) -> Result<Answered, Error> {
    let answer = connection.call(&OutgoingRequest::new(code).with_fields(fields))?;
    if answer.code == i32::from(ResponseCode::Success) {
        return Ok(Answered::Granted(answer));
    }
    if expected.iter().any(|code| i32::from(*code) == answer.code) {
        return Ok(Answered::Refused(answer));
    }
    Err(refused(what, &answer))
}

/// The body of the answer, read; `None` when it was refused with one of the `expected` codes.
pub fn body_of<T: DeserializeOwned>(
    connection: &mut Connection,
    code: RequestCode,
    fields: HeaderFields,
    what: &str,
    expected: &[ResponseCode],
) -> Result<Option<T>, Error> {
    let Answered::Granted(answer) = ask(connection, code, fields, what, expected)? else { return Ok(None) };
    let read = fastjson::from_slice(&answer.body);
    read.map(Some)
        .map_err(|cause| Error::new(ErrorKind::Io, format!("{what}: the answer cannot be read: {cause}")))
}

/// A refusal that nobody expected.
pub fn refused(what: &str, answer: &RemotingCommand) -> Error {
    let kind = match ResponseCode::from_code(answer.code) {
        Some(ResponseCode::TopicNotExist | ResponseCode::SubscriptionGroupNotExist) => ErrorKind::NotFound,
        _ => ErrorKind::Io,
    };
    let text = refusal(answer);
    let end = SEE.iter().filter_map(|see| text.find(see)).min().unwrap_or(text.len());
    let advice = advice(answer.code);
    Error::new(kind, format!("{what}: refused with {}{advice}", text.get(..end).unwrap_or(&text)))
}

/// What to do about a refusal, where its remark does not say it.
fn advice(code: i32) -> &'static str {
    match ResponseCode::from_code(code) {
        Some(ResponseCode::ServiceNotAvailable) => {
            " - if the disk is full make room, and try again: the broker goes on by itself. Its log says more"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use libbroker::internals::format::wire::{ExtFields, Serializer};

    use super::*;

    #[test]
    fn a_broker_without_room_is_named_with_what_to_do() {
        let answer = RemotingCommand {
            code: i32::from(ResponseCode::ServiceNotAvailable),
            language: None,
            version: 0,
            opaque: 0,
            flag: 1,
            serializer: Serializer::Json,
            remark: Some("no service. See http://somewhere".into()),
            ext: ExtFields::default(),
            body: Bytes::new(),
        };
        let text = refused("sending to Orders on a", &answer).to_string();
        let said = "sending to Orders on a: refused with code 14 no service. - if the disk is full make room, and try again";
        assert!(text.starts_with(said), "{text}");
    }
}
