//! The manual is true: each of its cases parses and prints back as it stands there.

use crate::notation::{Diagnostic, parse, print};

const MANUAL: &str = include_str!("../../../cases/README.md");

/// The cases of the manual.
pub(super) fn blocks() -> Vec<&'static str> {
    let blocks = MANUAL.split("\n```sio\n").skip(1);
    blocks
        .map(|block| block.split_once("```\n").expect("the block has an end").0)
        .collect()
}

#[test]
fn every_case_of_the_manual_prints_back_as_it_stands_there() {
    let blocks = blocks();
    assert!(blocks.len() >= 10, "only {} cases were found", blocks.len());
    for text in blocks {
        let case = match parse("cases/README.md", text) {
            Ok(case) => case,
            Err(found) => panic!("{}\n\nin\n{text}", Diagnostic::render_all(&found, false)),
        };
        assert_eq!(print(&case), text);
    }
}
