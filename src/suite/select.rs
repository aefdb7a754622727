//! Which trials are played.

use super::expand::Trial;
use super::rules::Level;
use super::vectors::Vector;
use crate::notation::{Over, Role};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What was asked for. Every part that is not empty must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Ids: a whole id, the id of a case without its values, a part of ids, or a glob (`*` and `?`) of whole ids.
    pub patterns: Vec<String>,
    /// Ids of rules, or globs of them.
    pub rules: Vec<String>,
    /// Transports, for session scripts; wire scripts are not played then.
    pub over: Vec<Over>,
    /// Levels.
    pub levels: Vec<Level>,
    /// Who is tested.
    pub role: Option<Role>,
    /// A part of what is left.
    pub partition: Option<Partition>,
}

/// What was selected.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// The trials, in the order in which they were given.
    pub trials: Vec<Trial>,
    /// The patterns and rules that fit nothing at all, or nothing of the role.
    pub unmatched: Vec<String>,
}

/// One of several parts of all trials, the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Which, from 1.
    pub part: u32,
    /// Of how many.
    pub of: u32,
}

impl Selection {
    /// Takes the vectors that were asked for, and the patterns and rules that fit nothing at all. A transport or another
    /// role selects none.
    pub fn select_vectors(&self, vectors: &[Arc<Vector>]) -> (Vec<Arc<Vector>>, Vec<String>) {
        let is_id = |pattern: &str| vectors.iter().any(|vector| vector.id == pattern);
        let patterns: Vec<Matcher<'_>> = self.patterns.iter().map(|p| Matcher::of(p, is_id(p))).collect();
        let rules: Vec<Matcher<'_>> = self.rules.iter().map(|rule| Matcher::of_rule(rule)).collect();
        let by_id = self.patterns.iter().zip(&patterns);
        let lost_ids = by_id.filter(|(_, m)| !vectors.iter().any(|v| m.fits(&v.id, &v.id)));
        let by_rule = self.rules.iter().zip(&rules);
        let lost_rules = by_rule.filter(|(_, m)| !vectors.iter().any(|v| m.fits(&v.rule, &v.rule)));
        let unmatched = lost_ids.chain(lost_rules).map(|(text, _)| text.clone()).collect();
        let is_selected = |vector: &&Arc<Vector>| {
            (patterns.is_empty() || patterns.iter().any(|p| p.fits(&vector.id, &vector.id)))
                && (rules.is_empty() || rules.iter().any(|r| r.fits(&vector.rule, &vector.rule)))
                && self.over.is_empty()
                && (self.levels.is_empty() || self.levels.contains(&vector.level))
                && self.role.is_none_or(|role| role == Role::Codec)
                && self
                    .partition
                    .is_none_or(|partition| partition.holds(&vector.id, "vector"))
        };
        (vectors.iter().filter(is_selected).cloned().collect(), unmatched)
    }

    /// Takes the trials that were asked for.
    pub fn select(&self, trials: Vec<Trial>) -> Selected {
        let mut unmatched = Vec::new();
        let patterns: Vec<Matcher<'_>> = self
            .patterns
            .iter()
            .map(|p| Matcher::of_ids(p, &trials))
            .collect();
        // What fits cases of somebody else only is nothing to whom is tested.
        let of_role = |trial: &Trial| self.role.is_none_or(|role| role == trial.case.header.role);
        for (pattern, matcher) in self.patterns.iter().zip(&patterns) {
            if !trials
                .iter()
                .any(|trial| of_role(trial) && matcher.fits(&trial.id, &trial.loaded.id))
            {
                unmatched.push(pattern.clone());
            }
        }
        let rules: Vec<Matcher<'_>> = self.rules.iter().map(|rule| Matcher::of_rule(rule)).collect();
        let fits_rule = |trial: &Trial, matcher: &Matcher<'_>| {
            trial
                .case
                .header
                .rules
                .iter()
                .any(|rule| matcher.fits(rule, rule))
        };
        for (rule, matcher) in self.rules.iter().zip(&rules) {
            if !trials
                .iter()
                .any(|trial| of_role(trial) && fits_rule(trial, matcher))
            {
                unmatched.push(rule.clone());
            }
        }
        let is_selected = |trial: &Trial| {
            (patterns.is_empty() || patterns.iter().any(|p| p.fits(&trial.id, &trial.loaded.id)))
                && (rules.is_empty() || rules.iter().any(|rule| fits_rule(trial, rule)))
                && (self.over.is_empty() || trial.over.is_some_and(|over| self.over.contains(&over)))
                && (self.levels.is_empty() || self.levels.contains(&trial.loaded.level))
                && of_role(trial)
                && self
                    .partition
                    .is_none_or(|partition| partition.holds(&trial.id, trial.over_word()))
        };
        Selected {
            trials: trials.into_iter().filter(is_selected).collect(),
            unmatched,
        }
    }
}

/// How a pattern is understood.
enum Matcher<'p> {
    Whole(&'p str),
    Part(&'p str),
    Glob(&'p str),
}

impl<'p> Matcher<'p> {
    /// A whole id where there is one, otherwise a glob or a part.
    fn of_ids(pattern: &'p str, trials: &[Trial]) -> Self {
        let is_whole = trials
            .iter()
            .any(|trial| trial.id == pattern || trial.loaded.id == pattern);
        Self::of(pattern, is_whole)
    }

    fn of(pattern: &'p str, is_whole: bool) -> Self {
        match (is_whole, pattern.contains(['*', '?'])) {
            (true, _) => Self::Whole(pattern),
            (_, true) => Self::Glob(pattern),
            _ => Self::Part(pattern),
        }
    }

    fn of_rule(pattern: &'p str) -> Self {
        if pattern.contains(['*', '?']) {
            Self::Glob(pattern)
        } else {
            Self::Whole(pattern)
        }
    }

    fn fits(&self, id: &str, case: &str) -> bool {
        match self {
            Self::Whole(whole) => id == *whole || case == *whole,
            Self::Part(part) => id.contains(part),
            Self::Glob(glob) => fits_glob(glob, id) || fits_glob(glob, case),
        }
    }
}

/// Whether a text fits a glob: `*` is any text, also with `/` in it, `?` any character.
pub fn fits_glob(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (g, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

impl Partition {
    /// Whether a trial belongs to this part. It depends on nothing but its id and transport.
    pub fn holds(&self, id: &str, over: &str) -> bool {
        let bytes = id.bytes().chain([0]).chain(over.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        // The low bits of FNV are the weak ones.
        (hash ^ hash >> 32) % u64::from(self.of.max(1)) + 1 == u64::from(self.part)
    }
}

/// A partition that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no partition: expected `hash:K/N` with K from 1 to N, such as `hash:1/4`")]
pub struct PartitionError(String);

impl FromStr for Partition {
    type Err = PartitionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (part, of) = text.strip_prefix("hash:")?.split_once('/')?;
            let number = |text: &str| {
                text.bytes()
                    .all(|b| b.is_ascii_digit())
                    .then(|| text.parse().ok())
                    .flatten()
            };
            let (part, of): (u32, u32) = (number(part)?, number(of)?);
            (1 <= part && part <= of).then_some(Self { part, of })
        };
        read().ok_or_else(|| PartitionError(text.to_owned()))
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hash:{}/{}", self.part, self.of)
    }
}
