//! Comparing a JSON value that came with the pattern that it should fit. No recursion, whatever the nesting.

use super::captures::Captured;
use super::json::{self, Doc, Node, NodeId};
use super::mismatch::{self, Mismatch};
use super::number;
use super::scan::Angle;
use super::search::{self, Env};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A value with the text that it was read from.
#[derive(Clone)]
struct Sourced<'a> {
    doc: std::borrow::Cow<'a, Doc>,
    text: std::borrow::Cow<'a, [u8]>,
}

/// Compares `came` (with its text) with `pattern` (with its text). What is kept goes to `env`.
pub(super) fn compare(
    (pattern, pattern_text): (&Doc, &str),
    (came, came_text): (&Doc, &[u8]),
    env: &mut Env<'_>,
) -> Result<(), Mismatch> {
    let mut comparison = Comparison {
        came,
        came_text,
        paths: Vec::new(),
        work: Vec::new(),
    };
    let doc = Rc::new(Sourced {
        doc: std::borrow::Cow::Borrowed(pattern),
        text: std::borrow::Cow::Borrowed(pattern_text.as_bytes()),
    });
    comparison.work.push(Work::Pair {
        pattern: (doc, pattern.root()),
        came: came.root(),
        path: None,
    });
    while let Some(work) = comparison.work.pop() {
        comparison.step(work, env)?;
    }
    Ok(())
}

struct Comparison<'a> {
    came: &'a Doc,
    came_text: &'a [u8],
    /// The steps of all paths, each with the step that it follows.
    paths: Vec<(Option<usize>, Place)>,
    work: Vec<Work<'a>>,
}

#[derive(Clone)]
enum Place {
    Index(usize),
    Member(Vec<u8>),
}

enum Work<'a> {
    /// Compare these two.
    Pair {
        pattern: (Rc<Sourced<'a>>, NodeId),
        came: NodeId,
        path: Option<usize>,
    },
    /// All before this was right, but something is too much or missing here.
    Wrong {
        path: Option<usize>,
        place: Place,
        expected: String,
        came: String,
        hint: Option<String>,
    },
}

impl<'a> Comparison<'a> {
    fn step(&mut self, work: Work<'a>, env: &mut Env<'_>) -> Result<(), Mismatch> {
        match work {
            Work::Pair { pattern, came, path } => self.pair(pattern, came, path, env),
            Work::Wrong {
                path,
                place,
                expected,
                came,
                hint,
            } => {
                self.paths.push((path, place));
                Err(Mismatch {
                    path: self.path(Some(self.paths.len() - 1)),
                    expected,
                    came,
                    hint,
                })
            }
        }
    }

    fn pair(
        &mut self,
        (source, id): (Rc<Sourced<'a>>, NodeId),
        came_id: NodeId,
        path: Option<usize>,
        env: &mut Env<'_>,
    ) -> Result<(), Mismatch> {
        let came = self.came.node(came_id);
        let fits = match (source.doc.node(id), came) {
            (Node::Null, Node::Null) => true,
            (Node::Bool(a), Node::Bool(b)) => a == b,
            (Node::Number(a), Node::Number(b)) => number::equal(a, b),
            (Node::String(a), Node::String(b)) => a == b,
            (Node::Parts(parts), Node::String(b)) => search::run(parts, b, env).is_ok(),
            (Node::Array { items, open }, Node::Array { items: others, .. }) => {
                self.arrays(&source, items, *open, others, path);
                true
            }
            (Node::Object { members, open }, Node::Object { members: others, .. }) => {
                self.objects(&source, members, *open, others, path);
                true
            }
            (Node::Pattern(Angle::Ref(name)), _) => {
                return self.kept(name, (&source, id), came_id, path, env);
            }
            (Node::Pattern(Angle::Wild(kind)), _) => json::is_kind(came, *kind),
            (Node::Pattern(Angle::Keep(name, kind)), _) => {
                let fits = json::is_kind(came, *kind);
                if fits {
                    let text = String::from_utf8_lossy(self.text_of(came_id)).into_owned();
                    env.keep(name, Captured::Json(text));
                }
                fits
            }
            (Node::Pattern(Angle::Counter), Node::Number(b)) => number::equal(&env.repetition.to_string(), b),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let expected = expected_text(&source, id);
        let hint = self.hint(source.doc.node(id), came);
        Err(Mismatch {
            path: self.path(path),
            expected,
            came: mismatch::shown(self.text_of(came_id)),
            hint,
        })
    }

    /// A kept value: it becomes the pattern.
    fn kept(
        &mut self,
        name: &str,
        (source, id): (&Rc<Sourced<'a>>, NodeId),
        came: NodeId,
        path: Option<usize>,
        env: &Env<'_>,
    ) -> Result<(), Mismatch> {
        let written = expected_text(source, id);
        let Some(value) = env.lookup(name) else {
            return Err(Mismatch {
                path: self.path(path),
                expected: format!("the value of {written}"),
                came: mismatch::shown(self.text_of(came)),
                hint: Some(format!("nothing was kept under the name `{name}`")),
            });
        };
        // A text that looks like a number may have come as a string: both are the same text.
        let as_text = value.as_text();
        if matches!(self.came.node(came), Node::String(s) if matches!(value, Captured::Text(_)) && s == as_text.as_bytes())
        {
            return Ok(());
        }
        let text = value.as_json().into_bytes();
        let Ok((doc, _)) = json::read(&text, 0) else {
            return Ok(());
        };
        let root = doc.root();
        let doc = Rc::new(Sourced {
            doc: std::borrow::Cow::Owned(doc),
            text: std::borrow::Cow::Owned(text),
        });
        self.work.push(Work::Pair {
            pattern: (doc, root),
            came,
            path,
        });
        Ok(())
    }

    fn arrays(
        &mut self,
        source: &Rc<Sourced<'a>>,
        items: &[NodeId],
        open: bool,
        others: &[NodeId],
        path: Option<usize>,
    ) {
        if let Some(missing) = items.get(others.len()) {
            self.work.push(Work::Wrong {
                path,
                place: Place::Index(others.len()),
                expected: expected_text(source, *missing),
                came: "the end of the array".to_owned(),
                hint: None,
            });
        } else if let Some(extra) = others.get(items.len())
            && !open
        {
            self.work.push(Work::Wrong {
                path,
                place: Place::Index(items.len()),
                expected: "the end of the array".to_owned(),
                came: mismatch::shown(self.text_of(*extra)),
                hint: None,
            });
        }
        for (index, (item, other)) in items.iter().zip(others).enumerate().rev() {
            self.paths.push((path, Place::Index(index)));
            let path = Some(self.paths.len() - 1);
            self.work.push(Work::Pair {
                pattern: (Rc::clone(source), *item),
                came: *other,
                path,
            });
        }
    }

    fn objects(
        &mut self,
        source: &Rc<Sourced<'a>>,
        members: &[(Vec<u8>, NodeId)],
        open: bool,
        others: &[(Vec<u8>, NodeId)],
        path: Option<usize>,
    ) {
        let came: BTreeMap<&[u8], NodeId> = others.iter().map(|(key, id)| (key.as_slice(), *id)).collect();
        let twice = came.len() < others.len();
        let hint = || twice.then(|| "a member stands there twice; the last one counts".to_owned());
        let known: BTreeMap<&[u8], NodeId> = members.iter().map(|(key, id)| (key.as_slice(), *id)).collect();
        if let Some((extra, id)) = others.iter().find(|(key, _)| !known.contains_key(key.as_slice()))
            && !open
        {
            self.work.push(Work::Wrong {
                path,
                place: Place::Member(extra.clone()),
                expected: "no such member".to_owned(),
                came: mismatch::shown(self.text_of(*id)),
                hint: hint(),
            });
        }
        for (key, id) in members.iter().rev() {
            let place = Place::Member(key.clone());
            match came.get(key.as_slice()) {
                Some(other) => {
                    self.paths.push((path, place));
                    let path = Some(self.paths.len() - 1);
                    self.work.push(Work::Pair {
                        pattern: (Rc::clone(source), *id),
                        came: *other,
                        path,
                    });
                }
                None => self.work.push(Work::Wrong {
                    path,
                    place,
                    expected: expected_text(source, *id),
                    came: "no such member".to_owned(),
                    hint: None,
                }),
            }
        }
    }

    /// Values that are the same but for their kind.
    fn hint(&self, expected: &Node, came: &Node) -> Option<String> {
        let hint = match (expected, came) {
            (Node::Number(a), Node::String(b)) if a.as_bytes() == b => "the number came as a string",
            (Node::String(a), Node::Number(b)) if a == b.as_bytes() => "the string came as a number",
            (Node::Object { .. } | Node::Array { .. }, Node::String(b))
                if matches!(b.first(), Some(b'{' | b'[')) =>
            {
                "JSON came within a string"
            }
            (Node::String(a), Node::String(b)) => return mismatch::first_difference(a, b),
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn text_of(&self, id: NodeId) -> &'a [u8] {
        let (start, end) = self.came.span(id);
        &self.came_text[start..end]
    }

    fn path(&self, mut last: Option<usize>) -> String {
        let mut places = Vec::new();
        while let Some(index) = last {
            let (before, place) = &self.paths[index];
            places.push(place);
            last = *before;
        }
        // Deep in a nesting bomb the path itself is too long to show.
        let skipped = places.len().saturating_sub(20);
        let dots = if skipped > 0 { "…" } else { "" };
        let shown: String = places
            .iter()
            .take(20)
            .rev()
            .map(|place| place.to_string())
            .collect();
        format!("{dots}{shown}")
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Member(key) => {
                let name = String::from_utf8_lossy(key);
                let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
                match is_plain {
                    true => write!(f, ".{name}"),
                    false => write!(f, "[{}]", mismatch::shown(json::quote(&name).as_bytes())),
                }
            }
        }
    }
}

fn expected_text(source: &Sourced<'_>, id: NodeId) -> String {
    let (start, end) = source.doc.span(id);
    mismatch::shown(&source.text[start..end])
}
