//! Tests of the language as a whole: the manual, the constructs, the laws, and each kind of error.

mod constructs;
mod errors;
mod generate;
mod laws;
mod manual;
mod nearly;

use super::{Case, Diagnostic, parse};

/// The case of a script under a header.
fn case(header: &str, script: &str) -> Case {
    let text = format!("title: T\nrule: r\n{header}\n{script}");
    parse("case.sio", &text)
        .unwrap_or_else(|found| panic!("{}\n{text}", Diagnostic::render_all(&found, false)))
}
