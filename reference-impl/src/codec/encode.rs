//! Writing Socket.IO packets.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    arguments::Arguments,
    header::AckId,
    text::{push_number, quote},
};

/// From this length on arguments that are given away are moved within their own memory, in bytes.
const WORTH_KEEPING: usize = 1024;

/// A packet as it is sent: one text message, then its attachments as binary messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// The text message.
    pub text: String,
    /// The binary messages that follow it at once, in this order.
    pub attachments: Vec<Bytes>,
}

/// `0`, or `0/namespace,`, with `payload` (a JSON object) behind it.
pub fn encode_connect(namespace: &str, payload: Option<&str>) -> String {
    without_attachments('0', namespace, payload)
}

/// `1`, or `1/namespace,`.
pub fn encode_disconnect(namespace: &str) -> String {
    without_attachments('1', namespace, None)
}

/// `4`, or `4/namespace,`, with `payload` (a JSON object) behind it.
pub fn encode_connect_error(namespace: &str, payload: &str) -> String {
    without_attachments('4', namespace, Some(payload))
}

/// An event; type 5 if an argument is binary, else type 2. Arguments that are given away are not copied.
pub fn encode_event<'a>(
    namespace: &str,
    id: Option<&AckId>,
    name: &str,
    arguments: impl Into<Cow<'a, Arguments>>,
) -> Encoded {
    let arguments = arguments.into();
    let mut text = head("2", "5", namespace, id, &arguments, name.len() + 2);
    text.push('[');
    quote(&mut text, name);
    if !arguments.json().is_empty() {
        text.push(',');
    }
    finish(text, arguments)
}

/// An acknowledgement; type 6 if an argument is binary, else type 3. Arguments that are given away are not copied.
pub fn encode_ack<'a>(namespace: &str, id: &AckId, arguments: impl Into<Cow<'a, Arguments>>) -> Encoded {
    let arguments = arguments.into();
    let mut text = head("3", "6", namespace, Some(id), &arguments, 0);
    text.push('[');
    finish(text, arguments)
}

fn without_attachments(kind: char, namespace: &str, payload: Option<&str>) -> String {
    let payload = payload.unwrap_or("");
    let mut text = String::with_capacity(namespace.len() + payload.len() + 2);
    text.push(kind);
    push_namespace(&mut text, namespace);
    text.push_str(payload);
    text
}

fn head(
    plain: &str,
    binary: &str,
    namespace: &str,
    id: Option<&AckId>,
    arguments: &Arguments,
    name: usize,
) -> String {
    let kept = if arguments.json().len() > WORTH_KEEPING {
        0
    } else {
        arguments.json().len()
    };
    let mut text = String::with_capacity(namespace.len() + name + kept + 32);
    if arguments.attachments().is_empty() {
        text.push_str(plain);
    } else {
        text.push_str(binary);
        push_number(&mut text, arguments.attachments().len() as u64);
        text.push('-');
    }
    push_namespace(&mut text, namespace);
    if let Some(id) = id {
        match id.as_u64() {
            Some(id) => push_number(&mut text, id),
            None => text.push_str(&id.to_string()),
        }
    }
    text
}

fn finish(mut text: String, arguments: Cow<'_, Arguments>) -> Encoded {
    let (json, attachments) = match arguments {
        Cow::Owned(arguments) => arguments.into_parts(),
        Cow::Borrowed(arguments) => {
            text.push_str(arguments.json());
            (String::new(), arguments.attachments().to_vec())
        }
    };
    if json.len() > WORTH_KEEPING && json.capacity() - json.len() > text.len() {
        // There is room for what stands around it: the head and the bracket.
        let head = std::mem::replace(&mut text, json);
        text.insert_str(0, &head);
    } else {
        text.push_str(&json);
    }
    text.push(']');
    Encoded { text, attachments }
}

fn push_namespace(text: &mut String, namespace: &str) {
    if namespace != "/" {
        text.push_str(namespace);
        text.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(values: &[&str]) -> Arguments {
        let mut arguments = Arguments::new();
        for value in values {
            arguments.push_json(*value);
        }
        arguments
    }

    #[test]
    fn writes_the_examples_of_the_protocol() {
        assert_eq!(encode_connect("/", None), "0");
        assert_eq!(
            encode_connect("/admin", Some("{\"sid\":\"x\"}")),
            "0/admin,{\"sid\":\"x\"}"
        );
        assert_eq!(encode_connect("/admin", None), "0/admin,");
        assert_eq!(encode_disconnect("/admin"), "1/admin,");
        assert_eq!(
            encode_connect_error("/", "{\"message\":\"Not authorized\"}"),
            "4{\"message\":\"Not authorized\"}"
        );
        assert_eq!(
            encode_event("/", None, "foo", Arguments::new()).text,
            "2[\"foo\"]"
        );
        assert_eq!(
            encode_event("/admin", None, "bar", arguments(&["1", "null"])).text,
            "2/admin,[\"bar\",1,null]"
        );
        assert_eq!(
            encode_event("/", Some(&AckId::from(0)), "foo", Arguments::new()).text,
            "20[\"foo\"]"
        );
        assert_eq!(
            encode_ack("/admin", &AckId::from(13), arguments(&["\"bar\""])).text,
            "3/admin,13[\"bar\"]"
        );
        assert_eq!(encode_ack("/", &AckId::from(12), Arguments::new()).text, "312[]");
    }

    #[test]
    fn binary_arguments_make_a_binary_packet() {
        let mut arguments = arguments(&["\"x\""]);
        arguments
            .push_binary(Bytes::from_static(&[1]))
            .push_binary(Bytes::from_static(&[2]));
        let event = encode_event("/admin", None, "baz", &arguments);
        let expected =
            "52-/admin,[\"baz\",\"x\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]";
        assert_eq!(event.text, expected);
        assert_eq!(event.attachments, [&[1][..], &[2]]);
        let mut one = Arguments::new();
        one.push_binary(Bytes::from_static(&[7]));
        assert_eq!(
            encode_ack("/", &AckId::from(15), &one).text,
            "61-15[{\"_placeholder\":true,\"num\":0}]"
        );
    }

    #[test]
    fn long_arguments_are_written_alike_wherever_their_memory_is() {
        let long = format!("\"{}\"", "é".repeat(WORTH_KEEPING));
        let expected = format!("2/admin,7[\"foo\",{long}]");
        for room in [0, 1, 14, 15, 16, 1000] {
            let mut json = String::with_capacity(long.len() + room);
            json.push_str(&long);
            let mut arguments = Arguments::new();
            arguments.push_json(json);
            let id = AckId::from(7);
            assert_eq!(
                encode_event("/admin", Some(&id), "foo", &arguments).text,
                expected
            );
            assert_eq!(
                encode_event("/admin", Some(&id), "foo", arguments).text,
                expected,
                "room {room}"
            );
        }
    }

    #[test]
    fn the_first_argument_can_be_taken_off() {
        let (first, rest) = arguments(&["\"a\"", "[1, 2]", "3"]).split_first().unwrap();
        assert_eq!((first.as_str(), rest.json()), ("\"a\"", "[1, 2],3"));
        assert_eq!(rest.iter().collect::<Vec<_>>(), ["[1, 2]", "3"]);
        let (_, rest) = arguments(&["1"]).split_first().unwrap();
        assert_eq!(rest.json(), "");
        assert!(rest.split_first().is_none());
    }
}
