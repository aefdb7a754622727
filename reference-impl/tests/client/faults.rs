//! Every fault of the client shows, and only when it was asked for.

use std::collections::BTreeSet;

use reference_impl::client::{
    ClientOptions, ClientStack,
    faults::{self, Fault},
};

use crate::{
    bench::chance,
    obliging::Obliging,
    scenarios::{self, Scenario, WAYS},
};

/// Faults of frames, which only a WebSocket on a real connection has (`tests/driver`).
const ON_THE_WIRE: [&str; 3] = ["unmasked-frames", "no-pong-frames", "fragments-are-messages"];

/// The log of a scenario over one transport.
fn play((_, options, manners, act): &Scenario, way: usize, fault: Option<Fault>) -> String {
    let options = ClientOptions {
        transports: WAYS[way].to_vec(),
        ..options()
    };
    let stack = match fault {
        Some(fault) => ClientStack::with_fault(options, fault, chance),
        None => ClientStack::new(options, chance),
    };
    let mut obliging = Obliging::new(stack, *manners);
    act(&mut obliging);
    obliging.log().to_owned()
}

fn plays() -> Vec<(Scenario, usize)> {
    let ways = |scenario: Scenario| (0..WAYS.len()).map(move |way| (scenario, way));
    scenarios::all().into_iter().flat_map(ways).collect()
}

#[test]
fn each_fault_shows_in_a_scenario() {
    let plays = plays();
    let sound: Vec<_> = plays
        .iter()
        .map(|(scenario, way)| play(scenario, *way, None))
        .collect();
    let mut hidden = Vec::new();
    for fault in faults::ALL {
        let own = faults::by_name(fault.name);
        let shows = plays
            .iter()
            .zip(&sound)
            .any(|((scenario, way), sound)| play(scenario, *way, own) != *sound);
        if !shows && !ON_THE_WIRE.contains(&fault.name) {
            hidden.push(fault.name);
        }
    }
    assert_eq!(hidden, [""; 0], "faults that change nothing");
}

#[test]
fn the_sound_client_is_the_same_each_time() {
    for (scenario, way) in plays() {
        assert_eq!(
            play(&scenario, way, None),
            play(&scenario, way, None),
            "{} {way}",
            scenario.0
        );
    }
}

#[test]
fn names_are_unique_and_every_fault_says_what_it_breaks() {
    let names: BTreeSet<_> = faults::ALL.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), faults::ALL.len());
    for fault in faults::ALL {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(fault.name.bytes().all(is_plain));
        assert!(
            !fault.breaks.is_empty() && !fault.area.is_empty(),
            "{}",
            fault.name
        );
        let begins = |first: char| first.is_ascii_lowercase();
        assert!(
            fault.sentence.starts_with(begins) && !fault.sentence.ends_with('.'),
            "{}",
            fault.name
        );
    }
    assert!(faults::by_name("no-such-fault").is_none());
}
