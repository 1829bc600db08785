//! Requests as bytes, and what an answer says: so little work that thousands of connections can be served by one thread. The headers are
//! JSON, as those of the official clients.

use std::fmt::Write as _;

const SEND_MESSAGE_V2: i32 = 310;
const PULL_MESSAGE: i32 = 11;
const GET_MAX_OFFSET: i32 = 30;
/// May be parked, and brings its subscription.
const PULL_FLAGS: i32 = 2 + 4;

/// Adds a request to `out`.
fn request(out: &mut Vec<u8>, code: i32, opaque: i32, fields: &str, body: &[u8]) {
    let mut header = String::with_capacity(400);
    let _ = write!(
        header,
        r#"{{"code":{code},"extFields":{{{fields}}},"flag":0,"language":"JAVA","opaque":{opaque},"serializeTypeCurrentRPC":"JSON","version":409}}"#
    );
    let length = |bytes: usize| u32::try_from(bytes).expect("a small frame").to_be_bytes();
    out.extend(length(4 + header.len() + body.len()));
    out.extend(length(header.len()));
    out.extend(header.as_bytes());
    out.extend(body);
}

/// Sends one message.
pub fn send(out: &mut Vec<u8>, opaque: i32, topic: &str, queue: u32, body: &[u8]) {
    let mut fields = String::with_capacity(240);
    let _ = write!(
        fields,
        r#""a":"growth-producer","b":"{topic}","c":"TBW102","d":"8","e":"{queue}","f":"0","g":"1700000000000","h":"0","i":"UNIQ_KEY\u00017F000001{opaque:024X}\u0002WAIT\u0001true","j":"0","k":"false","m":"false""#
    );
    request(out, SEND_MESSAGE_V2, opaque, &fields, body);
}

/// Pulls from `offset` on, and waits for as long as `suspend_ms` when there is nothing.
pub fn pull(out: &mut Vec<u8>, opaque: i32, topic: &str, queue: u32, offset: i64, suspend_ms: u64) {
    let mut fields = String::with_capacity(300);
    let _ = write!(
        fields,
        r#""consumerGroup":"growth-consumer","topic":"{topic}","queueId":"{queue}","queueOffset":"{offset}","maxMsgNums":"32","sysFlag":"{PULL_FLAGS}","commitOffset":"0","suspendTimeoutMillis":"{suspend_ms}","subscription":"*","subVersion":"0","expressionType":"TAG""#
    );
    request(out, PULL_MESSAGE, opaque, &fields, b"");
}

/// Asks for the end of a queue: answered at once.
pub fn max_offset(out: &mut Vec<u8>, opaque: i32, topic: &str, queue: u32) {
    let fields = format!(r#""topic":"{topic}","queueId":"{queue}""#);
    request(out, GET_MAX_OFFSET, opaque, &fields, b"");
}

/// What is of interest in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub opaque: i32,
    /// 0 for success.
    pub code: i32,
}

/// Takes the whole answers from the front of `incoming`.
pub fn take_answers(incoming: &mut Vec<u8>, answers: &mut Vec<Answer>) {
    let mut position = 0;
    while let Some((frame, end)) = next_frame(incoming, position) {
        answers.push(Answer { opaque: integer(frame, "opaque"), code: integer(frame, "code") });
        position = end;
    }
    incoming.drain(..position);
}

/// The header of the frame at `position`, and where the frame ends.
fn next_frame(bytes: &[u8], position: usize) -> Option<(&[u8], usize)> {
    let word = |at: usize| {
        let word = bytes.get(at..at + 4)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*word) as usize)
    };
    let end = position + 4 + word(position)?;
    let header = position + 8;
    let header_end = header + (word(position + 4)? & 0xff_ffff);
    (end <= bytes.len()).then(|| (&bytes[header..header_end.min(end)], end))
}

/// A number of a header; the smallest one when it is not there.
fn integer(header: &[u8], name: &str) -> i32 {
    let name = format!("\"{name}\":");
    let place = header.windows(name.len()).position(|window| window == name.as_bytes());
    let digits = place.map(|place| &header[place + name.len()..]).unwrap_or_default();
    let end = digits.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'-').unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok().and_then(|text| text.parse().ok()).unwrap_or(i32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_answers_are_taken_and_the_rest_stays() {
        let mut bytes = Vec::new();
        send(&mut bytes, 7, "T", 3, b"body");
        let one = bytes.len();
        max_offset(&mut bytes, 8, "T", 3);
        bytes.truncate(one + 20);
        let mut answers = Vec::new();
        take_answers(&mut bytes, &mut answers);
        assert_eq!(answers, [Answer { opaque: 7, code: SEND_MESSAGE_V2 }]);
        assert_eq!(bytes.len(), 20);
    }

    #[test]
    fn headers_are_json() {
        let mut bytes = Vec::new();
        pull(&mut bytes, 1, "T", 0, 5, 1000);
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..]).unwrap();
        assert_eq!(header["extFields"]["queueOffset"], "5");
        bytes.clear();
        send(&mut bytes, 1, "T", 0, b"");
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..]).unwrap();
        assert!(header["extFields"]["i"].as_str().unwrap().ends_with("\u{2}WAIT\u{1}true"));
    }
}
