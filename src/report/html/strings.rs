//! A table of the texts of a page, each of them once: everything else names them by their place.

use std::collections::HashMap;

/// The table while it grows.
#[derive(Debug, Default)]
pub(super) struct Strings {
    texts: Vec<String>,
    places: HashMap<String, usize>,
}

impl Strings {
    /// The place of this text.
    pub(super) fn add(&mut self, text: String) -> usize {
        if let Some(place) = self.places.get(&text) {
            return *place;
        }
        let place = self.texts.len();
        self.places.insert(text.clone(), place);
        self.texts.push(text);
        place
    }

    /// The texts, in the order of their places.
    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts
    }
}
