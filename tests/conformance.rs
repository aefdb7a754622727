//! The suite on the reference, each trial a test of its own name: `siospec run` as `cargo test` and nextest see it.
//!
//! What the reference sent and reported is held against the snapshots beside the cases. A name is the id of the case with its values, then the transport: `server/ack/… (polling)`.

use libtest_mimic::{Arguments, Completion, Failed, Trial as Test};
use siospec::notation::Role;
use siospec::outcome::{CaseResult, Verdict};
use siospec::run::{Bench, Tried};
use siospec::suite::{Trial, expand, load_builtin, snapshot_name};
use siospec::target::{ClientTarget, Target};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let corpus = load_builtin();
    assert!(corpus.diagnostics.is_empty(), "{:#?}", corpus.diagnostics);
    let trials = corpus
        .cases
        .iter()
        .flat_map(|case| expand(case).unwrap_or_else(|errors| panic!("{}: {errors:#?}", case.path)));
    let trials: Vec<Trial> = trials.collect();
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let server = Target::builtin(None).expect("it has no fault");
    let client = Target::client(ClientTarget::reference(None).expect("it has no fault"));
    let benches = [server, client].map(|target| Arc::new(Bench::new(target, corpus.rules.clone())));
    let tests = trials.into_iter().map(|trial| {
        let is_client = trial.case.header.role == Role::Client;
        let (bench, runtime) = (Arc::clone(&benches[usize::from(is_client)]), Arc::clone(&runtime));
        let name = format!("{} ({})", trial.id, trial.over_word());
        Test::ignorable_test(name, move || {
            let tried = runtime.block_on(bench.play(&trial));
            let tried = tried.map_err(|error| Failed::from(error.to_string()))?;
            if tried.result.verdict == Verdict::Pass {
                compare(&trial, &tried.result);
            }
            judge(tried)
        })
    });
    libtest_mimic::run(&arguments, tests.collect()).exit_code()
}

/// Holds the transcript against the snapshot beside the case; the same one over every transport.
///
/// `INSTA_UPDATE=always cargo test --test conformance` writes the snapshots anew.
fn compare(trial: &Trial, result: &CaseResult) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("cases")
        .join(snapshot_name(trial));
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, result.transcript.join("\n")));
}

/// The reference passes, or takes an alternative that is tolerated. What cannot be played says so.
fn judge(tried: Tried) -> Result<Completion, Failed> {
    match tried.result.verdict {
        Verdict::Pass | Verdict::Flaky => Ok(Completion::Completed),
        Verdict::Lenient if tried.tolerated => Ok(Completion::Completed),
        Verdict::Skip => Ok(Completion::ignored_with(&tried.result.message)),
        _ => Err(describe(&tried.result).into()),
    }
}

fn describe(result: &CaseResult) -> String {
    let line = result
        .failure
        .as_ref()
        .map_or_else(String::new, |f| format!("line {}: {}\n", f.line, f.script_line));
    let transcript = result.transcript.join("\n  ");
    format!(
        "{}: {}\n{line}{}\n  {transcript}\n{}",
        result.verdict.word(),
        result.message,
        result.rule,
        result.replay
    )
}
