//! What stands behind an arrow, apart from what its surroundings decide: buffers, frames, raw bytes,
//! requests, closing and silence.

use super::diagnostic::nearest;
use super::model::{Binary, Content, Frame, Mask, OwnAction, Request, Text};
use super::piece::{Fault, Piece, is_space};
use super::time;

/// The most bytes that the texts of a case may come to.
pub(super) const MOST_GENERATED: u64 = 64 << 20;

/// The most bytes that the patterns of a case may come to.
pub(super) const MOST_EXPECTED: u64 = 16 << 20;

/// The most bytes that a case may put on the wire, with all repetitions of its lines.
pub(super) const MOST_TRAFFIC: u64 = 256 << 20;

/// The most that `<repeat N …>` may say.
pub(super) const MOST_GENERATOR: u32 = 10_000_000;

/// The words for opcodes.
pub(super) const OPCODES: [(&str, u8); 6] = [
    ("continuation", 0),
    ("text", 1),
    ("binary", 2),
    ("close", 8),
    ("ping", 9),
    ("pong", 10),
];

/// `<Buffer …>`, where the text begins so.
pub(super) fn buffer(piece: Piece<'_>) -> Option<Result<Binary, Fault>> {
    let rest = piece.strip_prefix("<Buffer")?;
    if !rest.text.starts_with(|c: char| is_space(c) || c == '>') {
        return None;
    }
    let Some(inner) = rest.text.strip_suffix('>') else {
        return Some(Err(piece
            .fault("the buffer has no end")
            .expected("`>` as the last character")));
    };
    Some(bytes(rest.slice(0, inner.len()).trim()))
}

fn bytes(piece: Piece<'_>) -> Result<Binary, Fault> {
    if piece.text == "..." {
        return Ok(Binary::Any);
    }
    if let Some(rest) = piece.strip_prefix("<repeat ") {
        return repeated(piece, rest.trim());
    }
    hex(piece).map(Binary::Bytes)
}

/// `500000 "01 02">` of a generated buffer.
fn repeated(whole: Piece<'_>, piece: Piece<'_>) -> Result<Binary, Fault> {
    let wrong = || {
        whole
            .fault("this does not say what is repeated")
            .expected("`<repeat 1000 \"01 ff \">`")
    };
    let (number, rest) = piece.split_word();
    let count: u32 = number.text.parse().map_err(|_| wrong())?;
    let quoted = rest
        .text
        .strip_suffix('>')
        .map(|t| rest.slice(0, t.len()).trim())
        .ok_or_else(wrong)?;
    let inner = quoted
        .strip_prefix("\"")
        .and_then(|q| Some(q.slice(0, q.text.strip_suffix('"')?.len())));
    let bytes = hex(inner.ok_or_else(wrong)?.trim())?;
    let total = u64::from(count) * bytes.len() as u64;
    if count > MOST_GENERATOR || total > MOST_GENERATED {
        return Err(number
            .fault("this generates too much")
            .expected("at most 10,000,000 times and 64 MiB"));
    }
    Ok(Binary::Repeat { count, bytes })
}

fn hex(piece: Piece<'_>) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let mut rest = piece;
    while !rest.text.is_empty() {
        let (word, after) = rest.split_word();
        let digits = word.text.len() == 2 && word.text.bytes().all(|b| b.is_ascii_hexdigit());
        match u8::from_str_radix(word.text, 16) {
            Ok(byte) if digits => bytes.push(byte),
            _ => {
                return Err(word.fault(format!("`{}` is no byte", word.text)).expected(
                    "two hexadecimal digits for each byte, set apart by spaces; or `...` for any bytes",
                ));
            }
        }
        rest = after;
    }
    Ok(bytes)
}

/// `<frame OPCODE …>payload`, where the text begins so.
pub(super) fn frame(piece: Piece<'_>) -> Option<Result<Frame, Fault>> {
    let rest = piece.strip_prefix("<frame")?;
    if !rest.text.starts_with(|c: char| is_space(c) || c == '>') {
        return None;
    }
    let Some(end) = rest.text.find('>') else {
        return Some(Err(piece
            .fault("the header of the frame has no end")
            .expected("`>` before the payload")));
    };
    Some(frame_header(rest.slice(0, end).trim(), rest.from(end + 1).text))
}

fn frame_header(piece: Piece<'_>, payload: &str) -> Result<Frame, Fault> {
    let (opcode, mut rest) = piece.split_word();
    let mut frame = Frame {
        opcode: parse_opcode(opcode)?,
        fin: true,
        rsv: 0,
        mask: Mask::Proper,
        length: None,
        payload: Text(payload.to_owned()),
    };
    while !rest.text.is_empty() {
        let (word, after) = rest.split_word();
        frame_field(&mut frame, word)?;
        rest = after;
    }
    Ok(frame)
}

fn parse_opcode(piece: Piece<'_>) -> Result<u8, Fault> {
    let known = OPCODES
        .iter()
        .find(|(word, _)| *word == piece.text)
        .map(|(_, opcode)| *opcode);
    let number = || small_number(piece.text).filter(|n| *n <= 15);
    known.or_else(number).ok_or_else(|| {
        let near = nearest(piece.text, OPCODES.map(|(word, _)| word));
        let or = near.map_or_else(String::new, |word| format!("did you mean `{word}`? "));
        piece.fault(format!("`{}` is no opcode", piece.text)).expected(format!(
            "{or}one of `text`, `binary`, `continuation`, `close`, `ping`, `pong`, or a number from 0 to 15"
        ))
    })
}

fn frame_field(frame: &mut Frame, word: Piece<'_>) -> Result<(), Fault> {
    let (key, value) = word.text.split_once('=').unwrap_or((word.text, ""));
    match (key, value) {
        ("fin", "0") => frame.fin = false,
        ("fin", "1") => frame.fin = true,
        ("mask", "none") => frame.mask = Mask::None,
        ("rsv", _) if small_number(value).is_some_and(|n| n <= 7) => {
            frame.rsv = small_number(value).unwrap_or_default();
        }
        ("mask", _) if value.len() == 8 && value.bytes().all(|b| b.is_ascii_hexdigit()) => {
            let key = u32::from_str_radix(value, 16).unwrap_or_default();
            frame.mask = Mask::Key(key.to_be_bytes());
        }
        ("length", _) if is_number(value) && value.parse::<u64>().is_ok() => {
            frame.length = value.parse().ok();
        }
        _ => {
            return Err(word.fault(format!("`{}` says nothing about a frame", word.text)).expected(
                "`fin=0`, `rsv=1` to `rsv=7`, `mask=none`, `mask=` and 8 hexadecimal digits, or `length=` and a number",
            ));
        }
    }
    Ok(())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn small_number(text: &str) -> Option<u8> {
    is_number(text).then(|| text.parse().ok()).flatten()
}

/// The words that stand for something other than themselves, where the text is one.
pub(super) fn word(piece: Piece<'_>) -> Option<Content> {
    match piece.text {
        "nothing" => return Some(Content::Nothing),
        "alive" => return Some(Content::Alive),
        "..." => return Some(Content::Rest),
        "close" => return Some(Content::Close(None)),
        _ => {}
    }
    let (first, code) = piece.split_word();
    let is_code = code.text.split_whitespace().count() == 1
        && code.text.starts_with(|c: char| c.is_ascii_digit() || c == '<');
    (first.text == "close" && is_code).then(|| Content::Close(Some(Text(code.text.to_owned()))))
}

/// `METHOD target`, where the text has that form; the target is checked by `request`.
pub(super) fn looks_like_request(piece: Piece<'_>) -> bool {
    let (method, target) = piece.split_word();
    !method.text.is_empty()
        && method.text.bytes().all(|b| b.is_ascii_uppercase())
        && target.text.starts_with(['?', '/', '<', '*'])
}

/// A request without its headers and body, and whether it opens a WebSocket.
pub(super) fn request(piece: Piece<'_>) -> Result<Content, Fault> {
    let (method, target) = piece.split_word();
    if let Some(at) = space_outside_patterns(target.text) {
        return Err(target
            .from(at)
            .fault("a target has no spaces")
            .expected("`%20`; or `<raw>` for a request line that no client would write"));
    }
    let websocket = method.text == "WS";
    let request = Request {
        method: if websocket {
            "GET".to_owned()
        } else {
            method.text.to_owned()
        },
        target: Text(target.text.to_owned()),
        headers: Vec::new(),
        body: Vec::new(),
        pending: false,
    };
    Ok(if websocket {
        Content::WebSocket(request)
    } else {
        Content::Request(request)
    })
}

/// Spaces may stand in `<repeat 3 "a b">`.
fn space_outside_patterns(text: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0_usize, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if depth > 0 => quoted = !quoted,
            '<' if !quoted => depth += 1,
            '>' if !quoted => depth = depth.saturating_sub(1),
            c if is_space(c) && depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// What may be the code of a status line: digits and patterns.
pub(super) fn is_status(text: &str) -> bool {
    is_three_digits(text) || {
        let mut rest = text;
        let mut patterns = 0;
        while !rest.is_empty() {
            if let Some(pattern) = rest.strip_prefix('<') {
                let Some(end) = pattern.find('>') else {
                    return false;
                };
                patterns += 1;
                rest = &pattern[end + 1..];
            } else if rest.starts_with(|c: char| c.is_ascii_digit()) {
                rest = &rest[1..];
            } else {
                return false;
            }
        }
        patterns == 1 && text.len() < 64
    }
}

pub(super) fn is_three_digits(text: &str) -> bool {
    text.len() == 3 && is_number(text)
}

/// What stands behind `!`.
pub(super) fn own_action(piece: Piece<'_>) -> Result<OwnAction, Fault> {
    let (word, rest) = piece.split_word();
    let bare = [
        ("upgrade", OwnAction::Upgrade),
        ("close", OwnAction::Close(None)),
        ("cut", OwnAction::Cut),
        ("reset", OwnAction::Reset),
        ("stall", OwnAction::Stall),
        ("resume", OwnAction::Resume),
        ("reconnect", OwnAction::Reconnect),
    ];
    match (word.text, rest.text) {
        ("wait", "") => Err(word.fault("for how long?").expected(time::DURATION)),
        ("wait", _) => time::parse_duration(rest).map(OwnAction::Wait),
        ("close", code) if !code.is_empty() => close_code(rest).map(|code| OwnAction::Close(Some(code))),
        (name, after) => {
            let found = bare.iter().find(|(known, _)| *known == name);
            match found {
                Some((_, action)) if after.is_empty() => Ok(action.clone()),
                Some(_) => Err(rest.fault(format!("nothing stands behind `{name}`"))),
                None => Err(unknown_action(word, bare.iter().map(|(known, _)| *known))),
            }
        }
    }
}

fn close_code(piece: Piece<'_>) -> Result<u16, Fault> {
    let code = is_number(piece.text).then(|| piece.text.parse().ok()).flatten();
    code.ok_or_else(|| {
        piece
            .fault("this is no close code")
            .expected("a number from 0 to 65535")
    })
}

fn unknown_action<'a>(word: Piece<'_>, known: impl Iterator<Item = &'a str>) -> Fault {
    let near = nearest(word.text, known.chain(["wait"]));
    let or = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    word.fault(format!("the player cannot `{}`", word.text))
        .expected(format!(
            "{or}one of `upgrade`, `close`, `cut`, `reset`, `stall`, `resume`, `reconnect`, `wait 300ms`"
        ))
}
