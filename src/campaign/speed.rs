//! How fast a codec is alone: its driver repeats many inputs in a loop of its own process, so that what it costs to ask and
//! to answer is told from what the codec costs.

use super::conduct::batch_of;
use super::generate::{BATCH, Generator};
use super::input::Input;
use crate::suite::{Codec, Vector};
use crate::target::{Asker, Batch, CodecTarget, DriverError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many batches of each kind are repeated as one. In a campaign no input comes twice; a processor knows the way through a
/// few inputs by heart, and then a codec is a quarter faster than it is with new ones.
const TOGETHER: usize = 4;
/// How often they are repeated.
const REPEAT: u32 = 9;
/// The best of so many attempts counts.
const ATTEMPTS: u32 = 3;

/// How many inputs of a campaign with this seed a codec can do in a second, without anything around it. `None` where its
/// driver does not repeat what it is asked about, or ends.
pub async fn speed_alone(
    target: &CodecTarget,
    vectors: &[Arc<Vector>],
    seed: u64,
    codecs: &[Codec],
) -> Option<f64> {
    let instance = target.start().await.ok()?;
    let has = |codec: &Codec| instance.drives(*codec);
    let codecs: Vec<Codec> = codecs.iter().copied().filter(has).collect();
    let generator = Generator::new(seed, vectors, &codecs);
    let mut asker = Asker::new(target, Some(instance), 0);
    let mut batches: BTreeMap<(Codec, bool), Vec<u64>> = BTreeMap::new();
    for batch in 0..generator.period() * TOGETHER as u64 {
        batches.entry(generator.turn(batch)).or_default().push(batch);
    }
    let (mut alone, mut around, mut all) = (0.0, 0.0, 0.0);
    for of_kind in batches.into_values() {
        let measured = of_kind.iter().take(TOGETHER);
        let inputs: Vec<Input> = measured
            .flat_map(|batch| generator.inputs(batch * BATCH, BATCH))
            .collect();
        let once = batch_of(&inputs);
        let often = Batch {
            repeat: REPEAT,
            ..once.clone()
        };
        let (short, long) = (
            best(&mut asker, &once).await.ok()?,
            best(&mut asker, &often).await.ok()?,
        );
        let codec = long.saturating_sub(short) / (REPEAT - 1);
        // Each kind counts as often as it comes in a campaign.
        let runs = of_kind.len() as f64 * BATCH as f64;
        let share = runs / inputs.len().max(1) as f64;
        alone += share * codec.as_secs_f64();
        around += share * short.saturating_sub(codec).as_secs_f64();
        all += runs;
    }
    asker.stop().await;
    // Who repeats nothing takes as long for many as for one.
    (alone > around / 20.0).then(|| all / alone.max(f64::EPSILON))
}

async fn best(asker: &mut Asker<'_>, batch: &Batch) -> Result<Duration, DriverError> {
    let mut best = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let before = Instant::now();
        match asker.ask(batch).await {
            Ok(_) | Err(DriverError::Unsupported(_)) => best = best.min(before.elapsed()),
            Err(error) => return Err(error),
        }
    }
    Ok(best)
}
