//! How fast a codec is alone: its driver repeats each input in a loop of its own process, so that what it costs to ask and
//! to answer is told from what the codec costs.

use super::conduct::batch_of;
use super::generate::{BATCH, Generator};
use crate::suite::{Codec, Vector};
use crate::target::{Asker, Batch, CodecTarget, DriverError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many batches are measured: each kind of input several times.
const BATCHES: u64 = 36;
/// How often each input is repeated.
const REPEAT: u32 = 21;
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
    let (mut alone, mut around, mut inputs) = (Duration::ZERO, Duration::ZERO, 0.0);
    for round in 0..BATCHES {
        let once = batch_of(&generator.inputs(round * BATCH, BATCH));
        let often = Batch {
            repeat: REPEAT,
            ..once.clone()
        };
        let (short, long) = (
            best(&mut asker, &once).await.ok()?,
            best(&mut asker, &often).await.ok()?,
        );
        let codec = long.saturating_sub(short) / (REPEAT - 1);
        alone += codec;
        around += short.saturating_sub(codec);
        inputs += BATCH as f64;
    }
    asker.stop().await;
    // Who repeats nothing takes as long for many as for one.
    let repeats = alone > around / 30;
    repeats.then(|| inputs / alone.as_secs_f64().max(f64::EPSILON))
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
