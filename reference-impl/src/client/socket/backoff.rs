//! How long to wait before the next attempt to connect.

use crate::{
    client::options::{ClientOptions, Random},
    engine::Millis,
};

/// Each delay is twice the one before, up to a limit, and off by chance, so that clients do not come all at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// How many delays were given out since the last reset.
    pub(super) attempts: u32,
}

impl Backoff {
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }

    pub(super) fn next(&mut self, options: &ClientOptions, random: &mut Random) -> Millis {
        let doubled = options.reconnection_delay as f64 * 2_f64.powi(self.attempts.min(60) as i32);
        self.attempts = self.attempts.saturating_add(1);
        let factor = options.randomization_factor.clamp(0.0, 1.0);
        let delay = doubled * (1.0 + factor * (2.0 * random() - 1.0));
        (delay as Millis).min(options.reconnection_delay_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(factor: f64, chance: f64) -> Vec<Millis> {
        let options = ClientOptions {
            randomization_factor: factor,
            ..ClientOptions::default()
        };
        let mut random: Random = Box::new(move || chance);
        let mut backoff = Backoff::default();
        (0..5).map(|_| backoff.next(&options, &mut random)).collect()
    }

    #[test]
    fn delays_double_up_to_the_limit() {
        assert_eq!(delays(0.0, 0.7), [1000, 2000, 4000, 5000, 5000]);
        assert_eq!(delays(0.5, 0.0), [500, 1000, 2000, 4000, 5000]);
        assert_eq!(delays(0.5, 0.75), [1250, 2500, 5000, 5000, 5000]);
    }

    #[test]
    fn thousands_of_attempts_do_not_overflow() {
        let mut backoff = Backoff { attempts: u32::MAX };
        let mut random: Random = Box::new(|| 0.999);
        assert_eq!(backoff.next(&ClientOptions::default(), &mut random), 5000);
    }
}
