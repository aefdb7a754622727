//! Every fault shows, and only when it was asked for.

use std::collections::BTreeSet;

use reference_impl::{
    Options,
    faults::{self, Fault},
};

use crate::{
    bench::Bench,
    scenarios::{self, Scenario},
};

/// Faults of frames, which only a WebSocket on a real connection has (`tests/io.rs`).
const ON_THE_WIRE: [&str; 6] = [
    "fragments-are-messages",
    "ignores-ping-frames",
    "ignores-close-frames",
    "accepts-unmasked-frames",
    "ignores-reserved-bits",
    "drops-invalid-utf8",
];

fn play((_, variant, act): &Scenario, fault: Option<Fault>) -> String {
    let mut bench = Bench::new(&Options {
        fault,
        ..Options::with_variant(variant).expect("a variant")
    });
    act(&mut bench);
    bench.log().to_owned()
}

#[test]
fn each_fault_shows_in_a_scenario() {
    let sound: Vec<_> = scenarios::ALL
        .iter()
        .map(|scenario| play(scenario, None))
        .collect();
    let mut hidden = Vec::new();
    for fault in faults::ALL {
        let own = faults::by_name(fault.name);
        let shows = scenarios::ALL
            .iter()
            .zip(&sound)
            .any(|(scenario, sound)| play(scenario, own) != *sound);
        if !shows && !ON_THE_WIRE.contains(&fault.name) {
            hidden.push(fault.name);
        }
    }
    assert_eq!(hidden, [""; 0], "faults that change nothing");
}

#[test]
fn the_sound_server_is_the_same_each_time() {
    for scenario in scenarios::ALL {
        assert_eq!(play(scenario, None), play(scenario, None), "{}", scenario.0);
    }
}

#[test]
fn names_are_unique_and_every_fault_says_what_it_breaks() {
    let names: BTreeSet<_> = faults::ALL.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), faults::ALL.len());
    for fault in faults::ALL {
        assert!(
            fault
                .name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        );
        assert!(
            !fault.breaks.is_empty() && !fault.area.is_empty(),
            "{}",
            fault.name
        );
        assert!(
            fault
                .sentence
                .starts_with(|first: char| first.is_ascii_lowercase()),
            "{}",
            fault.name
        );
        assert!(!fault.sentence.ends_with('.'), "{}", fault.name);
    }
    assert!(faults::by_name("no-such-fault").is_none());
}
