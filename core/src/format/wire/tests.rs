//! Every recorded frame of the Java broker decodes and encodes to the same bytes, and no bytes make the decoder panic.

use std::sync::OnceLock;

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;

use super::*;

/// One line of `tests/golden/wire/wire-*.jsonl`.
pub(crate) struct Recorded {
    pub record: serde_json::Value,
    pub frame: Vec<u8>,
}

/// The frames of the `json` or `rocketmq` recording.
pub(crate) fn recorded(serializer: &str) -> &'static [Recorded] {
    static FRAMES: OnceLock<[Vec<Recorded>; 2]> = OnceLock::new();
    let [json, rocketmq] = FRAMES.get_or_init(|| [read("json"), read("rocketmq")]);
    if serializer == "json" { json } else { rocketmq }
}

fn read(serializer: &str) -> Vec<Recorded> {
    let path = format!("{}/../tests/golden/wire/wire-{serializer}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let frame = from_hex(record["frame_hex"].as_str().unwrap());
            Recorded { record, frame }
        })
        .collect()
}

pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub(crate) fn decode(frame: &[u8]) -> Result<Option<RemotingCommand>, FrameError> {
    next_frame(&mut BytesMut::from(frame), FRAME_SIZE_MAX)
}

#[test]
fn golden_frames_reencode_byte_for_byte() {
    for (serializer, count) in [("json", 502), ("rocketmq", 504)] {
        let frames = recorded(serializer);
        assert_eq!(frames.len(), count);
        for Recorded { record, frame } in frames {
            let command = decode(frame).unwrap().unwrap();
            let header = &record["header"];
            assert_eq!(i64::from(command.code), header["code"], "{}", record["id"]);
            assert_eq!(i64::from(command.opaque), header["opaque"]);
            assert_eq!(i64::from(command.flag), header["flag"]);
            assert_eq!(i64::from(command.version), header["version"]);
            let language = match header["language"].as_u64() {
                Some(code) => LanguageCode::from_code(code as u8),
                None => header["language"].as_str().and_then(LanguageCode::from_name),
            };
            assert_eq!(command.language, language);
            assert_eq!(command.remark.as_deref(), header["remark"].as_str());
            if let Some(fields) = header["extFields"].as_object() {
                for (key, value) in fields {
                    let value = value.as_str().filter(|value| serializer == "json" || !value.is_empty());
                    assert_eq!(command.ext.get(key), value, "{} {key}", record["id"]);
                }
            }
            assert_eq!(command.body.len() as i64, record["body_len"].as_i64().unwrap());
            let mut out = Vec::new();
            command.encode(&mut out);
            assert_eq!(out, frame.as_slice(), "{}", record["id"]);
        }
    }
}

#[test]
fn frames_come_one_by_one_from_a_stream_cut_anywhere() {
    let frames = recorded("json");
    let stream: Vec<u8> = frames.iter().take(40).flat_map(|recorded| recorded.frame.clone()).collect();
    let mut buffer = BytesMut::new();
    let mut opaques = Vec::new();
    for chunk in stream.chunks(7) {
        buffer.extend_from_slice(chunk);
        while let Some(command) = next_frame(&mut buffer, FRAME_SIZE_MAX).unwrap() {
            opaques.push(command.opaque);
        }
    }
    assert!(buffer.is_empty());
    let expected: Vec<i32> = frames
        .iter()
        .take(40)
        .map(|recorded| recorded.record["header"]["opaque"].as_i64().unwrap() as i32)
        .collect();
    assert_eq!(opaques, expected);
}

fn json_frame(header: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u32((4 + header.len() + body.len()) as u32);
    out.put_u32(header.len() as u32);
    out.put_slice(header.as_bytes());
    out.put_slice(body);
    out
}

#[test]
fn the_fatal_errors() {
    let error = |bytes: &[u8]| decode(bytes).unwrap_err();
    assert!(matches!(error(&[1, 0, 0, 0]), FrameError::TooLong { .. }));
    assert!(matches!(error(&[0x80, 0, 0, 0]), FrameError::TooLong { .. }));
    assert!(matches!(error(&[0xFF, 0xFF, 0xFF, 0xFF, 0]), FrameError::TooLong { .. }));
    assert_eq!(error(&[0, 0, 0, 3]), FrameError::TooShort(3));
    assert_eq!(
        error(&[0, 0, 0, 6, 0, 0, 0, 3, b'{', b'}']),
        FrameError::HeaderTooLong { header_len: 3, length: 6 }
    );
    assert_eq!(error(&[0, 0, 0, 6, 2, 0, 0, 2, b'{', b'}']), FrameError::UnknownSerializer(2));
    for header in [
        "",
        "null",
        "[]",
        "{",
        "{}x",
        "{\"code\":}",
        "{\"code\":1",
        "{\"code\":1]",
        "{\"code\" 1}",
        "{\"code\":tru}",
        "{\"code\":99999999999}",
        "{\"code\":\"x\"}",
        "{\"a\":\"\\q\"}",
        "{\"a\":\"b}",
        "{\"a\":{}",
        "{\"a\":\"\\u12\"}",
        "{a b:1}",
        "{\"extFields\":[]}",
        "{\"extFields\":\"x\"}",
    ] {
        assert!(matches!(error(&json_frame(header, b"")), FrameError::BadHeader(_)), "{header}");
    }
    let mut smallest = BytesMut::from(&[0, 0, 0, 6, 0, 0, 0, 2, b'{', b'}'][..]);
    assert!(next_frame(&mut smallest, 10).unwrap().is_some());
    assert_eq!(decode(&[0, 0, 0, 6, 0, 0]).map(|command| command.is_none()), Ok(true));
}

#[test]
fn json_leniency() {
    let header = r#" { "code" : "34" , 'flag':2.0,version:409,,"language":"KLINGON", "remark":"a\u0001\n\"订\ud83d\ude00\u8ba2x",
        "serializeTypeCurrentRPC":null, "other":{"a":["}\"",1]}, "extFields":{"i":7,"b":true,"n":null,"o":{"x":"\n"},"e":"",
        "k\u0041":"1\u0002","i":8} } "#;
    let command = decode(&json_frame(header, b"body")).unwrap().unwrap();
    assert_eq!((command.code, command.flag, command.version, command.opaque), (34, 2, 409, 0));
    assert!(command.is_oneway() && !command.is_response());
    assert_eq!(command.language, None);
    assert_eq!(command.remark.as_deref(), Some("a\u{1}\n\"订😀订x"));
    let fields: Vec<_> = command.ext.iter().collect();
    assert_eq!(
        fields,
        [("i", "7"), ("b", "true"), ("o", "{\"x\":\"\\n\"}"), ("e", ""), ("kA", "1\u{2}"), ("i", "8")]
    );
    assert_eq!(command.ext.i32("i"), Some(8));
    assert_eq!(command.ext.bool("b"), Some(true));
    assert_eq!(command.ext.get("n"), None);
    assert_eq!(command.ext.get("e"), Some(""));
    assert_eq!(command.body, "body");
    let bare = decode(&json_frame("{}", b"")).unwrap().unwrap();
    assert_eq!((bare.language, bare.ext.present()), (Some(LanguageCode::Java), false));
    assert!(decode(&json_frame("{\"extFields\":{}}", b"")).unwrap().unwrap().ext.present());
    assert!(!decode(&json_frame("{\"extFields\":null}", b"")).unwrap().unwrap().ext.present());
    let cpp = decode(&json_frame("{\"language\":1}", b"")).unwrap().unwrap();
    assert_eq!(cpp.language, Some(LanguageCode::Cpp));
}

#[test]
fn malformed_utf8_is_replaced_as_java_does() {
    let mut frame = json_frame(r#"{"remark":"r@","extFields":{"a":"x@y\n","b":"z"}}"#, b"");
    frame.iter_mut().filter(|byte| **byte == b'@').for_each(|byte| *byte = 0xFF);
    let command = decode(&frame).unwrap().unwrap();
    assert_eq!(command.remark.as_deref(), Some("r\u{FFFD}"));
    assert_eq!(command.ext.get("a"), Some("x\u{FFFD}y\n"));
    assert_eq!(command.ext.get("b"), Some("z"));
}

#[test]
fn binary_empty_value_is_no_value() {
    let fields = HeaderFields::new().with("a", "").with("b", "1").with("a2", "订");
    let mut out = Vec::new();
    encode_response(&mut out, &Response::success().with_fields(fields), 5, Serializer::Rocketmq);
    let command = decode(&out).unwrap().unwrap();
    assert_eq!(command.ext.get("a"), None);
    assert_eq!(command.ext.iter().collect::<Vec<_>>(), [("b", "1"), ("a2", "订")]);
    let mut again = Vec::new();
    command.encode(&mut again);
    assert_eq!(again, out);
}

#[test]
fn answers_are_written_as_java_writes_them() {
    let vectors: &[(&str, Response, Serializer)] = &[
        (
            "0000007b000000777b22636f6465223a312c22666c6167223a312c226c616e6775616765223a224a415641222c226f7061717565223a37372c2272656d61726b223a22736f6d652072656d61726b222c2273657269616c697a655479706543757272656e74525043223a224a534f4e222c2276657273696f6e223a3430397d",
            Response::error(ResponseCode::SystemError, "some remark"),
            Serializer::Json,
        ),
        (
            "000000240100002000010001990000004d000000010000000b736f6d652072656d61726b00000000",
            Response::error(ResponseCode::SystemError, "some remark"),
            Serializer::Rocketmq,
        ),
    ];
    for (hex, response, serializer) in vectors {
        let mut out = Vec::new();
        encode_response(&mut out, response, 77, *serializer);
        assert_eq!(out, from_hex(hex));
    }
    let request = OutgoingRequest::new(RequestCode::GetMaxOffset)
        .with_fields(HeaderFields::new().with("queueId", 3).with("topic", "TopicA"))
        .with_body("body");
    for (hex, serializer) in [
        (
            "000000960000008e7b22636f6465223a33302c226578744669656c6473223a7b2271756575654964223a2233222c22746f706963223a22546f70696341227d2c22666c6167223a302c226c616e6775616765223a224a415641222c226f7061717565223a37372c2273657269616c697a655479706543757272656e74525043223a224a534f4e222c2276657273696f6e223a3430397d626f6479",
            Serializer::Json,
        ),
        (
            "0000003c01000034001e0001990000004d00000000000000000000001f00077175657565496400000001330005746f70696300000006546f70696341626f6479",
            Serializer::Rocketmq,
        ),
    ] {
        let mut out = Vec::new();
        encode_request(&mut out, &request, 77, serializer);
        request.body.iter().for_each(|chunk| out.extend_from_slice(chunk));
        assert_eq!(out, from_hex(hex));
    }
}

#[test]
fn every_kind_of_value_is_written_as_text() {
    let mut id = InlineText::new();
    std::fmt::Write::write_fmt(&mut id, format_args!("{:032X}", 0xABCu128)).unwrap();
    let fields = HeaderFields::new()
        .with("i", -7i64)
        .with("t", true)
        .with("f", false)
        .with("s", "static\u{1}")
        .with("o", String::from("own"))
        .with("id", id)
        .with("c", FieldValue::copied("copy"))
        .with("l", FieldValue::copied(&"long ".repeat(20)));
    for serializer in [Serializer::Json, Serializer::Rocketmq] {
        let mut out = Vec::new();
        encode_response(&mut out, &Response::success().with_fields(fields.clone()), -1, serializer);
        let command = decode(&out).unwrap().unwrap();
        assert_eq!((command.opaque, command.flag, command.version), (-1, 1, 409));
        for name in ["i", "t", "f", "s", "o", "id", "c", "l"] {
            assert_eq!(command.ext.get(name).map(str::to_owned), fields.get(name));
        }
        let passed_on = HeaderFields::from(&command.ext);
        assert_eq!(passed_on.get("id").as_deref(), Some("00000000000000000000000000000ABC"));
    }
    assert!(InlineText::from_text(&"x".repeat(39)).is_none());
}

#[test]
fn a_header_beyond_24_bits_is_sent_without_its_texts() {
    let mut out = Vec::new();
    let response = Response::error(1, "x".repeat(17 << 20)).with_body(Bytes::from_static(b"b"));
    encode_response(&mut out, &response, 3, Serializer::Json);
    out.extend_from_slice(b"b");
    let command = decode(&out).unwrap().unwrap();
    assert_eq!((command.code, command.opaque, command.remark), (1, 3, None));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), serializer in 0u8..3) {
        let _ = decode(&bytes);
        let mut frame = Vec::new();
        frame.put_u32(bytes.len() as u32 + 4);
        frame.put_u32(u32::from(serializer) << 24 | bytes.len() as u32);
        frame.put_slice(&bytes);
        let _ = decode(&frame);
    }

    #[test]
    fn mutated_frames_never_panic(
        which in 0usize..500,
        binary in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut frame = sample(which, binary).to_vec();
        for (at, byte) in changes {
            let at = at.index(frame.len().min(400));
            frame[at] = byte;
        }
        if let Ok(Some(command)) = decode(&frame) {
            command.ext.iter().for_each(|(key, value)| assert!(key.len() + value.len() < frame.len() * 3));
            let _ = format!("{command:?}");
        }
    }

    #[test]
    fn fields_survive_both_serializations(
        fields in prop::collection::vec(("\\PC{1,20}", "(\\PC|[\\x00-\\x20]|[\u{7f}-\u{a0}]|[\u{2020}-\u{2030}]){1,40}"), 0..20),
        remark in prop::option::of("(\\PC|[\\x00-\\x20\\\\\"]){1,30}"),
    ) {
        let mut sent = HeaderFields::new();
        fields.iter().for_each(|(key, value)| sent.push(key.clone(), value.clone()));
        let mut response = Response::success().with_fields(sent);
        response.remark = remark.clone().map(Into::into);
        for serializer in [Serializer::Json, Serializer::Rocketmq] {
            let mut out = Vec::new();
            encode_response(&mut out, &response, 9, serializer);
            let command = decode(&out).unwrap().unwrap();
            prop_assert_eq!(command.remark.as_deref(), remark.as_deref());
            let received: Vec<_> = command.ext.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            prop_assert_eq!(&received, &fields);
            let mut again = Vec::new();
            command.encode(&mut again);
            prop_assert_eq!(again, out);
        }
    }
}

fn sample(which: usize, binary: bool) -> &'static [u8] {
    let frames = recorded(if binary { "rocketmq" } else { "json" });
    &frames[which % frames.len()].frame
}
