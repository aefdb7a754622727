//! Each construct of the language: how it reads, and its canonical form.

use super::case;
use crate::notation::{
    Action, Alternative, At, Binary, Case, Content, Header, Heartbeat, Item, Label, Mask, Over, OwnAction,
    Party, Role, Step, Text, Unit, instantiate, parse, print, print_content, print_step,
};

fn text(text: &str) -> Text {
    Text(text.to_owned())
}

/// The steps of a session script.
fn session(script: &str) -> Vec<Step> {
    steps(case("over: websocket\n", script))
}

/// The steps of a wire script.
fn wire(script: &str) -> Vec<Step> {
    steps(case("", script))
}

fn steps(case: Case) -> Vec<Step> {
    case.steps().into_iter().cloned().collect()
}

fn content(step: &Step) -> &Content {
    match &step.action {
        Action::Wire { content, .. } => content,
        other => panic!("{other:?} is nothing on the wire"),
    }
}

fn alternatives(step: &Step) -> &[Alternative] {
    match &step.action {
        Action::Wire { alternatives, .. } | Action::Report { alternatives, .. } => alternatives,
        other => panic!("{other:?} has no alternatives"),
    }
}

/// How a script of a kind is printed.
fn canonical(header: &str, script: &str) -> String {
    let printed = print(&case(header, script));
    let (_, script) = printed.split_once("\n\n").expect("there is a script");
    script.to_owned()
}

#[test]
fn a_header_has_all_its_keys() {
    let source = "# why\ntitle: T: 1\nrule: a.b, c-d\nrole: client\nover: polling, upgraded\ngiven: connected /x\n\
                  needs: echo, ask\nvariant: no-upgrades\nheartbeat: manual\nhandshake: {\"pingInterval\":100}\nhazard: it may end\neach a -> b: 1 -> 2  3 -> 4\n\n> 4<a><b>\n";
    let read = parse("x", source).expect("it is right");
    let Header {
        title,
        rules,
        role,
        over,
        given,
        needs,
        variant,
        heartbeat,
        handshake,
        hazard,
        each,
        comments,
    } = read.header.clone();
    assert_eq!(
        (title.as_str(), rules, role),
        ("T: 1", vec!["a.b".to_owned(), "c-d".to_owned()], Role::Client)
    );
    assert_eq!(
        (over, given.map(|g| g.namespace)),
        (vec![Over::Polling, Over::Upgraded], Some("/x".to_owned()))
    );
    assert_eq!(
        (needs, variant.as_deref()),
        (vec!["echo".to_owned(), "ask".to_owned()], Some("no-upgrades"))
    );
    assert_eq!(
        (heartbeat, handshake.as_deref(), hazard.as_deref()),
        (
            Heartbeat::Manual,
            Some("{\"pingInterval\":100}"),
            Some("it may end")
        )
    );
    assert_eq!(
        (each.len(), each[0].values.len(), comments),
        (1, 2, vec!["why".to_owned()])
    );
    assert_eq!(print(&read), source);
    assert!(read.expects(Party::Client) && !read.expects(Party::Server) && read.is_session());
}

#[test]
fn keys_may_stand_in_any_order() {
    let source = "\u{feff}rule: r\r\n  over:polling\r\ntitle:  T\r\n# why\r\n\r\n>  40 \r\n\r\n";
    assert_eq!(
        parse("x", source).map(|case| print(&case)),
        Ok("# why\ntitle: T\nrule: r\nover: polling\n\n> 40\n".to_owned())
    );
}

#[test]
fn labels_name_sessions_and_families() {
    let read = session("> 40\na> 40\nb-2> 40\ns#> 4  x3\na! cut\n");
    let labels: Vec<Label> = read.into_iter().map(|step| step.label).collect();
    let label = |name: &str, family| Label {
        name: name.to_owned(),
        family,
    };
    assert_eq!(
        labels,
        [
            label("", false),
            label("a", false),
            label("b-2", false),
            label("s", true),
            label("a", false)
        ]
    );
}

#[test]
fn a_step_knows_its_line() {
    let lines: Vec<u32> = session("# one\n> 40\n\n{\n< 40\n| 41\n}\n")
        .iter()
        .map(|step| step.line)
        .collect();
    assert_eq!(lines, [6, 9]);
    assert_eq!(alternatives(&session("< 40\n# why\n| 41\n")[0])[0].line, 7);
}

#[test]
fn suffixes_may_stand_in_any_order() {
    let read = &session("< 4  @ 250ms..1s x200\twithin <pingInterval>+0.5*<pingTimeout>\n")[0];
    assert_eq!((content(read), read.repeat), (&Content::Text(text("4")), 200));
    assert!(matches!(&read.timing.at, Some(At::Between(from, _)) if from.0[0].unit == Unit::Milliseconds));
    assert_eq!(
        print_step(read),
        "< 4  x200  within <pingInterval>+0.5*<pingTimeout>  @ 250ms..1s"
    );
    let text_only = &session("< 4 at 5 @ home x2y within3s\n").remove(0);
    assert_eq!(print_step(text_only), "< 4 at 5 @ home x2y within3s");
    assert_eq!(
        print_step(&session("< x200\n")[0]),
        "< x200",
        "a suffix needs something before it"
    );
}

#[test]
fn texts_keep_what_is_within_them() {
    assert_eq!(
        content(&session("> 42[\"a\",  {\"b\" : 1}]  \n")[0]),
        &Content::Text(text("42[\"a\",  {\"b\" : 1}]"))
    );
    assert_eq!(content(&session(">\n")[0]), &Content::Text(text("")));
    assert_eq!(canonical("over: polling\n", ">   \n"), ">\n");
}

#[test]
fn buffers_are_bytes_runs_or_anything() {
    let read = session("> <Buffer 01 FF  2a>\n> <Buffer>\n< <Buffer ...>\n> <Buffer <repeat 3 \"01 02\">>\n< <Buffers>\\x3c\n| <Buffer 00>\n".replace("< <Buffers>\\x3c", "< 4").as_str());
    let binary: Vec<&Content> = read.iter().map(content).collect();
    assert_eq!(binary[0], &Content::Binary(Binary::Bytes(vec![1, 255, 42])));
    assert_eq!(binary[1], &Content::Binary(Binary::Bytes(Vec::new())));
    assert_eq!(binary[2], &Content::Binary(Binary::Any));
    assert_eq!(
        binary[3],
        &Content::Binary(Binary::Repeat {
            count: 3,
            bytes: vec![1, 2]
        })
    );
    assert_eq!(
        alternatives(&read[4])[0].content,
        Content::Binary(Binary::Bytes(vec![0]))
    );
    let printed: Vec<String> = binary.iter().map(|content| print_content(content)).collect();
    assert_eq!(
        printed[..4],
        [
            "<Buffer 01 ff 2a>",
            "<Buffer>",
            "<Buffer ...>",
            "<Buffer <repeat 3 \"01 02 \">>"
        ]
    );
}

#[test]
fn words_stand_for_closing_and_silence() {
    let read =
        session("< close\n< close 1009\n< close <int>\n< nothing\n< alive\n< closed\n< close to me\n< ...\n");
    let contents: Vec<&Content> = read.iter().map(content).collect();
    assert_eq!(contents[0], &Content::Close(None));
    assert_eq!(contents[1], &Content::Close(Some(text("1009"))));
    assert_eq!(contents[2], &Content::Close(Some(text("<int>"))));
    assert_eq!(contents[3..5], [&Content::Nothing, &Content::Alive]);
    assert_eq!(
        contents[5..7],
        [
            &Content::Text(text("closed")),
            &Content::Text(text("close to me"))
        ]
    );
    assert_eq!(contents[7], &Content::Rest);
}

#[test]
fn alternatives_stand_under_their_line() {
    let read = &session("< 44/a,{\"message\":<string>}\n# why\n| close\n|= nothing\n")[0];
    let found = alternatives(read);
    assert_eq!(
        (&found[0].content, found[0].equal, &found[0].comments[..]),
        (&Content::Close(None), false, &["why".to_owned()][..])
    );
    assert_eq!((&found[1].content, found[1].equal), (&Content::Nothing, true));
}

#[test]
fn groups_hold_what_has_no_order() {
    let read = case("over: polling\n", "{\n# one\n< 40\n\n< 41\n\n}\n> 2\n");
    let Item::AnyOrder(items) = &read.script[0] else {
        panic!("{:?} is no group", read.script[0])
    };
    assert_eq!(items.len(), 4);
    assert_eq!(read.steps().len(), 3);
}

#[test]
fn the_player_acts_on_its_own_connection() {
    let script =
        "! upgrade\n! close\n! close 1000\n! cut\n! reset\n! stall\n! resume\n! reconnect\n! wait 1.5s\n";
    let read = steps(case("over: polling\n", script));
    let actions: Vec<&Action> = read.iter().map(|step| &step.action).collect();
    assert_eq!(actions[0], &Action::Own(OwnAction::Upgrade));
    assert_eq!(actions[2], &Action::Own(OwnAction::Close(Some(1000))));
    assert_eq!(canonical("over: polling\n", script), script);
}

#[test]
fn requests_have_headers_and_a_body() {
    let script = "a> POST ?EIO=4&sid=\\x41  x3\nContent-Type: text/plain\nX-Empty:\na> 42[\"a\"]\na> nix\na< 200\nContent-Length: absent\na< ok\n";
    let read = wire(script);
    let Content::Request(request) = content(&read[0]) else {
        panic!("{:?} is no request", read[0])
    };
    assert_eq!(
        (request.method.as_str(), &request.target, read[0].repeat),
        ("POST", &text("?EIO=4&sid=\\x41"), 3)
    );
    assert_eq!(
        request.headers,
        [
            ("Content-Type".to_owned(), text("text/plain")),
            ("X-Empty".to_owned(), text(""))
        ]
    );
    assert_eq!(
        request.body,
        [Content::Text(text("42[\"a\"]")), Content::Text(text("nix"))]
    );
    let headers = vec![("Content-Length".to_owned(), text("absent"))];
    assert_eq!(
        content(&read[1]),
        &Content::Status {
            code: text("200"),
            headers
        }
    );
    assert_eq!(content(&read[2]), &Content::Text(text("ok")));
    assert_eq!(canonical("", script), script);
}

#[test]
fn a_line_is_a_body_only_directly_under_its_request() {
    let read = wire("ws> WS ?a\nws< 101\n> POST ?b\n> <Buffer 01>\n< 200\nws> 4\nws< 4\n");
    assert_eq!(read.len(), 6);
    assert_eq!(content(&read[4]), &Content::Text(text("4")));
}

#[test]
fn a_status_is_told_from_a_text_by_what_is_open() {
    let read = wire("> GET ?a\n> GET ?b\n< 200\n< 4\n< 40\n< 400\n< <int>\nws> WS ?c\nws< <int>\nws< 200\n");
    let is_status: Vec<bool> = read
        .iter()
        .map(|step| matches!(content(step), Content::Status { .. }))
        .collect();
    assert_eq!(
        is_status,
        [false, false, true, false, false, true, false, false, true, false]
    );
    let after_raw = wire("> <raw>GET / HTTP/1.1\\x0d\\x0a\n< 200\n< 400\n< <raw>HTTP\n");
    assert!(matches!(content(&after_raw[2]), Content::Status { .. }));
    let family = wire("s#> GET ?a  x5\ns1< 200\ns#< 200  x5\n");
    assert!(
        family
            .iter()
            .skip(1)
            .all(|step| matches!(content(step), Content::Status { .. }))
    );
}

#[test]
fn a_status_may_have_alternatives_with_headers() {
    let read = wire("> GET ?a\n< 200\n| 400\nX-A: <string>\n|= 4<int>\n");
    let found = alternatives(&read[1]);
    let headers = vec![("X-A".to_owned(), text("<string>"))];
    assert_eq!(
        found[0].content,
        Content::Status {
            code: text("400"),
            headers
        }
    );
    assert!(matches!(&found[1].content, Content::Status { code, .. } if code.0 == "4<int>"));
}

#[test]
fn requests_can_be_pending() {
    let read = wire("> GET ?a  pending\n");
    assert!(matches!(content(&read[0]), Content::Request(request) if request.pending));
    assert_eq!(print_step(&read[0]), "> GET ?a  pending");
}

#[test]
fn frames_have_a_chosen_header() {
    let script = "ws> WS ?a\nOrigin: absent\nws< 101\nws> <frame 11 fin=0 rsv=4 mask=0a0b0c0d length=9>a> b\nws> <frame close mask=none>\\x03\\xe8\nws< <frame pong>\n";
    let read = wire(script);
    let Content::Frame(frame) = content(&read[2]) else {
        panic!("{:?} is no frame", read[2])
    };
    assert_eq!(
        (frame.opcode, frame.fin, frame.rsv, frame.length),
        (11, false, 4, Some(9))
    );
    assert_eq!(
        (frame.mask, &frame.payload),
        (Mask::Key([10, 11, 12, 13]), &text("a> b"))
    );
    assert!(matches!(content(&read[0]), Content::WebSocket(request) if request.method == "GET"));
    assert_eq!(canonical("", script), script);
}

#[test]
fn clients_are_tested_the_other_way_round() {
    let script = "@> connect /\n> 40{\"a\":<int>}\n< 40{\"sid\":\"s1\"}  x2\n@< connect /  within 1s\n|= connect <string>\n> close\n";
    let read = steps(case("role: client\nover: polling\n", script));
    assert_eq!(read[0].action, Action::Command(text("connect /")));
    assert_eq!(
        alternatives(&read[3])[0].content,
        Content::Text(text("connect <string>"))
    );
    assert_eq!(content(&read[4]), &Content::Close(None));
    assert_eq!(canonical("role: client\nover: polling\n", script), script);
}

#[test]
fn each_is_put_in_before_a_line_is_read() {
    let source = "title: <how>\nrule: r\nover: polling\neach how -> n: cut -> 2  close 1000 -> 3\n\n# <how>\n> 4  x<n>\n! <how>\n";
    let read = parse("x", source).expect("it is right");
    assert_eq!(read.script[1], Item::Template("> 4  x<n>".to_owned()));
    assert_eq!(print(&read), source);
    let bindings = read.header.bindings();
    assert_eq!((bindings.len(), read.header.combinations()), (2, 2));
    let second = instantiate("x", source, &bindings[1]).expect("it is right");
    assert_eq!(
        (second.header.title.as_str(), second.header.each.len()),
        ("close 1000", 0)
    );
    let steps = second.steps();
    assert_eq!((steps[0].repeat, steps[0].line), (3, 7));
    assert_eq!(steps[1].action, Action::Own(OwnAction::Close(Some(1000))));
}

#[test]
fn several_each_are_combined() {
    let source = "title: T\nrule: r\nover: polling\neach a: 1  2\neach b: x\neach a: 3\n\n> 4<a><b>\n";
    let bindings = parse("x", source).expect("it is right").header.bindings();
    let values: Vec<String> = bindings
        .iter()
        .map(|b| b.iter().map(|(_, value)| value.as_str()).collect())
        .collect();
    assert_eq!(values, ["1x", "2x", "3x"]);
}
