//! The form of a table of vectors, as it stands in a file.

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTable {
    pub(super) codec: Spanned<String>,
    #[serde(default, rename = "vector")]
    pub(super) vectors: Vec<Spanned<RawVector>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVector {
    pub(super) id: Spanned<String>,
    pub(super) rule: Spanned<String>,
    pub(super) title: Option<String>,
    pub(super) decode: Option<Vec<Spanned<RawFrame>>>,
    pub(super) encode: Option<Spanned<String>>,
    pub(super) roundtrip: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) expect: Option<Spanned<Vec<Spanned<RawFrame>>>>,
    #[serde(default)]
    pub(super) also: Vec<Spanned<Vec<Spanned<RawFrame>>>>,
    #[serde(default)]
    pub(super) tolerated: Vec<Spanned<Vec<Spanned<RawFrame>>>>,
    #[serde(default)]
    pub(super) canonical: bool,
    #[serde(default)]
    pub(super) without_data: bool,
    pub(super) repeat: Option<Spanned<u32>>,
    pub(super) times: Option<Spanned<u32>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawFrame {
    Text(String),
    Hex(RawHex),
    Parts(RawParts),
    Reset(RawReset),
    Odd(RawOdd),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHex {
    pub(super) hex: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawParts {
    pub(super) parts: Vec<RawPart>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReset {
    pub(super) reset: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOdd {
    pub(super) odd: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawPart {
    Text(String),
    Repeated(RawRepeated),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRepeated {
    pub(super) text: String,
    pub(super) times: usize,
}
