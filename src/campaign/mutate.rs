//! Small damage: characters of an input are changed, taken out, doubled, or replaced by words that mean something to a codec.

use super::random::Random;
use crate::suite::Frame;

/// The longest text that is made longer, in bytes.
const LONGEST: usize = 4_096;
/// Words that mean something to a codec.
const WORDS: [&str; 60] = [
    "\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "-",
    "/",
    "\\",
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "9",
    "10",
    "11",
    "00",
    " ",
    "\n",
    "\t",
    "\u{0}",
    "\u{1e}",
    "\u{feff}",
    "\u{a0}",
    "\u{2028}",
    "\u{662}",
    "é",
    "\u{1f600}",
    "null",
    "true",
    "false",
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "1e400",
    "-0",
    "01",
    "9007199254740993",
    "{\"_placeholder\":true,\"num\":0}",
    "{\"num\":0,\"_placeholder\":true}",
    "{\"_placeholder\":true,\"num\":-1}",
    "{\"_placeholder\":false,\"num\":0}",
    "51-",
    "52-",
    "/a,",
    "/a?b=c,",
    "\"__proto__\":",
    "\\ud800",
    "\\u0000",
    "\"connect\"",
    "[]",
    "{}",
    "b",
    "AQ==",
];

/// Changes some frames, once or a few times.
pub(super) fn damage(frames: &mut Vec<Frame>, others: &[Frame], random: &mut Random) {
    loop {
        once(frames, others, random);
        if !random.once_in(2) {
            break;
        }
    }
}

fn once(frames: &mut Vec<Frame>, others: &[Frame], random: &mut Random) {
    let at = random.below(frames.len());
    if frames.len() < 12 && random.once_in(8) {
        reorder(frames, others, at, random);
        return;
    }
    match frames.get_mut(at) {
        Some(Frame::Text(text)) => change(text, others, random),
        Some(Frame::Binary(bytes)) => change_bytes(bytes, random),
        _ => {}
    }
}

/// Changes which frames there are.
fn reorder(frames: &mut Vec<Frame>, others: &[Frame], at: usize, random: &mut Random) {
    match random.below(5) {
        0 if frames.len() > 1 => drop(frames.remove(at)),
        1 if !frames.is_empty() => frames.insert(at, frames[at].clone()),
        2 if !frames.is_empty() => {
            let to = random.below(frames.len());
            frames.swap(at, to);
        }
        3 => frames.insert(at, Frame::Reset),
        _ => frames.extend(random.pick(others).cloned()),
    }
}

fn change(text: &mut String, others: &[Frame], random: &mut Random) {
    let at = boundary(text, random.below(text.len() + 1));
    let length = 1 + random.below(text.len().saturating_sub(at).min(16));
    let end = boundary(text, text.len().min(at + length));
    let may_grow = text.len() < LONGEST;
    match random.below(9) {
        0 | 1 => drop(text.drain(at..end)),
        2 | 3 if may_grow => text.insert_str(at, random.pick(&WORDS).copied().unwrap_or_default()),
        4 => {
            text.drain(at..end);
            text.insert_str(at, random.pick(&WORDS).copied().unwrap_or_default());
        }
        5 if at < text.len() => {
            let old = text.remove(at);
            let bit = 1 << random.below(7);
            text.insert(
                at,
                char::from_u32(u32::from(old) ^ bit).unwrap_or(char::REPLACEMENT_CHARACTER),
            );
        }
        6 if may_grow => {
            let times = if random.once_in(50) { 200 } else { 1 };
            let again = text[at..end].repeat(times);
            text.insert_str(at, &again);
        }
        7 => text.truncate(at),
        _ => {
            if let Some(Frame::Text(other)) = random.pick(others) {
                let from = boundary(other, random.below(other.len() + 1));
                let to = boundary(other, other.len().min(from + LONGEST));
                text.truncate(at);
                text.push_str(&other[from..to]);
            }
        }
    }
}

/// The last place between characters that is not behind `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// What an attachment holds is of no interest to most codecs, but for its length.
fn change_bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(3) {
        0 if at < bytes.len() => bytes[at] = random.next().to_le_bytes()[0],
        1 => bytes.truncate(at),
        _ if bytes.len() < LONGEST => bytes.extend(random.bytes(3)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_changes_most_inputs_and_keeps_them_small() {
        let start = vec![Frame::Text("2[\"a\",1]".to_owned()), Frame::Binary(vec![1, 2])];
        let mut changed = 0;
        for run in 0..1000 {
            let mut frames = start.clone();
            damage(&mut frames, &start, &mut Random::of_run(1, run));
            changed += usize::from(frames != start);
            let size: usize = frames.iter().map(|frame| frame.to_json().to_string().len()).sum();
            assert!(size < 100_000, "{size}");
        }
        assert!(changed > 900, "{changed}");
    }
}
