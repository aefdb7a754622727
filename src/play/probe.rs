//! Finds out what a server and its application can do, by playing a short script for each need.
//!
//! The scripts are the definition of the needs that `docs/server-app.md` describes and cases name.

use super::judge::Judgement;
use super::player::{TrialContext, play};
use crate::notation::{Over, parse};
use crate::suite::Trial;
use crate::target::CLIENT_WORDS;
use std::collections::BTreeMap;

/// A need, whether the script joins `/` first, and the script.
type Probe = (&'static str, bool, &'static str);

/// How often what does not answer is asked, where answers take long.
const ATTEMPTS: u32 = 3;
/// An answer that takes longer than this is a late one, in milliseconds: what waits by itself in a probe is 100 ms.
const SLOW_MS: f64 = 400.0;
/// By so much siospec may be held up, in milliseconds.
const LAG_MS: f64 = 50.0;

/// The base of every test application.
const BASE: &[Probe] = &[
    (
        "echo",
        true,
        "> 42[\"message\",\"probe\"]\n< 42[\"message-back\",\"probe\"]\n",
    ),
    (
        "ack",
        true,
        "> 421[\"message-with-ack\",\"probe\"]\n< 431[\"probe\"]\n",
    ),
    (
        "auth",
        false,
        "> 40{\"probe\":1}\n{\n< 40{\"sid\":<string>, ...}\n< 42[\"auth\",{\"probe\":1}]\n}\n",
    ),
];

/// What an application may have besides.
const FURTHER: &[Probe] = &[
    (
        "custom",
        false,
        "> 40/custom,\n< 40/custom,{\"sid\":<string>, ...}\n> 42/custom,[\"message\",1]\n< 42/custom,[\"message-back\",1]\n",
    ),
    (
        "ask",
        true,
        "> 42[\"ask\",\"probe\"]\n< 42<id:int>[\"probe\"]\n> 43<id>[\"yes\"]\n< 42[\"answer\",\"yes\"]\n",
    ),
    (
        "attach",
        true,
        "> 42[\"attach\",1]\n< 451-[\"attached\",{\"_placeholder\":true,\"num\":0}]\n< <Buffer 00 01>\n",
    ),
    (
        "burst",
        true,
        "> 42[\"burst\",2]\n< 42[\"item\",0]\n< 42[\"item\",1]\n",
    ),
    ("big", true, "> 42[\"big\",3]\n< 42[\"big\",\"aaa\"]\n"),
    ("leave", true, "> 42[\"leave\"]\n< 41\n"),
    // Who closes without having sent the event can do it wrong: that is for the cases to say.
    ("bye", true, "> 42[\"bye\"]\n< 42[\"bye\"]\n| close\n< ...\n"),
    (
        "rooms",
        true,
        "> 42[\"join\",\"probe-<sid>\"]\n> 42[\"shout\",\"probe-<sid>\",1]\n< 42[\"shout\",1]\n",
    ),
    (
        "counts",
        false,
        "> 40\n< 40{\"sid\":<own:string>, ...}\n> 42[\"count\",<own>]\n< 42[\"count\",{\"connect\":1,\"disconnect\":0}]\n",
    ),
    ("twice", true, "> 421[\"twice\",1]\n< 431[1]\n< ...\n"),
    ("unicode", true, "> 42[\"mess€ge\",1]\n< 42[\"message-back\",1]\n"),
    ("refused", false, "> 40/refused,\n< 44/refused,<any>\n"),
    (
        "guarded",
        false,
        "> 40/guarded,{\"token\":\"123\"}\n< 40/guarded,{\"sid\":<string>, ...}\n",
    ),
    ("slow", false, "> 40/slow,\n< 40/slow,{\"sid\":<string>, ...}\n"),
    (
        "dynamic",
        false,
        "> 40/dyn-1,\n< 40/dyn-1,{\"sid\":<string>, ...}\n",
    ),
];

/// What shows that a transport is offered, or that it is not: a script that passes, and what is then true. A transport
/// that is offered and broken is not lacking: that is for the cases to say.
const TRANSPORTS: &[Probe] = &[
    (
        "websocket",
        true,
        "ws> WS ?EIO=4&transport=websocket\nws< 101\nws< ...\n",
    ),
    (
        "polling",
        false,
        "> GET ?EIO=4&transport=polling\n< 400\n|= 401\n|= 403\n|= 404\n|= 405\n|= 501\n",
    ),
    (
        "upgrade",
        false,
        "> GET ?EIO=4&transport=polling\n< 200\n< 0{\"upgrades\":[], ...}\n",
    ),
];

/// Which of `websocket`, `polling` and `upgrade` the target of `context` offers, and what it has of the base of a test
/// application.
pub async fn probe_base(context: &TrialContext) -> BTreeMap<String, bool> {
    let mut found = probe_transports(context).await;
    let base = answers(BASE, &found, context).await;
    found.extend(base);
    found
}

/// What the application of the target of `context` has besides its base. A handler that is not there is told by an answer
/// that does not come in time.
pub async fn probe_further(context: &TrialContext) -> BTreeMap<String, bool> {
    answers(FURTHER, &context.capabilities, context).await
}

/// Plays these side by side over a transport that is offered.
async fn answers(
    probes: &[Probe],
    transports: &BTreeMap<String, bool>,
    context: &TrialContext,
) -> BTreeMap<String, bool> {
    let over = if transports.get("websocket").copied().unwrap_or(false) {
        Over::WebSocket
    } else {
        Over::Polling
    };
    let mut found = BTreeMap::new();
    let mut left: Vec<&Probe> = probes.iter().collect();
    for _ in 0..ATTEMPTS {
        let answers = left.iter().map(|probe| Shown::by(probe, Some(over), context));
        let shown = futures_util::future::join_all(answers).await;
        // Where others take long for an answer, or siospec is held up, none at all may only be a late one.
        let is_slow = shown.iter().any(Shown::is_slow);
        for ((need, ..), shown) in left.iter().zip(&shown) {
            found.insert((*need).to_owned(), shown.passes);
        }
        left.retain(|(need, ..)| !found[*need]);
        if left.is_empty() || !is_slow {
            break;
        }
    }
    found
}

/// Which of `websocket`, `polling` and `upgrade` the target of `context` offers.
pub async fn probe_transports(context: &TrialContext) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for (transport, offers, script) in TRANSPORTS {
        let mut offered = false;
        for _ in 0..ATTEMPTS {
            let shown = Shown::by(&(*transport, false, *script), None, context).await;
            offered = shown.passes == *offers;
            // What lacks a transport says so soon.
            if offered || shown.wall_ms < SLOW_MS {
                break;
            }
        }
        found.insert((*transport).to_owned(), offered);
    }
    let (websocket, polling) = (found["websocket"], found["polling"]);
    found
        .entry("upgrade".to_owned())
        .and_modify(|upgrade| *upgrade &= websocket && polling);
    found
}

/// All needs, met: what an application can do that has everything of `docs/server-app.md`.
pub fn every_need() -> BTreeMap<String, bool> {
    let probes = TRANSPORTS.iter().chain(BASE).chain(FURTHER);
    probes.map(|(need, _, _)| ((*need).to_owned(), true)).collect()
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    passes: bool,
    wall_ms: f64,
    lag_ms: f64,
}

impl Shown {
    async fn by((need, given, script): &Probe, over: Option<Over>, context: &TrialContext) -> Self {
        let Some(trial) = trial(need, over, *given, script) else {
            return Self::default();
        };
        let outcome = play(&trial, context).await;
        Self {
            passes: matches!(outcome.judgement, Judgement::Pass | Judgement::Lenient(_)),
            wall_ms: outcome.wall_ms,
            lag_ms: outcome.lag_ms,
        }
    }

    /// Whether it passes, and late; or siospec was held up.
    fn is_slow(&self) -> bool {
        self.passes && self.wall_ms > SLOW_MS || self.lag_ms > LAG_MS
    }
}

/// A session script over a transport, or a wire script.
fn trial(need: &str, over: Option<Over>, given: bool, script: &str) -> Option<Trial> {
    let over_line = over.map_or_else(String::new, |over| format!("over: {}\n", over.word()));
    let given = if given { "given: connected\n" } else { "" };
    let text = format!("title: Probe for {need}\nrule: probe\n{over_line}{given}\n{script}");
    let case = parse("probe", &text).ok()?;
    Some(Trial::bare(format!("probe/{need}"), over, case, text))
}

/// Which of the needs of client scripts these words of a hello meet; words that siospec does not know count too.
pub fn client_needs(words: &[String]) -> BTreeMap<String, bool> {
    let known = CLIENT_WORDS.iter().map(|need| ((*need).to_owned(), false));
    known
        .chain(words.iter().map(|word| (word.clone(), true)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_is_a_valid_script() {
        for (need, given, script) in BASE.iter().chain(FURTHER) {
            assert!(
                trial(need, Some(Over::WebSocket), *given, script).is_some(),
                "{need}"
            );
        }
        for (transport, _, script) in TRANSPORTS {
            assert!(trial(transport, None, false, script).is_some(), "{transport}");
        }
    }
}
