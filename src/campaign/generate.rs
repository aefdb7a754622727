//! Which input a run has: it follows from the seed and the number of the run alone.
//!
//! To fill the model costs more than most codecs take to decode what comes of it. So it is filled for some runs of a batch
//! only; the others have siblings of these, or damaged vectors.

use super::input::{Given, Input, Packet};
use super::model;
use super::mutate;
use super::random::Random;
use super::vary::{vary, vary_packet};
use crate::suite::{Codec, Frame, Operation, Vector};
use arbitrary::Unstructured;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// How many runs are asked about together: they are of one codec and one direction. A request and its answer mostly fit
/// into a pipe (64 KiB), so that neither side waits for the other to read.
pub(super) const BATCH: u64 = 512;
/// One run of so many has an input of its own from the model.
const FRESH: u64 = 16;
/// Vectors with more bytes than this are not mutated: they are about size alone.
const LONGEST: usize = 2_048;
/// Which way the batches go in turn. Decoders read what strangers send, encoders do not; and there is more to be wrong in
/// packets of Socket.IO.
const TURNS: [(Codec, bool); 11] = [
    (Codec::SocketPacket, false),
    (Codec::EnginePayload, false),
    (Codec::SocketPacket, false),
    (Codec::SocketPacket, true),
    (Codec::SocketPacket, false),
    (Codec::EnginePacket, false),
    (Codec::SocketPacket, false),
    (Codec::EnginePayload, true),
    (Codec::SocketPacket, false),
    (Codec::EnginePayload, false),
    (Codec::SocketPacket, false),
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
        let mut turns: Vec<_> = TURNS
            .into_iter()
            .filter(|(codec, _)| codecs.contains(codec))
            .collect();
        if codecs == [Codec::EnginePacket] || codecs.len() > 1 && codecs.contains(&Codec::EnginePacket) {
            turns.push((Codec::EnginePacket, true));
        }
        Self { seed, turns, seeds }
    }

    /// The inputs of `count` runs from `first` on; all are of one codec and direction where `first` is a multiple of
    /// [`BATCH`] and `count` is not more.
    pub(super) fn inputs(&self, first: u64, count: u64) -> Vec<Input> {
        let mut inputs = Vec::new();
        self.fill(first, count, &mut inputs);
        inputs
    }

    /// The same in place of other inputs, whose memory is used again.
    pub(super) fn fill(&self, first: u64, count: u64, inputs: &mut Vec<Input>) {
        let mut slots = Slots { inputs, filled: 0 };
        let (mut run, end) = (first, first + count);
        while run < end {
            let batch = run / BATCH;
            let until = end.min((batch + 1) * BATCH);
            self.fill_batch(batch, run..until, &mut slots);
            run = until;
        }
        slots.inputs.truncate(slots.filled);
    }

    /// Makes the inputs of some runs of a batch.
    fn fill_batch(&self, batch: u64, runs: Range<u64>, slots: &mut Slots<'_>) {
        let turn = usize::try_from(batch).unwrap_or(0) % self.turns.len().max(1);
        let (codec, encode) = self.turns.get(turn).copied().unwrap_or(TURNS[0]);
        let nothing = Seeds::default();
        let seeds = self.seeds.get(&codec).unwrap_or(&nothing);
        let random = |run| Random::of_run(self.seed, run);
        if encode {
            // Each packet is made of those before it, so that all of them are made.
            let mut made = Vec::new();
            for run in batch * BATCH..runs.end {
                let packet = next_packet(codec, run, &mut made, &seeds.encoded, &mut random(run));
                if run >= runs.start {
                    slots.packet(codec).fill(codec, packet);
                }
            }
            return;
        }
        let fresh = (batch * BATCH..(batch + 1) * BATCH).step_by(FRESH as usize);
        let fresh: Vec<Vec<Frame>> = fresh.map(|run| frames(codec, &mut random(run))).collect();
        for run in runs {
            let frames = slots.frames(codec);
            match run % FRESH {
                0 => assign(frames, &fresh[(run % BATCH / FRESH) as usize]),
                _ => sibling_frames(frames, &fresh, seeds, &mut random(run)),
            }
            fit(codec, frames);
        }
    }
}

/// Inputs that are made in place of others.
struct Slots<'a> {
    inputs: &'a mut Vec<Input>,
    filled: usize,
}

impl Slots<'_> {
    /// The frames of the next input, which are still those of another.
    fn frames(&mut self, codec: Codec) -> &mut Vec<Frame> {
        match self.next(
            codec,
            |given| matches!(given, Given::Frames(_)),
            || Given::Frames(Vec::new()),
        ) {
            Given::Frames(frames) => frames,
            Given::Packet(_) => unreachable!("it was put there as frames, or found to be such"),
        }
    }

    /// The packet of the next input, which is still that of another.
    fn packet(&mut self, codec: Codec) -> &mut Packet {
        let is_packet = |given: &Given| matches!(given, Given::Packet(_));
        match self.next(codec, is_packet, || Given::Packet(Packet::default())) {
            Given::Packet(packet) => packet,
            Given::Frames(_) => unreachable!("it was put there as a packet, or found to be such"),
        }
    }

    fn next(&mut self, codec: Codec, fits: fn(&Given) -> bool, make: fn() -> Given) -> &mut Given {
        let at = self.filled;
        self.filled += 1;
        if at == self.inputs.len() {
            let given = make();
            self.inputs.push(Input { codec, given });
        }
        let input = &mut self.inputs[at];
        input.codec = codec;
        if !fits(&input.given) {
            input.given = make();
        }
        &mut input.given
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
    frames.extend_from_slice(more);
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
    if run.is_multiple_of(FRESH) {
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
        let mut kinds = BTreeSet::new();
        let mut different = BTreeSet::new();
        for batch in 0..12 {
            let inputs = one.inputs(batch * BATCH, BATCH);
            let kind = (inputs[0].codec, inputs[0].is_encoded());
            assert!(
                inputs
                    .iter()
                    .all(|input| (input.codec, input.is_encoded()) == kind)
            );
            different.extend(inputs.iter().map(|input| format!("{kind:?}{}", input.to_json())));
            kinds.insert(kind);
        }
        assert_eq!(kinds.len(), 6, "{kinds:?}");
        assert!(
            different.len() > 4000,
            "only {} of {} inputs differ",
            different.len(),
            12 * BATCH
        );
    }

    #[test]
    fn one_codec_may_be_chosen() {
        for codec in Codec::ALL {
            let inputs = Generator::new(1, &[], &[codec]).inputs(0, 12 * BATCH);
            assert!(inputs.iter().all(|input| input.codec == codec));
            assert!(inputs.iter().any(Input::is_encoded), "{codec:?}");
        }
    }
}
