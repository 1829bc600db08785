//! Frames that clients of Java sent to a Java broker: `tests/golden/wire`.

use std::fs;

use serde_json::Value;

/// The first request with this code that was sent in this step. `serializer` is `json` or `rocketmq`.
pub fn request(serializer: &str, code: i32, step: &str) -> Vec<u8> {
    let path = format!("{}/../tests/golden/wire/wire-{serializer}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let mut frames = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let wanted = |frame: &Value| frame["kind"] == "request" && frame["code"] == code && frame["step"] == step;
    let found = frames.find(wanted).unwrap();
    from_hex(found["frame_hex"].as_str().unwrap())
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
