//! How endings, refusals and kinds of frames are judged: small scripts on transcripts written by hand.

use crate::notation::parse;
use crate::play::judge::{Judge, Judgement, Values};
use crate::transcript::{
    Cause, Closed, Entry, Event, Handshake, Proof, Request, Response, Side, Transcript, Wire,
};

const REFUSED_OR_CLOSED: &str =
    "title: t\nrule: r\n\nb> WS ?EIO=4\nb< 4<int>\n|= 101\nb< close\n> GET ?a\n< 200\n";
const ANSWERED_OR_CLOSED: &str =
    "title: t\nrule: r\n\nws> WS ?EIO=4\nws< 101\nws> a\nws< b\n|= close\nws> c\nws< d\n";

const MAY_LEAVE_FIRST: &str = "title: t\nrule: r\n\nws> WS ?EIO=4\nws< 101\nws> a\nws< 41\n|= 1\nws< 1\n";
const ATTACHMENT: &str = "title: t\nrule: r\n\nws> WS ?EIO=4\nws< 101\nws< <Buffer 01 02 03>\n";

fn judge(script: &str, events: &[(&str, u32, Event)]) -> Judgement {
    let case = parse("a/b.sio", script).unwrap();
    let entries = events.iter().enumerate().map(|(at, (label, line, event))| Entry {
        at: at as f64,
        label: (*label).to_owned(),
        event: event.clone(),
        cause: (*line > 0).then_some(Cause {
            line: *line,
            repetition: 0,
        }),
    });
    let transcript = Transcript {
        entries: entries.collect(),
        ..Transcript::default()
    };
    Judge::replay(&case, Values::default(), &transcript).0
}

fn request() -> Event {
    let (method, target) = ("GET".to_owned(), "/".to_owned());
    Event::Sent(Wire::Request(Request {
        method,
        target,
        headers: Vec::new(),
        body: Vec::new(),
    }))
}

fn status(status: u16) -> Event {
    Event::Received(Wire::Response(Response {
        status,
        headers: Vec::new(),
        body: Vec::new(),
        own: false,
    }))
}

fn sent(text: &str) -> Event {
    Event::Sent(Wire::Text(text.into()))
}

fn received(text: &str) -> Event {
    Event::Received(Wire::Text(text.into()))
}

fn closed() -> Event {
    Event::Closed(Closed {
        by: Side::Target,
        how: "close frame 1000".into(),
        code: Some(1000),
    })
}

#[test]
fn a_close_by_the_connect_timer_is_credited_to_nothing_else_however_slow_the_machine_is() {
    let case = parse(
        "a/b.sio",
        "title: t\nrule: r\nover: websocket\n\n> 4abc\n< close\n",
    )
    .unwrap();
    let values = || Values {
        connect_timeout_ms: Some(1000.0),
        ..Values::default()
    };
    let closed_at = |at: f64| {
        let opened = Event::Opened(Handshake {
            over: "websocket".into(),
            sid: "s".into(),
            upgrades: Vec::new(),
            ping_interval: 300.0,
            ping_timeout: 200.0,
            max_payload: 1e6,
        });
        let events = [
            (20.0, 0, opened),
            (21.0, 5, sent("4abc")),
            (60.0, 0, Event::Lag(700.0)),
            (at, 0, closed()),
        ];
        let entries = events.into_iter().map(|(at, line, event)| Entry {
            at,
            label: String::new(),
            event,
            cause: (line > 0).then_some(Cause { line, repetition: 0 }),
        });
        let transcript = Transcript {
            entries: entries.collect(),
            ..Transcript::default()
        };
        Judge::replay(&case, values(), &transcript).0
    };
    assert_eq!(closed_at(800.0), Judgement::Pass);
    assert!(matches!(closed_at(1015.0), Judgement::Fail(_)));
}

fn raw(bytes: &str) -> Event {
    Event::Sent(Wire::Raw(bytes.into()))
}

#[test]
fn raw_bytes_in_two_lines_are_one_request() {
    let script = "title: t\nrule: r\n\n> <raw>POST /a HTTP/1.1\\x0d\\x0a\\x0d\\x0aab\n> <raw>cd\n< 200\n";
    let halves = [("", 4, raw("POST /a HTTP/1.1\r\n\r\nab")), ("", 5, raw("cd"))];
    assert_eq!(
        judge(script, &[&halves[..], &[("", 0, status(200))]].concat()),
        Judgement::Pass
    );
}

#[test]
fn a_refused_handshake_needs_no_close() {
    let rest = [("", 8, request()), ("", 0, status(200))];
    let refused = [("b", 4, request()), ("b", 0, status(400))];
    assert_eq!(
        judge(REFUSED_OR_CLOSED, &[&refused[..], &rest[..]].concat()),
        Judgement::Pass
    );
    let opened = [("b", 4, request()), ("b", 0, status(101))];
    let then_closed = [("b", 0, closed())];
    assert_eq!(
        judge(REFUSED_OR_CLOSED, &[&opened[..], &then_closed, &rest].concat()),
        Judgement::Pass
    );
    let left_open = [("b", 0, Event::Deadline)];
    assert!(matches!(
        judge(REFUSED_OR_CLOSED, &[&opened[..], &left_open].concat()),
        Judgement::Fail(_)
    ));
}

#[test]
fn an_alternative_close_leaves_out_the_rest_of_the_connection() {
    let start = [("ws", 4, request()), ("ws", 0, status(101)), ("ws", 6, sent("a"))];
    assert_eq!(
        judge(ANSWERED_OR_CLOSED, &[&start[..], &[("ws", 0, closed())]].concat()),
        Judgement::Pass
    );
    let silent = Event::Silence(Proof::Window(25.0));
    let answered = [
        ("ws", 0, received("b")),
        ("ws", 9, sent("c")),
        ("ws", 0, received("d")),
        ("ws", 0, silent),
    ];
    assert_eq!(
        judge(ANSWERED_OR_CLOSED, &[&start[..], &answered[..]].concat()),
        Judgement::Pass
    );
    let closed_later = [answered[0].clone(), answered[1].clone(), ("ws", 0, closed())];
    assert!(matches!(
        judge(ANSWERED_OR_CLOSED, &[&start[..], &closed_later[..]].concat()),
        Judgement::Fail(_)
    ));
}

#[test]
fn an_alternative_close_packet_leaves_out_the_rest_as_well() {
    let start = [("ws", 4, request()), ("ws", 0, status(101)), ("ws", 6, sent("a"))];
    let end = [("ws", 0, received("1")), ("ws", 0, closed())];
    assert_eq!(
        judge(MAY_LEAVE_FIRST, &[&start[..], &end].concat()),
        Judgement::Pass
    );
    let left = [("ws", 0, received("41")), ("ws", 0, closed())];
    assert!(matches!(
        judge(MAY_LEAVE_FIRST, &[&start[..], &left].concat()),
        Judgement::Fail(_)
    ));
}

#[test]
fn base64_in_a_text_frame_is_no_binary_frame() {
    let start = [("ws", 4, request()), ("ws", 0, status(101))];
    let silent = ("ws", 0, Event::Silence(Proof::Window(25.0)));
    let binary = [
        ("ws", 0, Event::Received(Wire::Binary(vec![1, 2, 3]))),
        silent.clone(),
    ];
    assert_eq!(
        judge(ATTACHMENT, &[&start[..], &binary].concat()),
        Judgement::Pass
    );
    let base64 = [("ws", 0, received("bAQID")), silent];
    assert!(matches!(
        judge(ATTACHMENT, &[&start[..], &base64].concat()),
        Judgement::Fail(_)
    ));
}

#[test]
fn a_ping_that_siospec_answers_counts_only_for_a_line_that_asks_for_it() {
    let play = |heartbeat: &str, pings: [bool; 3]| {
        let script = format!(
            "title: t\nrule: r\n{heartbeat}\nws> WS ?EIO=4\nws< 101\nws> a\nws< b\nws< 2\nws> c\nws< d\n"
        );
        let first = script
            .lines()
            .position(|line| line.starts_with("ws> WS"))
            .unwrap();
        let line = |n: usize| u32::try_from(first + n).unwrap();
        let mut events = vec![
            ("ws", line(1), request()),
            ("ws", 0, status(101)),
            ("ws", line(3), sent("a")),
        ];
        let ping = |is_there: bool| is_there.then(|| ("ws", 0, received("2")));
        events.extend(ping(pings[0]));
        events.push(("ws", 0, received("b")));
        events.extend(ping(pings[1]));
        events.push(("ws", line(6), sent("c")));
        events.extend(ping(pings[2]));
        events.push(("ws", 0, received("d")));
        events.push(("ws", 0, Event::Silence(Proof::Echo)));
        judge(&script, &events)
    };
    assert_eq!(play("", [false, true, false]), Judgement::Pass);
    assert_eq!(play("", [true, true, true]), Judgement::Pass);
    assert!(matches!(play("", [true, false, false]), Judgement::Fail(_)));
    assert_eq!(play("heartbeat: manual\n", [false, true, false]), Judgement::Pass);
    assert!(matches!(
        play("heartbeat: manual\n", [true, true, false]),
        Judgement::Fail(_)
    ));
    assert!(matches!(
        play("heartbeat: manual\n", [false, true, true]),
        Judgement::Fail(_)
    ));
}
