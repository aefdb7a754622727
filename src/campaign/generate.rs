//! Which input a run has: it follows from the seed and the number of the run alone.
//!
//! To fill the model costs more than most codecs take to decode what comes of it. So it is filled for some runs of a batch
//! only; the others have siblings of these, or damaged vectors.

use super::input::Input;
use super::inputs::Inputs;
use super::model;
use super::mutate;
use super::random::Random;
use super::vary::{vary, vary_packet};
use crate::suite::{Codec, Frame, Operation, Vector};
use arbitrary::Unstructured;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many runs are asked about together: they are of one codec and one direction.
pub(super) const BATCH: u64 = 1024;
/// One run of so many has an input of its own from the model.
const FRESH: u64 = 32;
/// So many packets for an encoder are made before the first of them is varied.
const PACKETS: usize = 16;
/// So many bytes more than it needs has a text that is going to be changed.
const ROOM: usize = 256;
/// Vectors with more bytes than this are not mutated: they are about size alone.
const LONGEST: usize = 2_048;
/// The codecs whose decoders are asked in turn. They read what strangers send, and there is more to be wrong in packets of
/// Socket.IO.
const DECODERS: [Codec; 11] = [
    Codec::SocketPacket,
    Codec::EnginePayload,
    Codec::SocketPacket,
    Codec::EnginePacket,
    Codec::SocketPacket,
    Codec::EnginePayload,
    Codec::SocketPacket,
    Codec::EnginePacket,
    Codec::SocketPacket,
    Codec::EnginePayload,
    Codec::SocketPacket,
];
/// The encoders, of which one has its turn after all of those: what they are given comes from the application itself, and
/// there are few different packets of Engine.IO.
const ENCODERS: [Codec; 4] = [
    Codec::SocketPacket,
    Codec::EnginePayload,
    Codec::SocketPacket,
    Codec::EnginePacket,
];

/// Makes inputs.
#[derive(Debug)]
pub(super) struct Generator {
    seed: u64,
    turns: Vec<(Codec, bool)>,
    seeds: BTreeMap<Codec, Seeds>,
}

/// What the vectors of a codec have.
#[derive(Debug, Default)]
struct Seeds {
    decoded: Vec<Vec<Frame>>,
    frames: Vec<Frame>,
    encoded: Vec<Value>,
}

impl Generator {
    /// A generator for these codecs, of which there must be one.
    pub(super) fn new(seed: u64, vectors: &[Arc<Vector>], codecs: &[Codec]) -> Self {
        let mut seeds: BTreeMap<Codec, Seeds> = BTreeMap::new();
        for vector in vectors {
            let known = seeds.entry(vector.codec).or_default();
            match &vector.operation {
                Operation::Decode(frames) => {
                    let plain = |frame: &Frame| match frame {
                        Frame::Text(text) => text.len() <= LONGEST,
                        Frame::Binary(bytes) => bytes.len() <= LONGEST,
                        Frame::Reset => true,
                        Frame::Odd(_) => false,
                    };
                    if !frames.is_empty() && frames.iter().all(plain) {
                        known.frames.extend(frames.iter().cloned());
                        known.decoded.push(frames.clone());
                    }
                }
                Operation::Encode(packet, 1) | Operation::RoundTrip(packet) => {
                    known.encoded.push(packet.clone());
                }
                Operation::Encode(..) => {}
            }
        }
        let turns = ENCODERS.into_iter().flat_map(|encoder| {
            let decoders = DECODERS.into_iter().map(|codec| (codec, false));
            decoders.chain([(encoder, true)])
        });
        let turns = turns.filter(|(codec, _)| codecs.contains(codec)).collect();
        Self { seed, turns, seeds }
    }

    /// The inputs of `count` runs from `first` on.
    pub(super) fn inputs(&self, first: u64, count: u64) -> Vec<Input> {
        let (mut all, mut some) = (Vec::new(), Inputs::default());
        let (mut run, end) = (first, first + count);
        while run < end {
            let until = end.min((run / BATCH + 1) * BATCH);
            self.fill(run, until - run, &mut some);
            all.extend(some.iter());
            run = until;
        }
        all
    }

    /// After how many batches the same kinds of inputs come again in the same order.
    pub(super) fn period(&self) -> u64 {
        self.turns.len().max(1) as u64
    }

    /// The codec of a batch, and whether its encoder is asked.
    pub(super) fn turn(&self, batch: u64) -> (Codec, bool) {
        let turn = usize::try_from(batch % self.period()).unwrap_or(0);
        self.turns.get(turn).copied().unwrap_or((DECODERS[0], false))
    }

    /// Makes the inputs of `count` runs from `first` on, all of one batch, in place of others, whose memory is used again.
    pub(super) fn fill(&self, first: u64, count: u64, inputs: &mut Inputs) {
        let batch = first / BATCH;
        let end = first + count;
        let (codec, encode) = self.turn(batch);
        let nothing = Seeds::default();
        let seeds = self.seeds.get(&codec).unwrap_or(&nothing);
        let random = |run| Random::of_run(self.seed, run);
        inputs.begin(codec, encode);
        if encode {
            let mut made = Vec::new();
            // Each packet is made of those before it, so that all of them are made.
            for run in batch * BATCH..end {
                let packet = next_packet(codec, run, &mut made, &seeds.encoded, &mut random(run));
                if run >= first {
                    inputs.next_packet().fill(codec, packet);
                }
            }
            return;
        }
        let fresh = (batch * BATCH..(batch + 1) * BATCH).step_by(FRESH as usize);
        let fresh: Vec<Vec<Frame>> = fresh.map(|run| frames(codec, &mut random(run))).collect();
        let mut frames = Vec::new();
        for run in first..end {
            match run % FRESH {
                0 => assign(&mut frames, &fresh[(run % BATCH / FRESH) as usize]),
                _ => sibling_frames(&mut frames, &fresh, seeds, &mut random(run)),
            }
            fit(codec, &mut frames);
            inputs.push(&frames);
        }
    }
}

/// Makes a copy in place of other frames.
fn assign(frames: &mut Vec<Frame>, from: &[Frame]) {
    frames.truncate(from.len());
    let (same, more) = from.split_at(frames.len());
    for (old, new) in frames.iter_mut().zip(same) {
        match (old, new) {
            (Frame::Text(old), Frame::Text(new)) => old.clone_from(new),
            (Frame::Binary(old), Frame::Binary(new)) => old.clone_from(new),
            (old, new) => *old = new.clone(),
        }
    }
    frames.extend(more.iter().map(|frame| match frame {
        Frame::Text(text) => {
            // What becomes of it next is often longer.
            let mut roomy = String::with_capacity(text.len() + ROOM);
            roomy.push_str(text);
            Frame::Text(roomy)
        }
        other => other.clone(),
    }));
}

/// Frames of the model. It never fails: at the end of its bytes all is as small as it can be.
fn frames(codec: Codec, random: &mut Random) -> Vec<Frame> {
    let bytes = random.bytes(300);
    model::frames(codec, &mut Unstructured::new(&bytes)).unwrap_or_default()
}

/// Makes frames of the model or of a vector in which something is changed.
fn sibling_frames(frames: &mut Vec<Frame>, fresh: &[Vec<Frame>], seeds: &Seeds, random: &mut Random) {
    let from_model = seeds.decoded.is_empty() || random.once_in(2);
    let from = if from_model { fresh } else { &seeds.decoded };
    assign(frames, random.pick(from).map(Vec::as_slice).unwrap_or_default());
    if from_model && !random.once_in(3) {
        vary(frames, random);
    } else {
        mutate::damage(frames, &seeds.frames, random);
    }
}

/// Leaves what this codec can be given.
fn fit(codec: Codec, frames: &mut Vec<Frame>) {
    if codec == Codec::EnginePayload {
        frames.truncate(1);
        if !matches!(frames.first(), Some(Frame::Text(_))) {
            *frames = vec![Frame::Text(String::new())];
        }
    }
    if codec == Codec::EnginePacket {
        frames.retain(|frame| *frame != Frame::Reset);
    }
}

/// A packet of the model.
fn packet(codec: Codec, random: &mut Random) -> Value {
    let bytes = random.bytes(200);
    model::packet(codec, &mut Unstructured::new(&bytes)).unwrap_or(Value::Null)
}

/// The packet of a run: one of the model, one that was made before in which something else is changed, or now and then one of
/// a vector as it is, since what an encoder makes of values that are no packets is nobody's affair.
fn next_packet<'a>(
    codec: Codec,
    run: u64,
    made: &'a mut Vec<Value>,
    encoded: &'a [Value],
    random: &mut Random,
) -> &'a Value {
    if run.is_multiple_of(FRESH) || made.len() < PACKETS {
        made.push(packet(codec, random));
        return &made[made.len() - 1];
    }
    if random.once_in(16)
        && let Some(packet) = random.pick(encoded)
        && packet.as_array().is_none_or(|packets| !packets.is_empty())
    {
        return packet;
    }
    let at = random.below(made.len());
    let packet = &mut made[at];
    vary_packet(packet, random);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::load_builtin;
    use std::collections::BTreeSet;

    #[test]
    fn inputs_are_those_of_the_seed_in_batches_of_one_kind_and_hardly_ever_the_same() {
        let vectors = load_builtin().vectors;
        let generator = |seed| Generator::new(seed, &vectors, &Codec::ALL);
        let (one, other) = (generator(1), generator(2));
        assert_eq!(one.inputs(256, 700), generator(1).inputs(256, 700));
        assert_eq!(one.inputs(0, 700)[500..], one.inputs(500, 200));
        assert_ne!(one.inputs(0, 256), other.inputs(0, 256));
        let mut kinds: BTreeMap<_, (usize, BTreeSet<String>)> = BTreeMap::new();
        for batch in 0..one.period() {
            let inputs = one.inputs(batch * BATCH, BATCH);
            let kind = (inputs[0].codec, inputs[0].is_encoded());
            assert!(
                inputs
                    .iter()
                    .all(|input| (input.codec, input.is_encoded()) == kind)
            );
            let (all, different) = kinds.entry(kind).or_default();
            *all += inputs.len();
            different.extend(inputs.iter().map(|input| input.to_json().to_string()));
        }
        assert_eq!(kinds.len(), 6);
        for ((codec, encode), (all, different)) in kinds {
            let differ = different.len();
            // There are few packets of Engine.IO that an encoder could be given.
            let least = match (codec, encode) {
                (_, false) => all / 10 * 7,
                (Codec::SocketPacket, true) => all / 2,
                (_, true) => all / 25,
            };
            assert!(
                differ > least,
                "{codec:?} {encode}: {differ} of {all} inputs differ"
            );
        }
    }

    #[test]
    fn one_codec_may_be_chosen() {
        for codec in Codec::ALL {
            let generator = Generator::new(1, &[], &[codec]);
            let inputs = generator.inputs(0, generator.period() * BATCH);
            assert!(inputs.iter().all(|input| input.codec == codec));
            assert!(inputs.iter().any(Input::is_encoded), "{codec:?}");
        }
    }
}
