//! Campaigns: inputs that nobody thought of, given to a codec and to the reference, until time or runs are over.
//!
//! All inputs follow from a seed, so that a campaign can be repeated; what differs where it must not is shrunk, sorted into
//! classes and written down as vectors.

mod alike;
mod conduct;
mod encoded;
mod events;
mod finding;
mod flow;
mod found;
mod freedoms;
mod generate;
mod input;
mod inputs;
mod judge;
mod model;
mod mutate;
#[cfg(test)]
mod planted;
mod random;
mod refusals;
mod repeated;
mod rounds;
mod search;
mod shrink;
mod speed;
mod texts;
mod vary;
mod verdicts;

pub use conduct::fuzz_codec;
pub use events::{CampaignEvent, CampaignListener, CampaignResult, Settings};
pub use finding::Finding;
pub use freedoms::{FREEDOMS, Freedom};
pub use speed::speed_alone;
