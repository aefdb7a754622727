//! Markdown that must stay small: sections in the order of their weight, as many as there is room for.

use super::text::count;

/// What is kept free for the line that says what was left out.
const RESERVE: usize = 400;

/// Sections in their order, as long as there is room. What does not fit is left out as a whole.
pub(super) struct Pieces {
    out: String,
    limit: usize,
    left_out: usize,
}

impl Pieces {
    /// Room for `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            out: String::new(),
            limit: limit.saturating_sub(RESERVE),
            left_out: 0,
        }
    }

    /// Takes the section in, or counts it as left out.
    pub(super) fn push(&mut self, section: String) {
        if self.out.len() + section.len() <= self.limit {
            self.out.push_str(&section);
        } else {
            self.left_out += 1;
        }
    }

    /// All that was taken in, and how much was left out.
    pub(super) fn finish(mut self) -> String {
        if self.left_out > 0 {
            let left_out = count(self.left_out, "section is", "sections are");
            self.out.push_str(&format!(
                "\n{left_out} left out, since a summary must stay small: the JSON result has everything.\n"
            ));
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_as_a_whole_and_told() {
        let mut pieces = Pieces::new(RESERVE + 10);
        for section in ["12345", "123456", "67890"] {
            pieces.push(section.to_owned());
        }
        let text = pieces.finish();
        assert!(text.starts_with("1234567890\n1 section is left out"), "{text}");
        assert!(text.len() <= RESERVE + 10);
    }
}
