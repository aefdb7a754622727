//! Inputs of a decoder as raw bytes, which stand behind a request: nothing in them is escaped, so that they are written and
//! read faster than JSON. The form is in `docs/driver.md`.

use crate::suite::Frame;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// Appends an input. `false` where it has a frame that is neither text nor bytes nor a reset; what was appended is of no use
/// then.
pub fn push_raw(frames: &[Frame], out: &mut Vec<u8>) -> bool {
    for frame in frames {
        match frame {
            Frame::Text(text) => push_frame(b't', text.as_bytes(), out),
            Frame::Binary(bytes) => push_frame(b'b', bytes, out),
            Frame::Reset => out.push(b'r'),
            Frame::Odd(_) => return false,
        }
    }
    out.push(b';');
    true
}

/// The inputs of a request, if all can be raw.
pub(super) fn raw_inputs(inputs: &[Value]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for input in inputs {
        let frames: Option<Vec<Frame>> = input.as_array()?.iter().map(frame).collect();
        push_raw(&frames?, &mut out).then_some(())?;
    }
    Some(out)
}

fn frame(value: &Value) -> Option<Frame> {
    if let Value::String(text) = value {
        return Some(Frame::Text(text.clone()));
    }
    if value.get("$reset").is_some() {
        return Some(Frame::Reset);
    }
    let bytes = STANDARD.decode(value.get("$binary")?.as_str()?).ok()?;
    Some(Frame::Binary(bytes))
}

fn push_frame(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut length = bytes.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789"[length % 10];
        length /= 10;
        if length == 0 {
            break;
        }
    }
    out.push(kind);
    out.extend_from_slice(&digits[at..]);
    out.push(b':');
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn inputs_are_raw_where_they_can_be() {
        let inputs = [
            json!(["2[\"é\"]", { "$binary": "AQr/" }, { "$reset": true }, ""]),
            json!([]),
            json!(["0123456789"]),
        ];
        let expected = [
            "t7:2[\"é\"]b3:".as_bytes(),
            &[1, 10, 255],
            b"rt0:;;t10:0123456789;",
        ]
        .concat();
        assert_eq!(raw_inputs(&inputs), Some(expected));
        for odd in [json!([{ "$special": "null" }]), json!([7]), json!("2")] {
            assert_eq!(raw_inputs(&[odd]), None);
        }
    }

    #[test]
    fn the_example_of_the_document_is_one() {
        let header = "51-[\"a\",{\"_placeholder\":true,\"num\":0}]";
        let raw = raw_inputs(&[json!(["2[\"a\"]"]), json!([header, { "$binary": "AQ==" }])]).unwrap();
        let shown = String::from_utf8_lossy(&raw).replace('\u{1}', "\\x01");
        let example = format!("\"bytes\": {}}}\n{shown}\n", raw.len());
        assert!(
            include_str!("../../docs/driver.md").contains(&example),
            "{example}"
        );
    }
}
