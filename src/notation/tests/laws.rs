//! Laws: what is printed reads back as it was, and no text whatever makes the parser panic.

use super::generate::cases;
use super::manual;
use super::nearly::nearly_right;
use crate::notation::{Case, Diagnostic, parse, print};
use proptest::prelude::*;

/// Reads a text that must be right.
fn read(text: &str) -> Result<Case, TestCaseError> {
    parse("case.sio", text).map_err(|found| {
        TestCaseError::fail(format!("{}\n\nin\n{text}", Diagnostic::render_all(&found, false)))
    })
}

/// If a text can be read: it prints as a text that reads the same, and prints as itself.
fn holds(text: &str) -> Result<(), TestCaseError> {
    let case = match parse("case.sio", text) {
        Ok(case) => case,
        Err(found) => {
            prop_assert!(!found.is_empty());
            prop_assert!(!Diagnostic::render_all(&found, true).is_empty());
            return Ok(());
        }
    };
    let printed = print(&case);
    let again = read(&printed)?;
    prop_assert_eq!(&print(&again), &printed);
    prop_assert_eq!(again.without_lines(), case.without_lines());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_case_reads_back_as_it_was_printed(case in cases()) {
        let printed = print(&case);
        let again = read(&printed)?;
        prop_assert_eq!(print(&again), printed);
        prop_assert_eq!(again.without_lines(), case);
    }

    #[test]
    fn a_text_that_is_read_prints_as_one_that_reads_the_same(text in nearly_right()) {
        holds(&text)?;
    }

    #[test]
    fn a_damaged_case_is_read_or_refused(
        which: prop::sample::Index, at: prop::sample::Index, cut in 0_usize..20, put in "[ -~\\n\u{e9}]{0,8}",
    ) {
        let blocks = manual::blocks();
        let text = which.get(&blocks);
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        let start = at.index(places.len());
        let end = places.get(start + cut).copied().unwrap_or(text.len());
        holds(&format!("{}{put}{}", &text[..places[start]], &text[end..]))?;
    }

    #[test]
    fn no_text_whatever_makes_the_parser_panic(text in "(title: a\\nrule: b\\n)?(over: polling\\n)?(\\n)?(\\PC|[\\x00-\\x20<>|!@#{}:\"]){0,80}") {
        holds(&text)?;
    }
}

#[test]
fn most_texts_that_are_nearly_right_are_not_all_refused() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let read = (0..500).filter(|_| {
        let text = nearly_right().new_tree(&mut runner).expect("a text").current();
        parse("case.sio", &text).is_ok()
    });
    let count = read.count();
    assert!(
        count >= 10,
        "only {count} of 500 can be read: the law says little"
    );
}
