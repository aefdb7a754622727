//! Reading a case: from the text of a file to its model, or to everything that is wrong with it.

use super::diagnostic::Diagnostic;
use super::header::{HeaderReader, MOST_COMBINATIONS};
use super::model::{Case, Header, Item};
use super::piece::{Fault, Piece};
use super::script::ScriptReader;
use super::substitute::Substitution;
use std::borrow::Cow;

/// The largest file, in bytes.
pub const LARGEST_FILE: usize = 1 << 20;

/// The longest line, in bytes.
pub const LONGEST_LINE: usize = 100_000;

/// The most bytes that all combinations of a file may come to.
const LARGEST_EXPANSION: usize = 4 << 20;

/// More errors than this help nobody.
const MOST_DIAGNOSTICS: usize = 50;

/// Reads a case. `name` is what diagnostics call the file.
///
/// A case with `each` is checked with every combination of its values, and its script comes back as
/// [`Item::Template`] lines; [`instantiate`] gives the script with the values put in.
pub fn parse(name: &str, text: &str) -> Result<Case, Vec<Diagnostic>> {
    let mut reader = Reader::new(name, text);
    let lines = reader.lines()?;
    let (header, script) = reader.header(&lines, &Substitution::default());
    if reader.is_undecided || !header.each.is_empty() && !reader.diagnostics.is_empty() {
        return Err(reader.diagnostics);
    }
    if header.each.is_empty() {
        let items = reader.script(&header, script, &Substitution::default());
        return reader.finish(Case {
            header,
            script: items,
        });
    }
    reader.check_each(&header, script, text.len());
    if reader.diagnostics.is_empty() {
        for bindings in header.bindings() {
            if let Err(diagnostics) = instantiate(name, text, &bindings) {
                reader.diagnostics.extend(diagnostics);
            }
            if reader.diagnostics.len() >= MOST_DIAGNOSTICS {
                break;
            }
        }
    }
    let script = template(script);
    reader.finish(Case { header, script })
}

/// Reads a case with `each` after the values have been put in; of a case without, `bindings` is empty. The
/// case has no `each` any more, and its lines have the numbers that they have in the file.
pub fn instantiate(name: &str, text: &str, bindings: &[(String, String)]) -> Result<Case, Vec<Diagnostic>> {
    let mut reader = Reader::new(name, text);
    let substitution = Substitution::new(bindings);
    let lines = reader.lines()?;
    let (mut header, script) = reader.header(&lines, &substitution);
    header.each.clear();
    let items = reader.script(&header, script, &substitution);
    let with = substitution.describe();
    for diagnostic in &mut reader.diagnostics {
        diagnostic.with.clone_from(&with);
    }
    reader.finish(Case {
        header,
        script: items,
    })
}

/// A line of the file with its number, from 1.
type Numbered<'a> = (u32, &'a str);

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    diagnostics: Vec<Diagnostic>,
    /// What the script means is not known, so that it cannot be judged.
    is_undecided: bool,
}

impl<'a> Reader<'a> {
    fn new(name: &'a str, text: &'a str) -> Self {
        Self {
            name,
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            diagnostics: Vec::new(),
            is_undecided: false,
        }
    }

    /// The lines of the file, where it is within the limits.
    fn lines(&mut self) -> Result<Vec<Numbered<'a>>, Vec<Diagnostic>> {
        if self.text.len() > LARGEST_FILE {
            let first = self.text.lines().next().unwrap_or_default();
            let start: String = first.chars().take(100).collect();
            let fault = Piece::line(&start)
                .fault(format!("the file has {} bytes", self.text.len()))
                .expected("at most 1 MiB; long texts can be generated with `<repeat 1000 \"a\">`");
            return Err(vec![Diagnostic::new(self.name, 1, &start, fault)]);
        }
        let lines = self
            .text
            .split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line));
        let lines: Vec<Numbered<'a>> = (1..).zip(lines).collect();
        for (number, line) in &lines {
            if let Some(fault) = limits(line) {
                self.report(*number, line, fault);
            }
        }
        if self.diagnostics.is_empty() {
            Ok(lines)
        } else {
            Err(std::mem::take(&mut self.diagnostics))
        }
    }

    /// Reads the header; gives back the lines of the script.
    fn header<'l>(
        &mut self,
        lines: &'l [Numbered<'a>],
        with: &Substitution<'_>,
    ) -> (Header, &'l [Numbered<'a>]) {
        let is_blank = |(_, line): &Numbered<'_>| line.trim().is_empty();
        let end = lines.iter().position(is_blank).unwrap_or(lines.len());
        let mut reader = HeaderReader::default();
        for (number, line) in &lines[..end] {
            let line = if line.trim_start().starts_with("each") || with.is_too_long(line, LONGEST_LINE) {
                Cow::Borrowed(*line)
            } else {
                with.apply(line)
            };
            if let Err(fault) = reader.line(&line) {
                self.report(*number, &line, fault);
            }
        }
        self.is_undecided = reader.is_undecided;
        let (header, missing) = reader.finish();
        let (number, line) = lines.first().copied().unwrap_or((1, ""));
        for message in missing {
            let fault = Piece::line(line)
                .fault(message)
                .expected("`title: …` and `rule: …` at the top of the file");
            self.report(number, line, fault);
        }
        if header.given.is_some() && header.over.is_empty() && !self.is_undecided {
            let given = lines[..end]
                .iter()
                .find(|(_, line)| line.trim_start().starts_with("given"));
            let (number, line) = given.copied().unwrap_or((1, ""));
            let fault = Piece::line(line)
                .trim()
                .fault("a wire script has no precondition");
            self.report(
                number,
                line,
                fault.expected("`over: …` as well; or the requests that open the session"),
            );
        }
        (header, &lines[(end + 1).min(lines.len())..])
    }

    fn script(&mut self, header: &Header, lines: &[Numbered<'a>], with: &Substitution<'_>) -> Vec<Item> {
        let mut reader = ScriptReader::new(header);
        let mut faults = Vec::new();
        for (number, line) in lines {
            if with.is_too_long(line, LONGEST_LINE) {
                let fault = Piece::line(line).fault("with its values put in, the line is too long");
                self.report(*number, line, fault.expected("at most 100,000 bytes"));
                continue;
            }
            let line = with.apply(line);
            reader.line(*number, &line, &mut faults);
            for fault in faults.drain(..) {
                self.report(*number, &line, fault);
            }
            if self.diagnostics.len() >= MOST_DIAGNOSTICS {
                break;
            }
        }
        let (items, late) = reader.finish();
        for (number, fault) in late {
            let line = lines
                .iter()
                .find(|(n, _)| *n == number)
                .map_or("", |(_, line)| *line);
            self.report(number, line, fault);
        }
        let has_steps = items
            .iter()
            .any(|item| matches!(item, Item::Step(_) | Item::AnyOrder(_)));
        if !has_steps && self.diagnostics.is_empty() {
            let (number, line) = lines.last().copied().unwrap_or((1, ""));
            let fault = Piece::line(line).fault("the script is empty");
            self.report(
                number,
                line,
                fault.expected("an empty line below the header, then `>` and `<` lines"),
            );
        }
        items
    }

    /// What must hold of `each` before its values are put in.
    fn check_each(&mut self, header: &Header, script: &[Numbered<'a>], size: usize) {
        let (number, line) = self.each_line();
        let combinations = header.combinations();
        if combinations > MOST_COMBINATIONS || combinations.saturating_mul(size) > LARGEST_EXPANSION {
            let fault = Piece::line(line).fault(format!("`each` makes {combinations} scripts of this"));
            self.report(
                number,
                line,
                fault.expected("at most 10,000 scripts of together at most 4 MiB"),
            );
        }
        for name in header.each.iter().flat_map(|each| &each.names) {
            let place = format!("<{name}>");
            let used = script
                .iter()
                .any(|(_, line)| !line.trim_start().starts_with('#') && line.contains(&place));
            if !used {
                let fault = Piece::line(line).fault(format!("the script does not use `{place}`"));
                self.report(
                    number,
                    line,
                    fault.expected(format!("`{place}` somewhere in the script")),
                );
            }
        }
    }

    fn each_line(&self) -> Numbered<'a> {
        let numbered = (1..).zip(self.text.lines());
        numbered
            .into_iter()
            .find(|(_, line)| line.starts_with("each "))
            .unwrap_or((1, ""))
    }

    fn report(&mut self, line: u32, source: &str, fault: Fault) {
        if self.diagnostics.len() < MOST_DIAGNOSTICS {
            self.diagnostics
                .push(Diagnostic::new(self.name, line, source, fault));
        }
    }

    fn finish(self, case: Case) -> Result<Case, Vec<Diagnostic>> {
        if self.diagnostics.is_empty() {
            Ok(case)
        } else {
            Err(self.diagnostics)
        }
    }
}

/// What no line may be.
fn limits(line: &str) -> Option<Fault> {
    if line.len() > LONGEST_LINE {
        let fault = Piece::line(line).fault(format!("the line has {} bytes", line.len()));
        return Some(
            fault.expected("at most 100,000; long texts can be generated with `<repeat 1000 \"a\">`"),
        );
    }
    let (at, c) = line.char_indices().find(|(_, c)| c.is_control() && *c != '\t')?;
    let piece = Piece::line(line).slice(at, at + c.len_utf8());
    let escape: String = c.to_string().bytes().map(|b| format!("\\x{b:02x}")).collect();
    Some(piece.fault("a control character").expected(format!("`{escape}`")))
}

/// The script of a case with `each`, as it stands.
fn template(lines: &[Numbered<'_>]) -> Vec<Item> {
    let mut items: Vec<Item> = lines
        .iter()
        .map(|(_, line)| match super::line::classify(line) {
            Ok(super::line::Line::Blank) => Item::Blank,
            Ok(super::line::Line::Comment(comment)) => Item::Comment(comment.trim_end().to_owned()),
            _ => Item::Template(line.trim().to_owned()),
        })
        .collect();
    while items.last() == Some(&Item::Blank) {
        items.pop();
    }
    items
}
