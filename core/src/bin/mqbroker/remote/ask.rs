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
    Error::new(kind, format!("{what}: refused with {}", text.get(..end).unwrap_or(&text)))
}
