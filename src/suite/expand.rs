//! From cases to trials: every combination of `each` values, over every transport.

use super::load::LoadedCase;
use super::rules::Level;
use crate::notation::{Case, Diagnostic, Over, instantiate, substitute};
use std::sync::Arc;

/// What is played and judged as one: a case with its values put in, over one transport.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The id of the case, with its `each` values in brackets: `server/ack/echo[007,7]`.
    pub id: String,
    /// The transport; `None` for a wire script.
    pub over: Option<Over>,
    /// The case with the values put in, without `each`.
    pub case: Case,
    /// Its text with the values put in, line for line as in the file.
    pub text: String,
    /// The file that it comes from.
    pub loaded: Arc<LoadedCase>,
}

impl Trial {
    /// A trial that comes from no file.
    pub fn bare(id: impl Into<String>, over: Option<Over>, case: Case, text: impl Into<String>) -> Self {
        let (id, text) = (id.into(), text.into());
        let loaded = LoadedCase {
            id: id.clone(),
            path: String::new(),
            area: String::new(),
            level: Level::Informational,
            case: case.clone(),
            text: text.clone(),
        };
        Self {
            id,
            over,
            case,
            text,
            loaded: Arc::new(loaded),
        }
    }

    /// The word of the transport as results have it: `wire` for a wire script.
    pub fn over_word(&self) -> &'static str {
        self.over.map_or("wire", Over::word)
    }
}

/// The trials of a case.
pub fn expand(loaded: &Arc<LoadedCase>) -> Result<Vec<Trial>, Vec<Diagnostic>> {
    let mut trials = Vec::new();
    for bindings in loaded.case.header.bindings() {
        let (id, case, text) = if bindings.is_empty() {
            (loaded.id.clone(), loaded.case.clone(), loaded.text.clone())
        } else {
            let values: Vec<&str> = bindings.iter().map(|(_, value)| value.as_str()).collect();
            let case = instantiate(&loaded.path, &loaded.text, &bindings)?;
            (
                format!("{}[{}]", loaded.id, values.join(",")),
                case,
                substitute(&loaded.text, &bindings),
            )
        };
        let transports: Vec<Option<Over>> = match case.is_session() {
            true => case.header.over.iter().copied().map(Some).collect(),
            false => vec![None],
        };
        for over in transports {
            let (id, case, text) = (id.clone(), case.clone(), text.clone());
            trials.push(Trial {
                id,
                over,
                case,
                text,
                loaded: Arc::clone(loaded),
            });
        }
    }
    Ok(trials)
}
