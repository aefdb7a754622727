//! Joining a header with its attachments: the only part of the Socket.IO codec that has a memory.

use bytes::Bytes;

use super::{error::PacketError, socket_packet::Packet};

/// How many attachments a packet may announce unless the receiver says otherwise.
pub const DEFAULT_MAX_ATTACHMENTS: usize = 10;

/// Decodes the messages of one connection, in the order in which they came.
///
/// After an error the connection is to be closed; a decoder that is used on all the same starts afresh.
#[derive(Clone, Debug)]
pub struct Decoder {
    max_attachments: usize,
    pending: Option<Packet<'static>>,
}

impl Decoder {
    /// A decoder that refuses packets with more than `max_attachments` attachments.
    pub fn new(max_attachments: usize) -> Self {
        Self {
            max_attachments,
            pending: None,
        }
    }

    /// Takes a text message. `None`: it was a header, its attachments are awaited.
    pub fn decode_text<'a>(&mut self, text: &'a str) -> Result<Option<Packet<'a>>, PacketError> {
        if let Some(pending) = self.pending.take() {
            return Err(PacketError::TextInsteadOfAttachment(
                pending.missing_attachments(),
            ));
        }
        let packet = Packet::parse(text, self.max_attachments)?;
        if packet.announced_attachments() == 0 {
            return Ok(Some(packet));
        }
        self.pending = Some(packet.into_owned());
        Ok(None)
    }

    /// Takes a binary message. `None`: more attachments are awaited.
    pub fn decode_binary(&mut self, data: Bytes) -> Result<Option<Packet<'static>>, PacketError> {
        let packet = self.pending.as_mut().ok_or(PacketError::UnexpectedAttachment)?;
        packet.push_attachment(data);
        if packet.missing_attachments() > 0 {
            return Ok(None);
        }
        Ok(self.pending.take())
    }

    /// Forgets a header whose attachments have not all come.
    pub fn reset(&mut self) {
        self.pending = None;
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_ATTACHMENTS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::{AckId, Argument, Arguments, PacketType, encode_ack, encode_event};

    fn decode(text: &str) -> Result<Packet<'_>, PacketError> {
        Decoder::default()
            .decode_text(text)
            .map(|packet| packet.expect("no attachments announced"))
    }

    fn refusal(text: &str) -> PacketError {
        Decoder::default().decode_text(text).expect_err(text)
    }

    #[test]
    fn reads_the_parts_of_a_packet() {
        let packet = decode("2/admin,12[ \"tell me\" , 1 ,{\"a\":[]} ]\n").unwrap();
        assert_eq!(packet.packet_type(), PacketType::Event);
        assert_eq!(packet.namespace(), "/admin");
        assert_eq!(packet.id(), Some(&AckId::from(12)));
        assert_eq!(packet.name(), "tell me");
        assert_eq!(packet.payload(), Some("[ \"tell me\" , 1 ,{\"a\":[]} ]"));
        assert_eq!(packet.arguments().json(), "1 ,{\"a\":[]}");
        assert_eq!(packet.argument_texts().collect::<Vec<_>>(), ["1", "{\"a\":[]}"]);

        let packet = decode("2[\"a\"]").unwrap();
        assert_eq!(
            (packet.namespace(), packet.id(), packet.arguments().json()),
            ("/", None, "")
        );
        assert_eq!(decode("30[]").unwrap().arguments().json(), "");
        assert_eq!(decode("30[ ]").unwrap().argument_texts().count(), 0);
        assert_eq!(decode("30[[], []]").unwrap().arguments().json(), "[], []");
        assert_eq!(decode("0").unwrap().payload(), None);
        assert_eq!(decode("0/a").unwrap().namespace(), "/a");
        assert_eq!(decode("0/,").unwrap().namespace(), "/");
        assert_eq!(decode("0/a?b=c,{}").unwrap().namespace(), "/a?b=c");
        assert_eq!(decode("0/€,{\"x\":1}").unwrap().payload(), Some("{\"x\":1}"));
        assert_eq!(decode("0123").unwrap().payload(), None);
        assert_eq!(decode("1/a").unwrap().packet_type(), PacketType::Disconnect);
        assert_eq!(decode("4\"old\"").unwrap().payload(), Some("\"old\""));
        assert_eq!(decode("2[\"\\u0061\",1]").unwrap().name(), "a");
        assert_eq!(decode("2[\"error\"]").unwrap().name(), "error");
    }

    #[test]
    fn white_space_before_the_payload_is_no_id() {
        for text in ["2 [\"a\"]", "2\n[\"a\"]", "2\t[\"a\"]", "2\r\n [\"a\"]"] {
            assert_eq!(decode(text).unwrap().id(), None, "{text:?}");
        }
        assert_eq!(decode("21 [\"a\"]").unwrap().id(), Some(&AckId::from(1)));
        for text in [
            "2 1[\"a\"]",
            "2\u{feff}[\"a\"]",
            "2\u{663}[\"a\"]",
            "2-1[\"a\"]",
            "21.5[\"a\"]",
            "21e3[\"a\"]",
        ] {
            assert_eq!(refusal(text), PacketError::NotAnArray, "{text:?}");
        }
    }

    #[test]
    fn ids_are_exact() {
        for (text, id) in [
            ("20[\"a\"]", "0"),
            ("2007[\"a\"]", "7"),
            ("29007199254740993[\"a\"]", "9007199254740993"),
            ("218446744073709551615[\"a\"]", "18446744073709551615"),
            ("200099999999999999999999999[\"a\"]", "99999999999999999999999"),
        ] {
            assert_eq!(decode(text).unwrap().id().unwrap().to_string(), id);
        }
        let hundred = "9".repeat(100);
        assert_eq!(
            decode(&format!("2{hundred}[\"a\"]"))
                .unwrap()
                .id()
                .unwrap()
                .to_string(),
            hundred
        );
        assert_eq!(refusal(&format!("2{hundred}1[\"a\"]")), PacketError::IdTooLong);
        assert_eq!(
            decode(&format!("2{}5[\"a\"]", "0".repeat(10_000)))
                .unwrap()
                .id()
                .unwrap()
                .as_u64(),
            Some(5)
        );
    }

    #[test]
    fn refuses_what_the_protocol_forbids() {
        use PacketError as E;
        for (text, error) in [
            ("", E::Empty),
            ("7", E::UnknownType('7')),
            (" 2[\"a\"]", E::UnknownType(' ')),
            ("٢[\"a\"]", E::UnknownType('٢')),
            ("-1", E::UnknownType('-')),
            ("2", E::MissingPayload),
            ("2/a", E::MissingPayload),
            ("212", E::MissingPayload),
            ("3", E::MissingId),
            ("30", E::MissingPayload),
            ("3[]", E::MissingId),
            ("30{}", E::NotAnArray),
            ("30null", E::NotAnArray),
            ("2[]", E::EventName),
            ("2{}", E::NotAnArray),
            ("2\"foo\"", E::NotAnArray),
            ("2[null]", E::EventName),
            ("2[1]", E::EventName),
            ("2[[\"a\"]]", E::EventName),
            ("2[{\"toString\":\"foo\"}]", E::EventName),
            ("2[\"connect\"]", E::ReservedName),
            ("2[\"\\u0063onnect\",1]", E::ReservedName),
            ("2[\"removeListener\"]", E::ReservedName),
            ("2[\"a\"]]", E::Trailing(6)),
            ("2[\"a\"]x", E::Trailing(6)),
            ("2/a,b,[\"x\"]", E::NotAnArray),
            ("0null", E::NotAnObject),
            ("0[]", E::NotAnObject),
            ("0\"x\"", E::NotAnObject),
            ("0 ", E::NotAnObject),
            ("0/,\t", E::NotAnObject),
            ("1{}", E::UnexpectedPayload),
            ("11", E::UnexpectedPayload),
            ("4", E::MissingPayload),
            ("4[]", E::NotAnObject),
            ("5", E::AttachmentCount),
            ("5[\"a\"]", E::AttachmentCount),
            ("5-[\"a\"]", E::AttachmentCount),
            ("5-1-[\"a\"]", E::AttachmentCount),
            ("51.5-[\"a\"]", E::AttachmentCount),
            ("51e0-[\"a\"]", E::AttachmentCount),
            ("5+1-[\"a\"]", E::AttachmentCount),
            ("5 1-[\"a\"]", E::AttachmentCount),
            ("5Infinity-[\"a\"]", E::AttachmentCount),
            ("50-[\"a\"]", E::NoAttachments),
            ("60-0[]", E::NoAttachments),
            ("511-[\"a\"]", E::TooManyAttachments { limit: 10 }),
            (
                "51000000000000000000000000-[\"a\"]",
                E::TooManyAttachments { limit: 10 },
            ),
            ("51-", E::MissingPayload),
            ("51-{\"x\":{\"_placeholder\":true,\"num\":0}}", E::NotAnArray),
            ("51-[{\"_placeholder\":true,\"num\":0}]", E::EventName),
            (
                "51-[\"disconnect\",{\"_placeholder\":true,\"num\":0}]",
                E::ReservedName,
            ),
            ("51-[\"a\",{\"_placeholder\":true,\"num\":1}]", E::Placeholder),
            (
                "51-[\"a\",{\"_placeholder\":true,\"num\":\"splice\"}]",
                E::Placeholder,
            ),
            ("51-[\"a\",{\"_placeholder\":true}]", E::Placeholder),
        ] {
            assert_eq!(refusal(text), error, "{text:?}");
        }
        for text in [
            "2[\"a\"",
            "2[\"a\",]",
            "2[\"a\" 1]",
            "2[\"a\",01]",
            "2[\"a\",NaN]",
            "2[\"a\u{0}\"]",
            "0{\"a\":",
            "2[",
        ] {
            assert!(matches!(refusal(text), E::Json(_) | E::EventName), "{text:?}");
        }
    }

    #[test]
    fn attachments_are_joined_by_their_number() {
        let mut decoder = Decoder::default();
        let header =
            "52-/a,7[\"m\",{\"x\":[{\"num\":1,\"_placeholder\":true}]},{\"_placeholder\":true,\"num\":0}]";
        assert_eq!(decoder.decode_text(header), Ok(None));
        assert_eq!(decoder.decode_binary(Bytes::from_static(b"one")), Ok(None));
        let packet = decoder
            .decode_binary(Bytes::from_static(b"two"))
            .unwrap()
            .unwrap();
        assert_eq!(packet.attachments(), [&b"one"[..], b"two"]);
        let nested = "{\"x\":[{\"num\":1,\"_placeholder\":true}]}";
        let values: Vec<_> = packet.values().collect();
        assert_eq!(
            values,
            [Argument::Json(nested), Argument::Binary(&packet.attachments()[0])]
        );
        let arguments = packet.arguments();
        assert_eq!(
            arguments.json(),
            "{\"x\":[{\"_placeholder\":true,\"num\":0}]},{\"_placeholder\":true,\"num\":1}"
        );
        assert_eq!(arguments.attachments(), [&b"two"[..], b"one"]);
        assert_eq!(
            decoder.decode_binary(Bytes::new()),
            Err(PacketError::UnexpectedAttachment)
        );
    }

    #[test]
    fn an_attachment_may_be_used_twice_or_not_at_all() {
        let mut decoder = Decoder::default();
        let placeholder = "{\"_placeholder\":true,\"num\":0}";
        decoder
            .decode_text(&format!("51-[\"m\",{placeholder},{placeholder}]"))
            .unwrap();
        let packet = decoder.decode_binary(Bytes::from_static(&[1])).unwrap().unwrap();
        assert_eq!(packet.arguments().attachments().len(), 2);
        decoder.decode_text("51-[\"m\",\"x\"]").unwrap();
        let packet = decoder.decode_binary(Bytes::from_static(&[1])).unwrap().unwrap();
        assert_eq!(packet.arguments().attachments().len(), 0);
        assert_eq!(
            decode(&format!("2[\"m\",{placeholder}]"))
                .unwrap()
                .arguments()
                .json(),
            placeholder
        );
    }

    #[test]
    fn a_text_ends_the_wait_for_attachments() {
        let mut decoder = Decoder::default();
        let header = "51-[\"a\",{\"_placeholder\":true,\"num\":0}]";
        decoder.decode_text(header).unwrap();
        assert_eq!(
            decoder.decode_text("2[\"b\"]"),
            Err(PacketError::TextInsteadOfAttachment(1))
        );
        decoder.decode_text(header).unwrap();
        decoder.reset();
        assert!(decoder.decode_text("2[\"b\"]").unwrap().is_some());
    }

    #[test]
    fn size_alone_is_no_harm() {
        let deep = format!("2[\"message\",{}{}]", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(
            decode(&deep).unwrap().argument_texts().next().unwrap().len(),
            200_000
        );
        assert_eq!(
            refusal(&format!("2/{}", "a".repeat(900_000))),
            PacketError::MissingPayload
        );
        assert!(matches!(
            refusal(&format!("5{}", "1".repeat(900_000))),
            PacketError::AttachmentCount
        ));
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    fn argument_list() -> impl Strategy<Value = Arguments> {
        let argument = prop_oneof![
            json().prop_map(Ok),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Err)
        ];
        prop::collection::vec(argument, 0..8).prop_map(|values| {
            let mut arguments = Arguments::new();
            for value in values {
                match value {
                    Ok(json) => arguments.push_json(json.to_string()),
                    Err(bytes) => arguments.push_binary(bytes.into()),
                };
            }
            arguments
        })
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes(
            namespace in "(/[^,\"]{0,8})",
            id in proptest::option::of(any::<u64>()),
            name in any::<String>().prop_filter("reserved", |name| !matches!(name.as_str(), "connect" | "disconnect")),
            arguments in argument_list(),
        ) {
            let id = id.map(AckId::from);
            let mut decoder = Decoder::default();
            let event = encode_event(&namespace, id.as_ref(), &name, &arguments);
            let mut packet = decoder.decode_text(&event.text).unwrap();
            for attachment in event.attachments {
                prop_assert!(packet.is_none());
                packet = decoder.decode_binary(attachment).unwrap();
            }
            let packet = packet.unwrap();
            prop_assert_eq!(packet.namespace(), namespace.as_str());
            prop_assert_eq!(packet.id(), id.as_ref());
            prop_assert_eq!(packet.name(), name.as_str());
            prop_assert_eq!(&packet.arguments(), &arguments);

            let id = id.unwrap_or_else(|| AckId::from(0));
            let ack = encode_ack(&namespace, &id, &arguments);
            let mut packet = decoder.decode_text(&ack.text).unwrap();
            for attachment in ack.attachments {
                packet = decoder.decode_binary(attachment).unwrap();
            }
            prop_assert_eq!(&packet.unwrap().arguments(), &arguments);
        }

        #[test]
        fn no_text_makes_it_panic(texts in prop::collection::vec("[0-9/,\\-\\[\\]{}\"a_:tnul ]{0,30}|\\PC{0,12}", 1..5)) {
            let mut decoder = Decoder::default();
            for text in &texts {
                if let Ok(Some(packet)) = decoder.decode_text(text) {
                    let _ = (packet.name(), packet.arguments(), packet.argument_texts().count());
                    prop_assert_eq!(packet.clone().into_owned(), packet);
                }
                let _ = decoder.decode_binary(Bytes::from_static(b"x"));
            }
        }
    }
}
