//! Why a gate does not hold: the reasons that count trials, in words and back, so that those of several parts add up.

/// What a gate counts trials of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// They failed.
    Failed,
    /// They ended the target.
    Crashed,
    /// They left the target without an answer.
    Hung,
    /// They could not be judged.
    Broken,
    /// They are lenient, where that counts.
    Lenient,
    /// They are flaky, where that counts.
    Flaky,
    /// They deviate, where that counts.
    Deviating,
    /// They were skipped, where that counts.
    Skipped,
}

impl Counted {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::Failed,
        Self::Crashed,
        Self::Hung,
        Self::Broken,
        Self::Lenient,
        Self::Flaky,
        Self::Deviating,
        Self::Skipped,
    ];

    /// The reason that `n` trials are; `None` where there are none.
    pub fn say(self, n: usize) -> Option<String> {
        let (one, many) = self.words();
        match n {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{n} {many}")),
        }
    }

    /// How many trials of what a reason counts; `None` where it is another one.
    pub fn read(reason: &str) -> Option<(Self, usize)> {
        let (number, words) = reason.split_once(' ')?;
        let n = number.parse().ok()?;
        let counted = Self::ALL.into_iter().find(|counted| {
            let (one, many) = counted.words();
            words == one || words == many
        })?;
        Some((counted, n))
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Failed => ("trial failed", "trials failed"),
            Self::Crashed => ("trial ended the target", "trials ended the target"),
            Self::Hung => (
                "trial left the target without an answer",
                "trials left the target without an answer",
            ),
            Self::Broken => (
                "trial could not be judged, by a fault of siospec or its machine",
                "trials could not be judged, by a fault of siospec or its machine",
            ),
            Self::Lenient => ("trial is lenient (--strict)", "trials are lenient (--strict)"),
            Self::Flaky => ("trial is flaky (--strict)", "trials are flaky (--strict)"),
            Self::Deviating => (
                "passing trial deviates (--strict)",
                "passing trials deviate (--strict)",
            ),
            Self::Skipped => (
                "trial was skipped (--no-skips)",
                "trials were skipped (--no-skips)",
            ),
        }
    }
}

/// The reason where not one case ran.
pub const NOTHING_RAN: &str = "no case ran";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_back() {
        for counted in Counted::ALL {
            for n in [1, 2, 17] {
                assert_eq!(Counted::read(&counted.say(n).unwrap()), Some((counted, n)));
            }
            assert_eq!(counted.say(0), None);
        }
        assert_eq!(Counted::read("3 trials were skipped for want of `echo`"), None);
        assert_eq!(Counted::read(NOTHING_RAN), None);
    }
}
