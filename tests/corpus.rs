//! The corpus: every case parses, prints back to itself, names rules that exist, and every rule is covered or says why not.

use siospec::notation::print;
use siospec::suite::{Coverage, expand, load_builtin};

#[test]
fn every_case_parses_and_prints_back_to_itself() {
    let corpus = load_builtin();
    let problems: Vec<String> = corpus.diagnostics.iter().map(ToString::to_string).collect();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
    assert!(corpus.cases.len() >= 150, "only {} cases", corpus.cases.len());
    assert!(
        corpus.vectors.len() >= 400,
        "only {} vectors",
        corpus.vectors.len()
    );
    let changed: Vec<String> = corpus
        .cases
        .iter()
        .filter(|loaded| print(&loaded.case) != loaded.text)
        .map(|loaded| {
            format!(
                "{}: not in canonical form; it would be\n{}",
                loaded.path,
                print(&loaded.case)
            )
        })
        .collect();
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

#[test]
fn every_case_expands() {
    for loaded in &load_builtin().cases {
        let trials = expand(loaded).unwrap_or_else(|problems| panic!("{}: {problems:?}", loaded.id));
        assert!(!trials.is_empty(), "{} makes no trial", loaded.id);
    }
}

#[test]
fn every_rule_is_covered_or_says_why_not() {
    let corpus = load_builtin();
    let problems = Coverage::of(&corpus, corpus.vector_rules()).problems();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
}
