//! Faults of connection state recovery.

use super::{
    Entry,
    parts::{Dies, Misconfigured, Outgoing, text, with_field},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "recovery-off",
        area: "recovery",
        breaks: &["sio.recovery.pid-present", "sio.recovery.offset-appended"],
        sentence: "keeps nothing although it was told to",
        build: || Box::new(Misconfigured::new(|_, socket| socket.recovery = None)),
    },
    Entry {
        name: "recovery-always",
        area: "recovery",
        breaks: &["sio.recovery.off-by-default", "sio.connect.response-sid-only"],
        sentence: "keeps sessions although nobody told it to",
        build: || Box::new(Misconfigured::new(|_, socket| socket.recovery = Some(2000))),
    },
    Entry {
        name: "pid-is-sid",
        area: "recovery",
        breaks: &["sio.recovery.pid-present"],
        sentence: "uses the public id as the private one",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    match text
                        .split("\"sid\":\"")
                        .nth(1)
                        .and_then(|rest| rest.split('"').next())
                    {
                        Some(sid) if text.starts_with('0') => with_field(&text, "pid", &format!("\"{sid}\"")),
                        _ => text,
                    }
                })
            }))
        },
    },
    Entry {
        name: "forgets-absent-clients",
        area: "recovery",
        breaks: &["sio.recovery.restore", "sio.recovery.missed-packets"],
        sentence: "keeps no session of a client that is away",
        build: || {
            Box::new(Misconfigured::new(|_, socket| {
                socket.recovery = socket.recovery.map(|_| 0);
            }))
        },
    },
    Entry {
        name: "remembers-absent-clients",
        area: "recovery",
        breaks: &["sio.recovery.expired"],
        sentence: "keeps sessions for ever",
        build: || {
            Box::new(Misconfigured::new(|_, socket| {
                socket.recovery = socket.recovery.map(|_| u64::MAX / 4);
            }))
        },
    },
    Entry {
        name: "dies-of-numeric-pid",
        area: "recovery",
        breaks: &["sio.recovery.non-string"],
        sentence: "dies when a client comes back with a number for an id",
        build: || {
            Box::new(Dies::of(|text| {
                text.starts_with('0') && (text.contains("\"pid\":1") || text.contains("\"pid\":{"))
            }))
        },
    },
];
