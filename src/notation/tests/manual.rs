//! The manual is true: each of its cases parses and prints back as it stands there.

use crate::notation::{Diagnostic, parse, print};

const MANUAL: &str = include_str!("../../../cases/README.md");

#[test]
fn every_case_of_the_manual_prints_back_as_it_stands_there() {
    let mut count = 0;
    for block in MANUAL.split("\n```sio\n").skip(1) {
        let (text, _) = block.split_once("```\n").expect("the block has an end");
        let case = match parse("cases/README.md", text) {
            Ok(case) => case,
            Err(found) => panic!("{}\n\nin\n{text}", Diagnostic::render_all(&found, false)),
        };
        assert_eq!(print(&case), text);
        count += 1;
    }
    assert!(count >= 10, "only {count} cases were found");
}
