//! Writing a case: the canonical text, which reads back as the same case.

use super::content::OPCODES;
use super::line::print_suffixes;
use super::model::{
    Action, Alternative, Binary, Case, Content, Frame, Header, Heartbeat, Item, Label, Mask, OwnAction,
    Party, Role, Step, Text,
};
use std::fmt::Write as _;

/// The canonical text of a case. `parse` gives the same case back, apart from line numbers; and the text of
/// a file that is written canonically comes back as it was.
pub fn print(case: &Case) -> String {
    let mut out = String::new();
    header(&mut out, &case.header);
    out.push('\n');
    items(&mut out, &case.script);
    out
}

/// One step as its lines stand in a canonical file, without a line feed at the end: for messages and reports.
pub fn print_step(step: &Step) -> String {
    let mut out = String::new();
    print_lines(&mut out, step);
    out.truncate(out.trim_end_matches('\n').len());
    out
}

/// What stands behind the arrow, without headers and body of a request: for messages and reports.
pub fn print_content(content: &Content) -> String {
    match content {
        Content::Text(text) => text.0.clone(),
        Content::Binary(binary) => print_binary(binary),
        Content::Request(request) => format!("{} {}", request.method, request.target),
        Content::WebSocket(request) => format!("WS {}", request.target),
        Content::Status { code, .. } => code.0.clone(),
        Content::Raw(text) => format!("<raw>{text}"),
        Content::Frame(frame) => print_frame(frame),
        Content::Close(None) => "close".to_owned(),
        Content::Close(Some(code)) => format!("close {code}"),
        Content::Nothing => "nothing".to_owned(),
        Content::Alive => "alive".to_owned(),
        Content::Rest => "...".to_owned(),
    }
}

fn header(out: &mut String, header: &Header) {
    for text in &header.comments {
        comment(out, text);
    }
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(out, "{key}: {value}");
    };
    line("title", &header.title);
    line("rule", &header.rules.join(", "));
    if header.role != Role::Server {
        line("role", header.role.word());
    }
    if !header.over.is_empty() {
        let words: Vec<&str> = header.over.iter().map(|over| over.word()).collect();
        line("over", &words.join(", "));
    }
    if let Some(given) = &header.given {
        match given.namespace.as_str() {
            "/" => line("given", "connected"),
            namespace => line("given", &format!("connected {namespace}")),
        }
    }
    if !header.needs.is_empty() {
        line("needs", &header.needs.join(", "));
    }
    if let Some(variant) = &header.variant {
        line("variant", variant);
    }
    if header.heartbeat == Heartbeat::Manual {
        line("heartbeat", "manual");
    }
    if let Some(handshake) = &header.handshake {
        line("handshake", handshake);
    }
    if let Some(hazard) = &header.hazard {
        line("hazard", hazard);
    }
    for each in &header.each {
        let tuples: Vec<String> = each.values.iter().map(|tuple| tuple.join(" -> ")).collect();
        line(&format!("each {}", each.names.join(" -> ")), &tuples.join("  "));
    }
}

fn items(out: &mut String, list: &[Item]) {
    for item in list {
        match item {
            Item::Blank => out.push('\n'),
            Item::Comment(text) => comment(out, text),
            Item::Step(step) => print_lines(out, step),
            Item::AnyOrder(inner) => {
                out.push_str("{\n");
                items(out, inner);
                out.push_str("}\n");
            }
            Item::Template(line) => {
                let _ = writeln!(out, "{line}");
            }
        }
    }
}

fn comment(out: &mut String, text: &str) {
    let space = if text.is_empty() { "" } else { " " };
    let _ = writeln!(out, "#{space}{text}");
}

fn print_lines(out: &mut String, step: &Step) {
    let label = label(&step.label);
    let none: &[Alternative] = &[];
    let (mark, text, alternatives) = match &step.action {
        Action::Wire {
            from,
            content,
            alternatives,
        } => (arrow(*from), print_content(content), alternatives.as_slice()),
        Action::Own(action) => ("!", own_action(action), none),
        Action::Command(text) => ("@>", text.0.clone(), none),
        Action::Report { text, alternatives } => ("@<", text.0.clone(), alternatives.as_slice()),
    };
    line(out, &label, mark, &text);
    let request = match &step.action {
        Action::Wire {
            content: Content::Request(request) | Content::WebSocket(request),
            ..
        } => Some(request),
        _ => None,
    };
    let pending = request.is_some_and(|request| request.pending);
    print_suffixes(
        out,
        step.repeat,
        step.timing.within.as_ref(),
        step.timing.at.as_ref(),
        pending,
    );
    out.push('\n');
    if let Action::Wire { content, .. } = &step.action {
        headers_of(out, content);
    }
    for content in request.iter().flat_map(|request| &request.body) {
        line(out, &label, mark, &print_content(content));
        out.push('\n');
    }
    for alternative in alternatives {
        for text in &alternative.comments {
            comment(out, text);
        }
        line(
            out,
            "",
            if alternative.equal { "|=" } else { "|" },
            &print_content(&alternative.content),
        );
        out.push('\n');
        headers_of(out, &alternative.content);
    }
}

fn line(out: &mut String, label: &str, mark: &str, text: &str) {
    let space = if text.is_empty() { "" } else { " " };
    let _ = write!(out, "{label}{mark}{space}{text}");
}

fn headers_of(out: &mut String, content: &Content) {
    let headers: &[(String, Text)] = match content {
        Content::Request(request) | Content::WebSocket(request) => &request.headers,
        Content::Status { headers, .. } => headers,
        _ => &[],
    };
    for (name, value) in headers {
        let space = if value.0.is_empty() { "" } else { " " };
        let _ = writeln!(out, "{name}:{space}{value}");
    }
}

fn label(label: &Label) -> String {
    format!("{}{}", label.name, if label.family { "#" } else { "" })
}

fn arrow(from: Party) -> &'static str {
    match from {
        Party::Client => ">",
        Party::Server => "<",
    }
}

fn own_action(action: &OwnAction) -> String {
    match action {
        OwnAction::Upgrade => "upgrade".to_owned(),
        OwnAction::Close(None) => "close".to_owned(),
        OwnAction::Close(Some(code)) => format!("close {code}"),
        OwnAction::Cut => "cut".to_owned(),
        OwnAction::Reset => "reset".to_owned(),
        OwnAction::Stall => "stall".to_owned(),
        OwnAction::Resume => "resume".to_owned(),
        OwnAction::Reconnect => "reconnect".to_owned(),
        OwnAction::Wait(duration) => format!("wait {duration}"),
    }
}

fn print_binary(binary: &Binary) -> String {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    match binary {
        Binary::Bytes(bytes) if bytes.is_empty() => "<Buffer>".to_owned(),
        Binary::Bytes(bytes) => format!("<Buffer {}>", hex(bytes)),
        Binary::Repeat { count, bytes } => format!("<Buffer <repeat {count} \"{} \">>", hex(bytes)),
        Binary::Any => "<Buffer ...>".to_owned(),
    }
}

fn print_frame(frame: &Frame) -> String {
    let known = OPCODES.iter().find(|(_, opcode)| *opcode == frame.opcode);
    let mut out = known.map_or_else(
        || format!("<frame {}", frame.opcode),
        |(word, _)| format!("<frame {word}"),
    );
    if !frame.fin {
        out.push_str(" fin=0");
    }
    if frame.rsv != 0 {
        let _ = write!(out, " rsv={}", frame.rsv);
    }
    match frame.mask {
        Mask::Proper => {}
        Mask::None => out.push_str(" mask=none"),
        Mask::Key(key) => {
            let _ = write!(out, " mask={:08x}", u32::from_be_bytes(key));
        }
    }
    if let Some(length) = frame.length {
        let _ = write!(out, " length={length}");
    }
    format!("{out}>{}", frame.payload)
}
