//! The register of requirements: `rules.toml`.

use crate::notation::{Diagnostic, Role};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use toml::Spanned;

/// All rules, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    by_id: BTreeMap<String, usize>,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, which never changes: `sio.event.echo`.
    pub id: String,
    /// Whom it binds.
    #[serde(deserialize_with = "roles")]
    pub roles: Vec<Role>,
    /// The part of the protocol, e.g. `eio.handshake`.
    pub area: String,
    /// How strong it is.
    pub level: Level,
    /// What it says, in a sentence.
    pub text: String,
    /// Where it comes from: a section of a protocol document, an advisory, an issue, a source file.
    pub source: String,
    /// The address of the source.
    #[serde(default)]
    pub link: Option<String>,
    /// What breaking it means to a user, in a sentence.
    pub impact: String,
    /// Why no case can cover it.
    #[serde(default)]
    pub not_coverable: Option<String>,
    /// What else is worth knowing, such as what implementations do.
    #[serde(default)]
    pub note: Option<String>,
}

/// How strong a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The protocol requires it.
    Must,
    /// Breaking it harms safety: of data, of memory, of other users.
    Security,
    /// The protocol recommends it.
    Should,
    /// The protocol allows it.
    May,
    /// The protocol is silent; the JavaScript implementation does it and others rely on it.
    Reference,
    /// Implementations differ and nobody relies on it; it is reported.
    Informational,
}

impl Level {
    /// All levels, the strongest first.
    pub const ALL: [Self; 6] = [
        Self::Must,
        Self::Security,
        Self::Should,
        Self::May,
        Self::Reference,
        Self::Informational,
    ];

    /// The word of `rules.toml` and of results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Security => "security",
            Self::Should => "should",
            Self::May => "may",
            Self::Reference => "reference",
            Self::Informational => "informational",
        }
    }

    /// Whether breaking the rule is a failure; otherwise the case ends lenient.
    pub fn is_binding(self) -> bool {
        matches!(self, Self::Must | Self::Security)
    }

    /// The level of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    #[serde(default, rename = "rule")]
    rules: Vec<Spanned<Rule>>,
}

impl Rules {
    /// Reads a register. `name` is what diagnostics call the file.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let register: Register = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            vec![Diagnostic::of_text(name, text, span, error.message(), None)]
        })?;
        let mut rules = Self::default();
        let mut diagnostics = Vec::new();
        for spanned in register.rules {
            let span = spanned.span();
            let rule = spanned.into_inner();
            if let Some((message, expected)) = rules.fault(&rule) {
                diagnostics.push(Diagnostic::of_text(
                    name,
                    text,
                    place(text, span, &rule.id),
                    message,
                    Some(expected),
                ));
            }
            rules.add(rule);
        }
        if diagnostics.is_empty() {
            Ok(rules)
        } else {
            Err(diagnostics)
        }
    }

    /// The rule of an id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.by_id.get(id).map(|index| &self.rules[*index])
    }

    /// The rules, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.rules.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// These rules and those of `more`, which win where both have one.
    pub fn extended(mut self, more: Self) -> Self {
        for rule in more.rules {
            match self.by_id.get(&rule.id) {
                Some(index) => self.rules[*index] = rule,
                None => self.add(rule),
            }
        }
        self
    }

    fn add(&mut self, rule: Rule) {
        self.by_id.insert(rule.id.clone(), self.rules.len());
        self.rules.push(rule);
    }

    /// What is wrong with a rule besides its form.
    fn fault(&self, rule: &Rule) -> Option<(String, String)> {
        let is_id_char = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
        if rule.id.is_empty() || !rule.id.bytes().all(is_id_char) {
            return Some((
                "this is no id".to_owned(),
                "lower-case words joined by `.` and `-`".to_owned(),
            ));
        }
        if self.get(&rule.id).is_some() {
            return Some((
                format!("`{}` stands here twice", rule.id),
                "each rule once".to_owned(),
            ));
        }
        if rule.roles.is_empty() {
            return Some((
                format!("`{}` binds nobody", rule.id),
                "one or more of `server`, `client`, `codec` as `roles`".to_owned(),
            ));
        }
        let texts = [
            ("area", &rule.area),
            ("text", &rule.text),
            ("source", &rule.source),
            ("impact", &rule.impact),
        ];
        let given = [
            ("link", &rule.link),
            ("not_coverable", &rule.not_coverable),
            ("note", &rule.note),
        ];
        let given = given
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.as_ref()?)));
        let (key, _) = texts
            .into_iter()
            .chain(given)
            .find(|(_, value)| value.trim().is_empty())?;
        Some((
            format!("the rule `{}` has no `{key}`", rule.id),
            format!("`{key} = \"…\"`, not empty"),
        ))
    }
}

impl<'a> IntoIterator for &'a Rules {
    type Item = &'a Rule;
    type IntoIter = std::slice::Iter<'a, Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Where in the file the id of a rule stands.
fn place(text: &str, span: Range<usize>, id: &str) -> Range<usize> {
    let quoted = format!("\"{id}\"");
    let below = text.get(span.start..).unwrap_or_default();
    match below.find(&quoted) {
        Some(at) => span.start + at..span.start + at + quoted.len(),
        None => span,
    }
}

fn roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    let role = |word: &String| match word.as_str() {
        "server" => Ok(Role::Server),
        "client" => Ok(Role::Client),
        "codec" => Ok(Role::Codec),
        other => Err(D::Error::custom(format!(
            "`{other}` is no role: `server`, `client` or `codec`"
        ))),
    };
    words.iter().map(role).collect()
}
