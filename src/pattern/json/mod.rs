//! A strict reader of JSON (RFC 8259) that never recurses, for what came and, with patterns, for what is expected.

mod doc;
mod reader;
mod text;

pub(super) use doc::{Doc, Named, Node, NodeId, is_kind};
pub(super) use reader::{is_value, quote, read, read_pattern, read_string, string};
