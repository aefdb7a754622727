//! Random cases: models as `parse` could give them.

use crate::notation::{
    Action, Alternative, At, Binary, Case, Content, Duration, Frame, Given, Header, Heartbeat, Item, Label,
    Mask, Over, OwnAction, Party, Request, Role, Step, Term, Text, Timing, Unit,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Any case without `each`.
pub(super) fn cases() -> impl Strategy<Value = Case> {
    (headers(), any::<bool>()).prop_flat_map(|(header, session)| {
        let header = match session {
            true => header,
            false => Header {
                over: Vec::new(),
                given: None,
                ..header
            },
        };
        let role = header.role;
        let items = match session {
            true => vec(session_items(role), 1..8)
                .prop_map(|items| items.concat())
                .boxed(),
            false => vec(wire_items(role), 1..6)
                .prop_map(|items| items.concat())
                .boxed(),
        };
        (Just(header), items).prop_map(|(header, script)| Case {
            header,
            script: numbered(trimmed(script)),
        })
    })
}

/// No empty lines at the end, and something that is no comment.
fn trimmed(mut items: Vec<Item>) -> Vec<Item> {
    while items.last() == Some(&Item::Blank) {
        items.pop();
    }
    if !items.iter().any(|item| matches!(item, Item::Step(_))) {
        items.push(Item::Step(step("", Action::Own(OwnAction::Cut))));
    }
    items
}

/// Line numbers are not compared.
fn numbered(items: Vec<Item>) -> Vec<Item> {
    Case {
        header: Header::default(),
        script: items,
    }
    .without_lines()
    .script
}

fn headers() -> impl Strategy<Value = Header> {
    let words = || vec("[a-z][a-z0-9-]{0,8}", 0..3).prop_map(distinct);
    let over = prop::sample::subsequence(Over::ALL.to_vec(), 1..=3).prop_shuffle();
    let given = option::of(prop_oneof![Just("/".to_owned()), Just("/custom".to_owned())]);
    (
        (
            "[A-Z][a-z:#é]{0,9}( [a-z]{1,9}){0,3}",
            vec("[a-z][a-z0-9.-]{0,12}", 1..3).prop_map(distinct),
        ),
        (
            prop_oneof![Just(Role::Server), Just(Role::Client)],
            over,
            given,
            words(),
        ),
        (
            option::of("[a-z]{1,8}"),
            any::<bool>(),
            option::of("[a-z]{1,8}( [a-z:]{1,8})?"),
            vec(comment(), 0..2),
        ),
    )
        .prop_map(
            |((title, rules), (role, over, given, needs), (variant, manual, hazard, comments))| Header {
                title,
                rules,
                role,
                over,
                given: given.map(|namespace| Given { namespace }),
                needs,
                variant,
                heartbeat: if manual {
                    Heartbeat::Manual
                } else {
                    Heartbeat::Auto
                },
                handshake: manual.then(|| "{\"pingInterval\":100}".to_owned()),
                hazard,
                each: Vec::new(),
                comments,
            },
        )
}

fn distinct(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    words
}

fn comment() -> impl Strategy<Value = String> {
    "( ?[a-z#|<>]{1,9}){0,3}"
}

/// What is expected of packets, bodies and frames.
fn expected_text() -> impl Strategy<Value = Text> {
    prop::sample::select(vec![
        "",
        "2",
        "40",
        "42[\"a\",1,{\"b\":[true]}]",
        "44/nope,{\"message\":<string>}",
        "0{\"pingTimeout\":<int>, ...}",
        "42<#>[\"<any> x2 <int>\"]",
        "4\\x1e2",
        "3probe",
        "42[\"<repeat 3 \"a \">\"]",
        "ok then x2y",
        "4 <",
        "42[\"é😀\"]",
        "42[<host>,<n:number>,<n>]",
    ])
    .prop_map(|text| Text(text.to_owned()))
}

/// What is sent.
fn sent_text() -> impl Strategy<Value = Text> {
    prop::sample::select(vec![
        "",
        "2",
        "40/custom,{\"token\":\"1 2\"}",
        "42[\"a\",<#>]",
        "4\\xff",
        "42[\"<repeat 30 \"é\">\"]",
        "42[",
        "5 within",
        "a > b",
    ])
    .prop_map(|text| Text(text.to_owned()))
}

fn binary(expected: bool) -> impl Strategy<Value = Binary> {
    let bytes = vec(any::<u8>(), 0..5).prop_map(Binary::Bytes);
    let run =
        (1_u32..1000, vec(any::<u8>(), 0..4)).prop_map(|(count, bytes)| Binary::Repeat { count, bytes });
    let any = if expected {
        Just(Binary::Any).boxed()
    } else {
        Just(Binary::Bytes(vec![0])).boxed()
    };
    prop_oneof![bytes, run, any]
}

fn durations() -> impl Strategy<Value = Duration> {
    let unit = prop_oneof![
        Just(Unit::Milliseconds),
        Just(Unit::Seconds),
        prop::sample::select(vec!["pingInterval", "pingTimeout", "connectTimeout"])
            .prop_map(|name| Unit::Named(name.to_owned())),
    ];
    let factor = prop_oneof![(0_u32..100_000).prop_map(f64::from), (0.0..1e6)];
    vec(
        (factor, unit).prop_map(|(factor, unit)| Term { factor, unit }),
        1..3,
    )
    .prop_map(Duration)
}

fn timings() -> impl Strategy<Value = Timing> {
    let seconds = |n: u32| {
        Duration(vec![Term {
            factor: f64::from(n),
            unit: Unit::Seconds,
        }])
    };
    let between = (0_u32..10, 10_u32..20).prop_map(move |(from, to)| At::Between(seconds(from), seconds(to)));
    let at = option::of(prop_oneof![durations().prop_map(At::About), between]);
    (option::of(durations()), at).prop_map(|(within, at)| Timing { within, at })
}

fn labels() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z][a-z0-9_-]{0,3}"]
}

fn step(label: &str, action: Action) -> Step {
    Step {
        line: 0,
        label: Label {
            name: label.to_owned(),
            family: false,
        },
        action,
        repeat: 1,
        timing: Timing::default(),
    }
}

/// A suffix needs something before it.
fn suffixed(step: Step, repeat: u32, timing: Timing) -> Step {
    match &step.action {
        Action::Wire {
            content: Content::Text(text),
            ..
        } if text.0.is_empty() => step,
        _ => Step {
            repeat,
            timing,
            ..step
        },
    }
}

/// The two parties: who performs, who is expected.
fn parties(role: Role) -> (Party, Party) {
    match role {
        Role::Client => (Party::Server, Party::Client),
        _ => (Party::Client, Party::Server),
    }
}

fn alternatives(of: BoxedStrategy<Content>) -> impl Strategy<Value = Vec<Alternative>> {
    let one = (of, any::<bool>(), vec(comment(), 0..2));
    vec(
        one.prop_map(|(content, equal, comments)| Alternative {
            line: 0,
            content,
            equal,
            comments,
        }),
        0..3,
    )
}

fn expected_packet() -> BoxedStrategy<Content> {
    prop_oneof![
        4 => expected_text().prop_map(Content::Text),
        1 => binary(true).prop_map(Content::Binary),
        1 => option::of(prop_oneof![Just("1009"), Just("<int>")]).prop_map(|code| Content::Close(code.map(|c| Text(c.to_owned())))),
        1 => Just(Content::Alive),
    ]
    .boxed()
}

fn session_items(role: Role) -> impl Strategy<Value = Vec<Item>> {
    let (player, target) = parties(role);
    let performed = (
        labels(),
        any::<bool>(),
        prop_oneof![
            sent_text().prop_map(Content::Text),
            binary(false).prop_map(Content::Binary)
        ],
        1_u32..5,
    )
        .prop_map(move |(label, family, content, repeat)| {
            let step = step(
                &label,
                Action::Wire {
                    from: player,
                    content,
                    alternatives: Vec::new(),
                },
            );
            let family = family && !label.is_empty();
            let step = Step {
                label: Label { name: label, family },
                ..step
            };
            Item::Step(suffixed(step, repeat, Timing::default()))
        });
    let expected = expected_step(target);
    let group = vec(expected_step(target), 1..4).prop_map(|mut items| {
        items.insert(1, Item::Comment("in any order".to_owned()));
        Item::AnyOrder(items)
    });
    let own =
        (labels(), own_actions()).prop_map(|(label, action)| Item::Step(step(&label, Action::Own(action))));
    let driver = (expected_report(), any::<bool>()).prop_map(|(text, report)| match report {
        true => Item::Step(step(
            "",
            Action::Report {
                text,
                alternatives: Vec::new(),
            },
        )),
        false => Item::Step(step("", Action::Command(Text("emit \"a\" [1, 2]".to_owned())))),
    });
    let driver = if role == Role::Client {
        driver.boxed()
    } else {
        Just(Item::Blank).boxed()
    };
    prop_oneof![
        3 => performed, 3 => expected, 1 => group, 1 => own, 1 => driver, 1 => Just(Item::Blank), 1 => comment().prop_map(Item::Comment),
    ]
    .prop_map(|item| vec![item])
}

fn expected_report() -> impl Strategy<Value = Text> {
    prop::sample::select(vec![
        "connect /",
        "event / \"a b\" {\"c\":<int>} ...",
        "disconnect <string>",
    ])
    .prop_map(|text| Text(text.to_owned()))
}

fn expected_step(target: Party) -> impl Strategy<Value = Item> {
    (
        labels(),
        expected_packet(),
        alternatives(expected_packet()),
        timings(),
        1_u32..5,
    )
        .prop_map(move |(label, content, alternatives, timing, repeat)| {
            let step = step(
                &label,
                Action::Wire {
                    from: target,
                    content,
                    alternatives,
                },
            );
            Item::Step(suffixed(step, repeat, timing))
        })
}

fn own_actions() -> impl Strategy<Value = OwnAction> {
    prop_oneof![
        option::of(any::<u16>()).prop_map(OwnAction::Close),
        prop::sample::select(vec![
            OwnAction::Cut,
            OwnAction::Reset,
            OwnAction::Stall,
            OwnAction::Resume
        ]),
        durations().prop_map(OwnAction::Wait),
    ]
}

fn http_headers(expected: bool) -> impl Strategy<Value = Vec<(String, Text)>> {
    let value = match expected {
        true => vec!["absent", "text/plain; charset=<string>", "\"quoted\""],
        false => vec!["absent", "", "http://<host>", "a, b  @ 1s"],
    };
    let value = prop::sample::select(value).prop_map(|text| Text(text.to_owned()));
    vec(("[A-Z][A-Za-z-]{0,9}", value), 0..3)
}

fn request(role: Role) -> impl Strategy<Value = Request> {
    let expected = role == Role::Client;
    let texts = match expected {
        true => vec(expected_text().prop_map(Content::Text), 0..3).boxed(),
        false => vec(sent_text().prop_map(Content::Text), 0..3).boxed(),
    };
    let body =
        prop_oneof![3 => texts, 1 => binary(expected).prop_map(|binary| vec![Content::Binary(binary)])];
    (
        prop::sample::select(vec!["GET", "POST", "OPTIONS"]),
        prop::sample::select(vec![
            "?EIO=4&transport=polling",
            "/other/<#>",
            "?a=<repeat 3 \"b c\">",
        ]),
        http_headers(expected),
        body,
        any::<bool>(),
    )
        .prop_map(move |(method, target, headers, body, pending)| Request {
            method: method.to_owned(),
            target: Text(target.to_owned()),
            headers,
            body,
            pending: pending && !expected,
        })
}

fn status(role: Role) -> BoxedStrategy<Content> {
    let codes = if role == Role::Client {
        vec!["200", "400"]
    } else {
        vec!["200", "400", "<int>", "4<int>"]
    };
    (prop::sample::select(codes), http_headers(role == Role::Server))
        .prop_map(|(code, headers)| Content::Status {
            code: Text(code.to_owned()),
            headers,
        })
        .boxed()
}

fn frames(role: Role) -> impl Strategy<Value = Frame> {
    let _ = role;
    let mask = prop_oneof![
        Just(Mask::Proper),
        Just(Mask::None),
        any::<[u8; 4]>().prop_map(Mask::Key)
    ];
    (
        0_u8..16,
        any::<bool>(),
        0_u8..8,
        mask,
        option::of(any::<u64>()),
        "[a-z>\"\\[{]{0,6}",
    )
        .prop_map(|(opcode, fin, rsv, mask, length, payload)| Frame {
            opcode,
            fin,
            rsv,
            mask,
            length,
            payload: Text(payload),
        })
}

/// An exchange on one channel: a request and its answer, or a WebSocket and what goes over it.
fn wire_items(role: Role) -> impl Strategy<Value = Vec<Item>> {
    let (player, target) = parties(role);
    let packet = |from: Party| match from == target {
        true => expected_text().prop_map(Content::Text).boxed(),
        false => sent_text().prop_map(Content::Text).boxed(),
    };
    let answers = if role == Role::Server {
        alternatives(status(role)).boxed()
    } else {
        Just(Vec::new()).boxed()
    };
    let http = (
        labels(),
        request(role),
        status(role),
        answers,
        vec(packet(Party::Server), 0..3),
        1_u32..3,
    )
        .prop_map(|(label, request, status, alternatives, body, repeat)| {
            let wire = |from, content, alternatives| {
                step(
                    &label,
                    Action::Wire {
                        from,
                        content,
                        alternatives,
                    },
                )
            };
            let asked = wire(Party::Client, Content::Request(request), Vec::new());
            let mut items = vec![Item::Step(Step { repeat, ..asked })];
            items.push(Item::Step(Step {
                repeat,
                ..wire(Party::Server, status, alternatives)
            }));
            items.extend(
                body.into_iter()
                    .map(|content| Item::Step(wire(Party::Server, content, Vec::new()))),
            );
            items
        });
    let frame = prop_oneof![
        frames(role).prop_map(move |frame| (player, Content::Frame(frame))),
        frames(role).prop_map(move |frame| {
            (
                target,
                Content::Frame(Frame {
                    mask: Mask::Proper,
                    length: None,
                    ..frame
                }),
            )
        }),
        packet(player).prop_map(move |content| (player, content)),
        packet(target).prop_map(move |content| (target, content)),
        Just((player, Content::Raw(Text("GET / HTTP/1.1\\x0d\\x0a".to_owned())))),
    ];
    let websocket = (labels(), request(role), vec(frame, 0..4)).prop_map(|(label, request, frames)| {
        let wire = |from, content| {
            Item::Step(step(
                &label,
                Action::Wire {
                    from,
                    content,
                    alternatives: Vec::new(),
                },
            ))
        };
        let request = Request {
            method: "GET".to_owned(),
            body: Vec::new(),
            pending: false,
            ..request
        };
        let granted = Content::Status {
            code: Text("101".to_owned()),
            headers: Vec::new(),
        };
        let mut items = vec![
            wire(Party::Client, Content::WebSocket(request)),
            wire(Party::Server, granted),
        ];
        items.extend(frames.into_iter().map(|(from, content)| wire(from, content)));
        items
    });
    let between =
        prop_oneof![Just(Item::Blank), comment().prop_map(Item::Comment)].prop_map(|item| vec![item]);
    prop_oneof![3 => http, 2 => websocket, 1 => between]
}
