//! What is played, and what is skipped by name.

use crate::notation::nearest;
use crate::notation::{Action, At, Duration, Item, Over, OwnAction, Role, Step, Unit};
use crate::play::every_need;
use crate::suite::Trial;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is known of a running instance of the target before the first trial.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    /// Need → whether it is met.
    pub(super) capabilities: BTreeMap<String, bool>,
    /// The values that durations name, in milliseconds.
    pub(super) timers: BTreeMap<&'static str, f64>,
}

impl About {
    /// The same, with the heartbeat that siospec itself announces to clients.
    fn with_timers_of(&self, trial: &Trial) -> Cow<'_, Self> {
        let header = &trial.case.header;
        if header.role != Role::Client {
            return Cow::Borrowed(self);
        }
        let mut about = self.clone();
        let members = header.handshake.as_deref().map(serde_json::from_str::<Value>);
        let members = members.and_then(Result::ok).unwrap_or_default();
        for (name, usual) in [("pingInterval", 25_000.0), ("pingTimeout", 20_000.0)] {
            about.timers.insert(name, members[name].as_f64().unwrap_or(usual));
        }
        Cow::Owned(about)
    }
}

/// What the one who runs siospec allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// Cases that may end or burden the target.
    pub(super) hazards: bool,
    /// The longest that a trial may wait, in milliseconds.
    pub(super) max_wait_ms: f64,
}

/// What becomes of a trial.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fate {
    /// It is played; it will wait about this many milliseconds for timers.
    Play(f64),
    /// It is skipped, for this reason.
    Skip(String),
}

/// The names of durations that belong to the target.
const TIMERS: [&str; 3] = ["pingInterval", "pingTimeout", "connectTimeout"];

/// How long an answer may take where a script does not say it, in milliseconds.
const ANSWER_MS: f64 = 1000.0;

/// How long a server may leave a poll open in an upgrade: the original one looks this often whether one is left.
const UPGRADE_MS: f64 = 100.0;

/// Decides about a trial that would be played on an instance of which this is known.
pub(super) fn fate(trial: &Trial, about: &About, allowed: Allowed) -> Fate {
    let about = &about.with_timers_of(trial);
    let missing = missing(trial, about);
    if !missing.is_empty() {
        let unknown = unknown_need(trial).unwrap_or_default();
        return Fate::Skip(format!("needs {}{unknown}", missing.join(", ")));
    }
    if trial.case.header.hazard.is_some() && !allowed.hazards {
        return Fate::Skip(
            "a hazard to the target: played where siospec starts it, or with --hazards".to_owned(),
        );
    }
    let upgrade = if trial.over == Some(Over::Upgraded) {
        UPGRADE_MS
    } else {
        0.0
    };
    let wait = expected_wait(&trial.case.script, about) + upgrade;
    if wait > allowed.max_wait_ms {
        let seconds = |ms: f64| ms / 1000.0;
        return Fate::Skip(format!(
            "waits longer than --max-wait {:.1}s",
            seconds(allowed.max_wait_ms)
        ));
    }
    Fate::Play(wait)
}

/// How long a trial waits at least, whatever the timers of the target, in milliseconds.
pub(super) fn least_wait(trial: &Trial) -> f64 {
    expected_wait(&trial.case.script, &About::default())
}

/// How many steps the script of a trial has, repetitions counted: the longer it is, the more it may have to wait for.
pub(super) fn length(trial: &Trial) -> f64 {
    let steps = steps(&trial.case.script);
    steps.iter().map(|step| f64::from(step.repeat)).sum()
}

/// What the trial needs and the target lacks.
fn missing(trial: &Trial, about: &About) -> Vec<String> {
    let transport = trial.over.map(|over| match over {
        Over::Upgraded => "upgrade",
        Over::WebSocket | Over::Polling => over.word(),
    });
    let named = trial.case.header.needs.iter().map(String::as_str);
    let mut missing: Vec<String> = Vec::new();
    for need in transport.into_iter().chain(named) {
        if !about.capabilities.get(need).copied().unwrap_or(false)
            && !missing.iter().any(|known| known == need)
        {
            missing.push(need.to_owned());
        }
    }
    let timers = TIMERS
        .into_iter()
        .filter(|timer| !about.timers.contains_key(timer));
    let used = names(&trial.case.script);
    missing.extend(
        timers
            .filter(|timer| used.contains(timer))
            .map(|timer| format!("a known {timer}")),
    );
    missing
}

/// What is said of a need that no server can meet, as siospec does not know it. Drivers of clients may have words of their own.
fn unknown_need(trial: &Trial) -> Option<String> {
    let header = &trial.case.header;
    let known = every_need();
    let unknown = header.needs.iter().find(|need| !known.contains_key(*need))?;
    if header.role != Role::Server {
        return None;
    }
    let near = nearest(unknown, known.keys().map(String::as_str));
    let or = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Some(format!(" (docs/server-app.md has no `{unknown}`{or})"))
}

/// How long the script waits for timers, in milliseconds: what it lets pass, and what is due at a time of the target's.
fn expected_wait(script: &[Item], about: &About) -> f64 {
    let ms = |duration: &Duration| resolved(duration, about);
    let mut sum = 0.0;
    for step in steps(script) {
        let due = match &step.timing.at {
            Some(At::About(duration)) => ms(duration),
            Some(At::Between(_, latest)) => ms(latest),
            None => 0.0,
        };
        let by = step
            .timing
            .within
            .as_ref()
            .filter(|within| is_named(within))
            .map_or(0.0, ms);
        let own = match &step.action {
            Action::Own(OwnAction::Wait(duration)) => ms(duration),
            _ => 0.0,
        };
        sum += (due.max(by) + own) * f64::from(step.repeat);
    }
    sum
}

/// How long a trial waits for what does not come, in milliseconds.
pub(super) fn longest_deadline(trial: &Trial, about: &About) -> f64 {
    let about = &about.with_timers_of(trial);
    let steps = steps(&trial.case.script);
    let deadlines = steps.iter().filter_map(|step| step.timing.within.as_ref());
    deadlines
        .map(|within| resolved(within, about))
        .fold(ANSWER_MS, f64::max)
}

/// A duration in milliseconds; a timer that is not known counts as none.
fn resolved(duration: &Duration, about: &About) -> f64 {
    let lookup = |name: &str| Some(about.timers.get(name).copied().unwrap_or(0.0));
    duration.resolve(lookup).unwrap_or(0.0)
}

fn names(script: &[Item]) -> Vec<&str> {
    let mut names = Vec::new();
    for step in steps(script) {
        let at = step.timing.at.iter().flat_map(|at| match at {
            At::About(duration) => vec![duration],
            At::Between(earliest, latest) => vec![earliest, latest],
        });
        let waited = match &step.action {
            Action::Own(OwnAction::Wait(duration)) => Some(duration),
            _ => None,
        };
        for duration in at.chain(&step.timing.within).chain(waited) {
            names.extend(duration.0.iter().filter_map(|term| match &term.unit {
                Unit::Named(name) => Some(name.as_str()),
                Unit::Milliseconds | Unit::Seconds => None,
            }));
        }
    }
    names
}

fn is_named(duration: &Duration) -> bool {
    duration.0.iter().any(|term| matches!(term.unit, Unit::Named(_)))
}

fn steps(script: &[Item]) -> Vec<&Step> {
    let mut found = Vec::new();
    for item in script {
        match item {
            Item::Step(step) => found.push(step),
            Item::AnyOrder(items) => found.append(&mut steps(items)),
            Item::Blank | Item::Comment(_) | Item::Template(_) => {}
        }
    }
    found
}
