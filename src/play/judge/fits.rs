//! Whether what arrived fits what a line says, or one of its alternatives.

use super::client::DRIVER;
use super::label::{self, Arrival, What};
use super::walk::Judge;
use crate::notation::{Action, Alternative, Binary, Content, Frame, Step, Text};
use crate::pattern::{Captures, Mismatch, Pattern};
use crate::transcript::{Closed, Proof, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::collections::HashMap;
use std::sync::Arc;

/// Patterns that were compiled before, by their text.
#[derive(Default)]
pub(super) struct Compiled {
    texts: HashMap<String, Arc<Pattern>>,
    reports: HashMap<String, Arc<Pattern>>,
}

impl Compiled {
    /// The pattern of a report; `None` where it cannot be read.
    pub(super) fn report(&mut self, text: &Text) -> Option<Arc<Pattern>> {
        if let Some(pattern) = self.reports.get(&text.0) {
            return Some(Arc::clone(pattern));
        }
        let pattern = Arc::new(Pattern::compile_report(text).ok()?);
        self.reports.insert(text.0.clone(), Arc::clone(&pattern));
        Some(pattern)
    }
}

/// Everything that a line accepts: what it says, then its alternatives.
pub(super) fn contents(step: &Step) -> impl Iterator<Item = &Content> {
    let (first, alternatives): (Option<&Content>, &[Alternative]) = match &step.action {
        Action::Wire {
            content,
            alternatives,
            ..
        } => (Some(content), alternatives),
        Action::Report { alternatives, .. } => (None, alternatives),
        Action::Own(_) | Action::Command(_) => (None, &[]),
    };
    first
        .into_iter()
        .chain(alternatives.iter().map(|alternative| &alternative.content))
}

/// Why something does not fit.
pub(super) struct Misfit {
    /// What the line expects, in words.
    pub(super) expected: String,
    /// What came, in words.
    pub(super) came: String,
    /// What to look at.
    pub(super) hint: String,
}

/// How a line was met.
pub(super) struct Met {
    /// The alternative that was taken, where it was not the line itself.
    pub(super) alternative: Option<usize>,
    pub(super) captures: Captures,
}

impl Judge<'_> {
    pub(super) fn check(
        &mut self,
        step: &Step,
        repetition: u32,
        label: &str,
        arrival: &Arrival,
    ) -> Result<Met, Misfit> {
        let known = self.captures_for(label);
        if let Action::Report { text, .. } = &step.action {
            let mut captures = known.clone();
            if self
                .check_report(text, repetition, arrival, &mut captures)
                .is_ok()
            {
                return Ok(Met {
                    alternative: None,
                    captures,
                });
            }
        }
        let mut first = None;
        let has_own_content = matches!(step.action, Action::Wire { .. });
        for (index, content) in contents(step).enumerate() {
            let mut captures = known.clone();
            match self.check_content(content, repetition, label, arrival, &mut captures) {
                Ok(()) => {
                    let alternative = if has_own_content {
                        index.checked_sub(1)
                    } else {
                        Some(index)
                    };
                    return Ok(Met {
                        alternative,
                        captures,
                    });
                }
                Err(misfit) => {
                    first.get_or_insert(misfit);
                }
            }
        }
        let first = match (&step.action, first) {
            (Action::Report { text, .. }, _) => self
                .check_report(text, repetition, arrival, &mut known.clone())
                .err(),
            (_, first) => first,
        };
        Err(first.unwrap_or_else(|| Misfit {
            expected: "something else".into(),
            came: arrival.describe(),
            hint: String::new(),
        }))
    }

    fn check_content(
        &mut self,
        content: &Content,
        repetition: u32,
        label: &str,
        arrival: &Arrival,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        match (content, &arrival.what) {
            // Over polling a client can also end a session without a word; who wants to hear it names the packet.
            (Content::Text(text), What::Closed(closed))
                if text.0 == "1" && closed.how == label::CLOSE_PACKET =>
            {
                Ok(())
            }
            (Content::Text(text), What::Text(_)) if label == DRIVER => {
                self.check_report(text, repetition, arrival, captures)
            }
            (Content::Text(text), What::Text(_)) => self.check_text(text, repetition, arrival, captures),
            (Content::Binary(binary), What::Binary(bytes)) => check_binary(binary, bytes, arrival),
            (Content::Binary(binary), What::Text(text)) if self.reads_payloads(label) => {
                let decoded = text
                    .strip_prefix('b')
                    .and_then(|encoded| STANDARD.decode(encoded).ok());
                let bytes = decoded.ok_or_else(|| misfit_of(content, arrival))?;
                check_binary(binary, &bytes, arrival)
            }
            (Content::Status { code, headers }, What::Response(response, _)) => {
                self.check_response(code, headers, repetition, response, captures)
            }
            (Content::Frame(frame), What::Frame(_) | What::Text(_) | What::Binary(_)) => {
                self.check_frame(frame, repetition, arrival, captures)
            }
            (Content::Close(code), What::Closed(closed)) => {
                self.check_close(code.as_ref(), closed, label, captures)
            }
            (Content::Raw(text), What::Raw(bytes)) => {
                let came = String::from_utf8_lossy(bytes).into_owned();
                let held = Arrival {
                    what: What::Text(came),
                    ..arrival.clone()
                };
                self.check_text(text, repetition, &held, captures)
            }
            (Content::Nothing, What::Silence(Proof::Echo | Proof::Window(_) | Proof::Connect)) => Ok(()),
            (Content::Alive, What::Silence(Proof::Echo | Proof::Connect)) => Ok(()),
            (Content::Request(request) | Content::WebSocket(request), What::Request(line)) => {
                let text = Text(format!("{} {}", request.method, request.target));
                let held = Arrival {
                    what: What::Text(line.clone()),
                    ..arrival.clone()
                };
                self.check_text(&text, repetition, &held, captures)
            }
            _ => Err(misfit_of(content, arrival)),
        }
    }

    /// Whether what comes on this label are packets of HTTP bodies, where binary data is base64.
    fn reads_payloads(&self, label: &str) -> bool {
        let is_websocket = self.labels.get(label).is_some_and(|state| state.handshaking);
        self.case.header.over.is_empty() && !is_websocket
    }

    fn check_text(
        &mut self,
        text: &Text,
        repetition: u32,
        arrival: &Arrival,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        let Some(came) = arrival.text() else {
            return Err(misfit_of(&Content::Text(text.clone()), arrival));
        };
        self.match_pattern(text, came, repetition, captures)
            .map_err(|mismatch| Misfit {
                expected: format!("`{}`", super::explain::shorten(&text.0)),
                came: format!("`{}`", super::explain::shorten(came)),
                hint: mismatch.map_or_else(|| "the pattern could not be read".into(), |m| m.to_string()),
            })
    }

    pub(super) fn match_pattern(
        &mut self,
        text: &Text,
        came: &str,
        repetition: u32,
        captures: &mut Captures,
    ) -> Result<(), Option<Mismatch>> {
        let pattern = match self.compiled.texts.get(&text.0) {
            Some(pattern) => Arc::clone(pattern),
            None => {
                let pattern = Arc::new(Pattern::compile(text).map_err(|_| None)?);
                self.compiled.texts.insert(text.0.clone(), Arc::clone(&pattern));
                pattern
            }
        };
        pattern.matches(came, repetition, captures).map_err(Some)
    }

    fn check_response(
        &mut self,
        code: &Text,
        headers: &[(String, Text)],
        repetition: u32,
        response: &Response,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        let status = response.status.to_string();
        self.match_pattern(code, &status, repetition, captures)
            .map_err(|_| Misfit {
                expected: format!("status {code}"),
                came: format!("status {status}{}", super::explain::body_excerpt(response)),
                hint: String::new(),
            })?;
        for (name, pattern) in headers {
            let values: Vec<&str> = response
                .headers
                .iter()
                .filter(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
                .collect();
            if !self.header_fits(pattern, &values, repetition, captures) {
                let joined = values.join(", ");
                let came = if values.is_empty() {
                    "no such header".to_owned()
                } else {
                    format!("`{joined}`")
                };
                return Err(Misfit {
                    expected: format!("header {name}: {pattern}"),
                    came: format!("{came}, with status {status}"),
                    hint: String::new(),
                });
            }
        }
        Ok(())
    }

    /// Whether the values of a header are what is expected; `absent` expects none.
    pub(super) fn header_fits(
        &mut self,
        pattern: &Text,
        values: &[&str],
        repetition: u32,
        captures: &mut Captures,
    ) -> bool {
        match (pattern.0.as_str(), values.is_empty()) {
            ("absent", empty) => empty,
            (_, true) => false,
            (_, false) => self
                .match_pattern(pattern, &values.join(", "), repetition, captures)
                .is_ok(),
        }
    }

    fn check_frame(
        &mut self,
        frame: &Frame,
        repetition: u32,
        arrival: &Arrival,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        let (opcode, payload) = match &arrival.what {
            What::Frame(came) => (came.opcode, came.payload.clone()),
            What::Text(text) => (1, text.clone().into_bytes()),
            What::Binary(bytes) => (2, bytes.clone()),
            _ => return Err(misfit_of(&Content::Frame(frame.clone()), arrival)),
        };
        let text = String::from_utf8_lossy(&payload).into_owned();
        if opcode != frame.opcode
            || self
                .match_pattern(&frame.payload, &text, repetition, captures)
                .is_err()
        {
            return Err(misfit_of(&Content::Frame(frame.clone()), arrival));
        }
        Ok(())
    }

    fn check_close(
        &mut self,
        code: Option<&Text>,
        closed: &Closed,
        label: &str,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        let Some(code) = code else { return Ok(()) };
        if self
            .labels
            .get(label)
            .is_some_and(|state| state.over == "polling")
        {
            return Ok(());
        }
        let came = closed
            .code
            .map_or_else(|| "none".to_owned(), |code| code.to_string());
        self.match_pattern(code, &came, 0, captures).map_err(|_| Misfit {
            expected: format!("a close with code {code}"),
            came: format!("a close by the target ({})", closed.how),
            hint: String::new(),
        })
    }
}

fn check_binary(binary: &Binary, came: &[u8], arrival: &Arrival) -> Result<(), Misfit> {
    let fits = match binary {
        Binary::Any => true,
        Binary::Bytes(bytes) => bytes == came,
        Binary::Repeat { count, bytes } => {
            came.len() == bytes.len() * *count as usize && came.chunks(bytes.len().max(1)).all(|c| c == bytes)
        }
    };
    if fits {
        Ok(())
    } else {
        Err(misfit_of(&Content::Binary(binary.clone()), arrival))
    }
}

/// A misfit of kind: something quite different came.
fn misfit_of(content: &Content, arrival: &Arrival) -> Misfit {
    Misfit {
        expected: super::explain::content_in_words(content),
        came: arrival.describe(),
        hint: String::new(),
    }
}
