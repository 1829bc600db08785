//! Expected texts were printed by fastjson 1.2.69 or recorded from the Java broker.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::body::{MessageQueue, ResetOffset};
use super::super::tests::{decode, recorded};
use super::*;

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
struct Key {
    s: String,
    x: i32,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Bean {
    a: Vec<i32>,
    bm: BTreeMap<Key, i64>,
    bs: Vec<Key>,
    d: f64,
    e: Vec<Key>,
    im: BTreeMap<i32, i64>,
    m: BTreeMap<String, Option<i32>>,
    n: Option<String>,
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn bean() -> Bean {
    let key = |s: &str| Key { s: s.to_owned(), x: 1 };
    Bean {
        a: vec![1, 2],
        bm: [(key("q"), 5), (key("r"), 6)].into(),
        bs: vec![key("q")],
        d: 1e10,
        e: vec![],
        im: [(1, 2), (3, 4)].into(),
        m: [("z".to_owned(), Some(1)), ("nul".to_owned(), None)].into(),
        n: None,
    }
}

#[test]
fn writes_the_three_forms() {
    let compact = r#"{"a":[1,2],"bm":{{"s":"q","x":1}:5,{"s":"r","x":1}:6},"bs":[{"s":"q","x":1}],"d":1.0E10,"e":[],"im":{1:2,3:4},"m":{"z":1}}"#;
    let strict = r#"{"a":[1,2],"bm":{"{\"s\":\"q\",\"x\":1}":5,"{\"s\":\"r\",\"x\":1}":6},"bs":[{"s":"q","x":1}],"d":1.0E10,"e":[],"im":{"1":2,"3":4},"m":{"z":1}}"#;
    let pretty = "{\n\t\"a\":[\n\t\t1,\n\t\t2\n\t],\n\t\"bm\":{{\n\t\t\t\"s\":\"q\",\n\t\t\t\"x\":1\n\t\t}:5,{\n\t\t\t\"s\":\"r\",\n\t\t\t\"x\":1\n\t\t}:6\n\t},\n\t\"bs\":[\n\t\t{\n\t\t\t\"s\":\"q\",\n\t\t\t\"x\":1\n\t\t}\n\t],\n\t\"d\":1.0E10,\n\t\"e\":[],\n\t\"im\":{1:2,3:4\n\t},\n\t\"m\":{\n\t\t\"z\":1\n\t}\n}";
    assert_eq!(text(to_vec(&bean())), compact);
    assert_eq!(text(to_strict(&bean())), strict);
    assert_eq!(text(to_pretty(&bean())), pretty);
    let mut expected = bean();
    expected.m.remove("nul");
    for form in [compact, pretty] {
        assert_eq!(from_str::<Bean>(form).unwrap(), expected);
    }
}

/// `fastjsonMapKeys` of vectors.json.
#[test]
fn map_keys_and_letters_beyond_ascii() {
    let queue = MessageQueue { broker_name: "b".to_owned(), queue_id: 1, topic: "T".to_owned() };
    let reset = ResetOffset { offset_table: [(queue, 9)].into() };
    let object_keys = r#"{"offsetTable":{{"brokerName":"b","queueId":1,"topic":"T"}:9}}"#;
    assert_eq!(text(to_vec(&reset)), object_keys);
    assert_eq!(from_str::<ResetOffset>(object_keys).unwrap(), reset);
    let numbers = BTreeMap::from([(1, 2)]);
    assert_eq!(text(to_vec(&numbers)), "{1:2}");
    assert_eq!(text(to_strict(&numbers)), r#"{"1":2}"#);
    for form in ["{1:2}", r#"{"1":2}"#] {
        assert_eq!(from_str::<BTreeMap<i32, i32>>(form).unwrap(), numbers);
    }
    assert_eq!(text(to_vec("订单")), "\"订单\"");
    assert_eq!(text(to_strict("订单")), r#""\u8BA2\u5355""#);
}

#[test]
fn a_list_of_primitives_stays_on_one_line() {
    let value = BTreeMap::from([("bitPos", Compact(&[16, 61, 107]))]);
    assert_eq!(text(to_pretty(&value)), "{\n\t\"bitPos\":[16,61,107]\n}");
}

#[test]
fn doubles_are_written_as_java_writes_them() {
    let cases = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (100.0, "100.0"),
        (1.4, "1.4"),
        (1234567.125, "1234567.125"),
        (1e7, "1.0E7"),
        (1e10, "1.0E10"),
        (1.5e-5, "1.5E-5"),
        (123456789.0, "1.23456789E8"),
        (0.001, "0.001"),
        (-0.0001, "-1.0E-4"),
        (f64::NAN, "null"),
    ];
    for (value, expected) in cases {
        assert_eq!(text(to_vec(&value)), expected);
    }
}

#[test]
fn reads_what_fastjson_reads() {
    let cases = [
        (r#"{"a":"\x41\0\7\v\'\/\F"}"#, json!({"a": "A\0\u{7}\u{b}'/\u{c}"})),
        ("{a:1}", json!({"a": 1})),
        ("{'a':'b\"'}", json!({"a": "b\""})),
        (r#"{,"a":1,,"b":2,}"#, json!({"a": 1, "b": 2})),
        ("{/*c*/\"a\":1} // end", json!({"a": 1})),
        (r#"{"a":undefined,"b":NaN,"c":null}"#, json!({"a": null, "b": null, "c": null})),
        ("{\"a\":\"x\ny\u{1}\"}", json!({"a": "x\ny\u{1}"})),
        ("{1:2,{\"x\":[1]}:3}", json!({"1": 2, "{\"x\":[1]}": 3})),
        ("{\"a\":Set[1],\"b\":TreeSet[]}", json!({"a": [1], "b": []})),
        ("[1,-2.5,true,\"\\u8BA2\\ud83d\\ude00\",{}]", json!([1, -2.5, true, "订😀", {}])),
        (" 7 ", json!(7)),
    ];
    for (text, expected) in cases {
        assert_eq!(from_str::<Value>(text).as_ref(), Ok(&expected), "{text}");
    }
    for text in [
        "",
        "{",
        "{\"a\":1} x",
        "{\"a\":\"\\q\"}",
        "{\"a\":tru}",
        "{\"a\" 1}",
        "{\"a\":1",
        "{a b:1}",
        "[1",
        "[1 2]",
        "{\"a\":-}",
        "{\"a\":abc}",
        "/* ",
        "{\"a\":\"",
        "}",
        "{\"a\":1]",
    ] {
        assert!(from_str::<Value>(text).is_err(), "{text}");
    }
}

#[test]
fn types_are_lenient_where_clients_rely_on_it() {
    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Fields {
        int: i32,
        long: i64,
        flag: bool,
        double: f64,
        text: String,
        list: Vec<i32>,
        map: BTreeMap<i32, String>,
        some: Option<i64>,
    }
    let read: Fields = from_str(
        r#"{"int":"5","long":1.0,"flag":"TRUE","double":"0.5","text":7,"list":["1",2],"map":{"1":2,3:"x"},"some":null,
            "unknown":{"a":[{"b":"}"}]},"other":Set["x"]}"#,
    )
    .unwrap();
    let map = BTreeMap::from([(1, "2".to_owned()), (3, "x".to_owned())]);
    assert_eq!(
        read,
        Fields {
            int: 5,
            long: 1,
            flag: true,
            double: 0.5,
            text: "7".into(),
            list: vec![1, 2],
            map,
            some: None
        }
    );
    let nulls = r#"{"int":null,"long":null,"flag":null,"double":null,"text":null,"list":null,"map":null}"#;
    assert_eq!(from_str::<Fields>(nulls).unwrap(), Fields::default());
    assert!(from_str::<Fields>(r#"{"int":99999999999}"#).is_err());
    assert!(from_str::<Fields>(r#"{"long":99999999999999999999}"#).is_err());
    assert!(from_str::<Fields>(r#"{"flag":"maybe"}"#).is_err());
}

#[test]
fn depth_is_limited() {
    assert!(from_str::<Value>(&"[".repeat(100_000)).is_err());
    assert!(from_str::<Value>(&format!("{}{}", "[".repeat(60), "]".repeat(60))).is_ok());
    #[derive(Debug, Deserialize)]
    #[serde(default)]
    #[derive(Default)]
    struct Nothing {}
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(from_str::<Nothing>(&deep).is_ok());
}

#[test]
fn recorded_bodies_read_and_write_back() {
    let mut count = 0;
    for serializer in ["json", "rocketmq"] {
        for frame in recorded(serializer) {
            let body = decode(&frame.frame).unwrap().unwrap().body;
            if !body.starts_with(b"{\"") {
                continue;
            }
            // An untyped value has string keys only: bare keys come out quoted, all else is the same text.
            let value: Value = from_slice(&body).unwrap();
            let written = to_vec(&value);
            if serde_json::from_slice::<Value>(&body).is_ok() {
                assert_eq!(text(written), text(body.to_vec()), "{}", frame.record["id"]);
            } else {
                assert_eq!(from_slice::<Value>(&written).unwrap(), value);
            }
            count += 1;
        }
    }
    assert!(count > 150, "{count}");
}

proptest::proptest! {
    #[test]
    fn random_text_never_panics(text in "[\\[\\]{}:,\"'a-c0-2\\\\/*unl \u{8ba2}.-]{0,60}") {
        let _ = from_str::<Value>(&text);
        let _ = from_str::<Bean>(&text);
        let _ = from_str::<BTreeMap<i32, Vec<Bean>>>(&text);
    }

    #[test]
    fn texts_survive(texts in proptest::collection::btree_map("(\\PC|[\\x00-\\x1F]){0,8}", "(\\PC|[\\x00-\\x1F]){0,20}", 0..5)) {
        for written in [to_vec(&texts), to_pretty(&texts), to_strict(&texts)] {
            proptest::prop_assert_eq!(&from_slice::<BTreeMap<String, String>>(&written).unwrap(), &texts);
        }
    }
}
