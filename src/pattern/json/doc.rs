//! A JSON value and all values in it, as they were read.

use crate::pattern::number;
use crate::pattern::scan::{Angle, Kind, PatternError};
use crate::pattern::segment::Segment;

/// A JSON value and all values in it. Strings are WTF-8: half a surrogate pair is kept as three bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pattern) struct Doc {
    pub(super) nodes: Vec<Node>,
    /// Where each node stands in the text that was read.
    pub(super) spans: Vec<(usize, usize)>,
}

/// The number of a value within its `Doc`.
pub(in crate::pattern) type NodeId = usize;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pattern) enum Node {
    Null,
    Bool(bool),
    Number(String),
    String(Vec<u8>),
    Array {
        items: Vec<NodeId>,
        open: bool,
    },
    Object {
        members: Vec<(Vec<u8>, NodeId)>,
        open: bool,
    },
    /// A string with patterns in it.
    Parts(Vec<Segment>),
    /// `<string>`, `<id:int>`, `<id>` or `<#>` as a value.
    Pattern(Angle),
}

/// A pattern and its place in the text.
pub(in crate::pattern) type Named = (Angle, usize, usize);

impl Doc {
    pub(in crate::pattern) fn root(&self) -> NodeId {
        self.nodes.len() - 1
    }

    pub(in crate::pattern) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub(in crate::pattern) fn span(&self, id: NodeId) -> (usize, usize) {
        self.spans[id]
    }
}

/// Whether a value is of a kind.
pub(in crate::pattern) fn is_kind(node: &Node, kind: Kind) -> bool {
    match kind {
        Kind::Any => true,
        Kind::String => matches!(node, Node::String(_)),
        Kind::Number => matches!(node, Node::Number(_)),
        Kind::Bool => matches!(node, Node::Bool(_)),
        Kind::Int => matches!(node, Node::Number(text) if number::is_integer(text)),
    }
}

/// What is expected of a member can be said only once. What came may hold it twice: the last one counts.
pub(super) fn no_member_twice(
    members: &[(Vec<u8>, NodeId)],
    start: usize,
    end: usize,
) -> Result<(), PatternError> {
    let mut keys: Vec<&[u8]> = members.iter().map(|(key, _)| key.as_slice()).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let name = String::from_utf8_lossy(pair[0]);
            Err(
                PatternError::new(start, end, format!("the member `{name}` stands here twice"))
                    .expected("each once"),
            )
        }
        None => Ok(()),
    }
}
