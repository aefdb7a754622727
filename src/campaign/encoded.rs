//! Comparing encoded packets: what stands before the JSON by its letters, the JSON with its attachments by value.

use super::alike::alike;
use crate::suite::Frame;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Compares the frames of the reference with those of a target, as [`alike`] compares values.
pub(super) fn compare_frames(ours: &[Frame], theirs: &[Frame]) -> Result<Vec<&'static str>, String> {
    if ours == theirs {
        return Ok(Vec::new());
    }
    let (Some((front_a, json_a)), Some((front_b, json_b))) = (read_frames(ours), read_frames(theirs)) else {
        return Err("frames".to_owned());
    };
    if front_a != front_b {
        return Err("front".to_owned());
    }
    if ours.len() != theirs.len() {
        return Err("attachments".to_owned());
    }
    alike(&json_a, &json_b).map_err(|why| format!("data-{why}"))
}

/// The front of a packet, and its JSON with attachments in their places.
fn read_frames(frames: &[Frame]) -> Option<(&str, Value)> {
    let (Frame::Text(text), attachments) = frames.split_first()? else {
        return None;
    };
    // A namespace may hold brackets, but no comma.
    let from = match text.find('/') {
        Some(slash) if slash < text.find(['[', '{', '"']).unwrap_or(text.len()) => text.find(',')?,
        _ => 0,
    };
    let at = from + text.get(from..)?.find(['[', '{', '"'])?;
    let mut json = serde_json::from_str(&text[at..]).ok()?;
    fill(&mut json, attachments);
    Some((&text[..at], json))
}

fn fill(value: &mut Value, attachments: &[Frame]) {
    if value["_placeholder"] == json!(true)
        && let Some(num) = value["num"].as_u64().and_then(|num| usize::try_from(num).ok())
        && let Some(Frame::Binary(bytes)) = attachments.get(num)
    {
        *value = json!({ "$binary": STANDARD.encode(bytes) });
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, attachments)),
        Value::Object(members) => members.values_mut().for_each(|item| fill(item, attachments)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_compared_by_front_and_value() {
        let frames = |text: &str, bytes: &[u8]| {
            let attachments = bytes.iter().map(|byte| Frame::Binary(vec![*byte]));
            std::iter::once(Frame::Text(text.to_owned()))
                .chain(attachments)
                .collect::<Vec<_>>()
        };
        let place = |num: u8| format!("{{\"_placeholder\":true,\"num\":{num}}}");
        let ours = frames(&format!("52-/a[,[\"a\",{},{}]", place(0), place(1)), &[1, 2]);
        let swapped = frames(&format!("52-/a[,[\"a\", {}, {}]", place(1), place(0)), &[2, 1]);
        assert_eq!(compare_frames(&ours, &swapped), Ok(Vec::new()));
        let wrong = frames(&format!("52-/a[,[\"a\",{},{}]", place(1), place(0)), &[1, 2]);
        assert_eq!(compare_frames(&ours, &wrong), Err("data-bytes".to_owned()));
        assert_eq!(
            compare_frames(&frames("2[1]", &[]), &frames("20[1]", &[])),
            Err("front".to_owned())
        );
        assert_eq!(
            compare_frames(&frames("0", &[]), &frames("1", &[])),
            Err("frames".to_owned())
        );
    }
}
