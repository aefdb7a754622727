//! One self-contained HTML page of any number of results: the matrix, and every case down to its transcript.

mod data;
mod details;
mod page;
mod record;
mod strings;

pub use page::{HtmlError, LIMIT, page};
