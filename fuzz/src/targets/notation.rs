//! The `.sio` language. The input is the text of a case.
//!
//! - No text makes the parser panic, and a text that is refused is refused for a reason that can be shown.
//! - What is read prints as a text that reads the same and prints as itself.

use siospec::notation::{Diagnostic, parse, print};

/// Runs the target.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let case = match parse("case.sio", text) {
        Ok(case) => case,
        Err(found) => {
            assert!(!found.is_empty());
            assert!(!Diagnostic::render_all(&found, false).is_empty());
            return;
        }
    };
    let printed = print(&case);
    let again = match parse("case.sio", &printed) {
        Ok(again) => again,
        Err(found) => panic!("{}\n\nin\n{printed}", Diagnostic::render_all(&found, false)),
    };
    assert_eq!(print(&again), printed);
    assert_eq!(again.without_lines(), case.without_lines());
}
