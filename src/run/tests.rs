//! Runs against servers that crash, hang, stutter and vanish: who is blamed, and what becomes of the others.

use super::{Options, run};
use crate::notation::parse;
use crate::outcome::{Gate, RunEvent, RunResult, Verdict};
use crate::suite::{Level, Rules, Trial};
use crate::target::{KnownEntry, Target};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A web server that does what the path of a request says.
const SERVER: &str = r#"
import http.server, os, sys, threading, time
stuck = threading.Event()
state = sys.argv[1]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if stuck.is_set(): time.sleep(600)
        path = self.path.split("?")[0]
        if path == "/socket.io/":
            self.answer(200, b'0{"sid":"x","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000}')
        elif path == "/die": os._exit(3)
        elif path == "/die-later":
            self.answer(200)
            threading.Timer(0.1, os._exit, [4]).start()
        elif path == "/die-once" and not os.path.exists(state):
            open(state, "w").close()
            os._exit(5)
        elif path == "/hang":
            stuck.set()
            time.sleep(600)
        elif path == "/once" and not os.path.exists(state):
            open(state, "w").close()
            self.answer(500)
        elif path == "/never": self.answer(500)
        elif path == "/late":
            time.sleep(2)
            self.answer(200)
        else: self.answer(200)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn trial(id: &str, header: &str, script: &str) -> Trial {
    let text = format!("title: A test\nrule: test.rule\n{header}\n{script}");
    let case = parse(id, &text).unwrap_or_else(|errors| panic!("{errors:?}"));
    let mut trial = Trial::bare(format!("server/{id}"), None, case, text);
    Arc::make_mut(&mut trial.loaded).level = Level::Must;
    trial
}

/// Asks for a path, and expects that all is well.
fn asks(path: &str) -> Trial {
    trial(path, "", &format!("> GET /{path}\n< 200\n"))
}

fn options() -> Options {
    Options {
        jobs: 8,
        max_wait: Duration::from_secs(5),
        timeout: Duration::from_secs(20),
        ..Options::new("server")
    }
}

async fn run_all(trials: Vec<Trial>, options: &Options) -> (RunResult, Vec<RunEvent>) {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let command = ["python3", "-c", SERVER, state.to_str().unwrap()]
        .map(str::to_owned)
        .to_vec();
    let mut events = Vec::new();
    let (_interrupt, interrupted) = watch::channel(false);
    let target = Arc::new(Target::command(command));
    let mut listener = |event| events.push(event);
    let result = run(
        target,
        &Rules::default(),
        trials,
        options,
        interrupted,
        &mut listener,
    )
    .await
    .unwrap();
    (result, events)
}

fn verdict(result: &RunResult, path: &str) -> (Verdict, String) {
    let case = result
        .cases
        .iter()
        .find(|case| case.id == format!("server/{path}"))
        .unwrap();
    (case.verdict, case.message.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_trial_that_ends_the_target_is_blamed() {
    let mut trials: Vec<Trial> = (0..30).map(|n| asks(&format!("ok-{n}"))).collect();
    trials.insert(7, asks("die"));
    let (result, events) = run_all(trials, &options()).await;
    let (died, message) = verdict(&result, "die");
    assert_eq!(died, Verdict::Crashed);
    assert!(message.contains("exit status: 3"), "{message}");
    let others = result
        .cases
        .iter()
        .filter(|case| case.id != "server/die" && case.verdict != Verdict::Pass);
    let others: Vec<_> = others
        .map(|case| (&case.id, case.verdict, &case.message, &case.record))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(result.gate_reasons, ["1 trial ended the target"]);
    assert!(
        events
            .iter()
            .any(|event| matches!(event, RunEvent::Notice(text) if text.contains("started again")))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_hazards_only_the_one_that_ends_the_target_is_blamed() {
    let hazard = |path: &str| trial(path, "hazard: it may end\n", &format!("> GET /{path}\n< 200\n"));
    let mut trials: Vec<Trial> = (0..20).map(|n| hazard(&format!("ok-{n}"))).collect();
    trials.insert(7, hazard("die"));
    let (result, _) = run_all(trials, &options()).await;
    assert_eq!(verdict(&result, "die").0, Verdict::Crashed);
    let passed = result.cases.iter().filter(|case| case.verdict == Verdict::Pass);
    assert_eq!(passed.count(), 20, "{result:#?}");
    assert_eq!(result.gate_reasons, ["1 trial ended the target"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_proved_to_end_the_target_casts_no_doubt_on_those_before_it() {
    let hazard = |path: &str| trial(path, "hazard: it may end\n", &format!("> GET /{path}\n< 200\n"));
    let mut trials: Vec<Trial> = (0..20).map(|n| asks(&format!("ok-{n}"))).collect();
    trials.push(hazard("die"));
    let listed = KnownEntry {
        case: "server/die".to_owned(),
        over: Vec::new(),
        fails: "exit status: 3".to_owned(),
        why: "It dies.".to_owned(),
        link: String::new(),
        ends: true,
    };
    let options = Options {
        known: vec![listed],
        ..options()
    };
    let (result, events) = run_all(trials, &options).await;
    assert_eq!(verdict(&result, "die").0, Verdict::Known, "{result:#?}");
    assert_eq!(result.gate, Gate::Pass, "{:?}", result.gate_reasons);
    let suspected =
        |event: &&RunEvent| matches!(event, RunEvent::Retrying { reason, .. } if reason.contains("was lost"));
    assert_eq!(events.iter().filter(suspected).count(), 0);
    // It had an instance of its own, so that one loss was proof.
    let losses = events.iter().filter(|event| matches!(event, RunEvent::Notice(_)));
    assert_eq!(losses.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trials_of_variants_are_planned_at_first_and_played_when_those_are_up() {
    let script = "> GET ?EIO=4&transport=polling\n< 200\n";
    let trials = vec![
        trial("varied", "variant: recovery\n", script),
        trial("plain", "", script),
        trial("needy", "variant: recovery\nneeds: wings\n", script),
    ];
    let target = Arc::new(Target::builtin(None).unwrap());
    let (_interrupt, interrupted) = watch::channel(false);
    let mut events = Vec::new();
    let mut listener = |event| events.push(event);
    let result = run(
        target,
        &Rules::default(),
        trials,
        &options(),
        interrupted,
        &mut listener,
    )
    .await
    .unwrap();
    let verdicts = ["varied", "plain", "needy"].map(|path| verdict(&result, path).0);
    assert_eq!(
        verdicts,
        [Verdict::Pass, Verdict::Pass, Verdict::Skip],
        "{result:#?}"
    );
    assert!(
        matches!(events[0], RunEvent::Started { planned: 3, .. }),
        "{:?}",
        events[0]
    );
}

/// The ids of the trials that began, ended (`-`) or were played again (`+`), in this order.
fn course(events: &[RunEvent]) -> Vec<String> {
    let told = |event: &RunEvent| match event {
        RunEvent::TrialStarted { id, .. } => Some(id.replace("server/", "")),
        RunEvent::TrialFinished(case) => Some(case.id.replace("server/", "-")),
        RunEvent::Retrying { id, .. } => Some(id.replace("server/", "+")),
        _ => None,
    };
    events.iter().filter_map(told).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mostly_waits_begins_while_the_application_is_probed() {
    let trials = vec![
        asks("ok"),
        trial("waits", "", "> GET /x\n< 200\n! wait 250ms\n"),
        trial("needy", "needs: rooms\n", "> GET /x\n< 200\n! wait 250ms\n"),
    ];
    let (result, events) = run_all(trials, &options()).await;
    assert_eq!(result.capabilities.get("rooms"), Some(&false));
    assert!(
        matches!(&events[0], RunEvent::Started { planned: 2, capabilities, .. } if capabilities.iter().any(|(need, _)| need == "rooms")),
        "{:?}",
        events[0]
    );
    let course: Vec<_> = course(&events)
        .into_iter()
        .filter(|told| !told.contains("-waits"))
        .collect();
    assert_eq!(course, ["waits", "-needy", "ok", "-ok"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lenient_after_a_long_wait_is_not_waited_for_twice() {
    let lenient = |id: &str, script: &str| {
        let mut trial = trial(id, "", script);
        Arc::make_mut(&mut trial.loaded).level = Level::Should;
        trial
    };
    let trials = vec![
        lenient("short", "> GET /never\n< 200\n"),
        lenient("silent", "! wait 2000ms\n> GET /late\n< 200  within 100ms\n"),
        lenient("wrong", "! wait 2000ms\n> GET /never\n< 200\n"),
        trial("binding", "", "! wait 2000ms\n> GET /late\n< 200  within 100ms\n"),
    ];
    let (result, events) = run_all(trials, &options()).await;
    let course = course(&events);
    let is_again = |id: &str| course.contains(&format!("+{id}"));
    assert_eq!(
        ["short", "silent", "wrong", "binding"].map(is_again),
        [true, false, true, true],
        "{course:?}"
    );
    assert_eq!(verdict(&result, "silent").0, Verdict::Lenient);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_without_its_base_fails_the_gate() {
    let trials = vec![asks("ok"), trial("talks", "needs: echo\n", "> GET /x\n< 200\n")];
    let (result, _) = run_all(trials, &options()).await;
    assert_eq!(
        verdict(&result, "talks"),
        (Verdict::Skip, "needs echo".to_owned())
    );
    assert_eq!(result.gate, Gate::Fail);
    let reasons = &result.gate_reasons;
    assert!(
        reasons[0].starts_with("1 trial was skipped for want of `echo`") && reasons.len() == 1,
        "{reasons:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_dies_a_moment_after_a_pass_is_traced_back_to_it() {
    let mut trials: Vec<Trial> = (0..4)
        .map(|n| trial(&format!("slow-{n}"), "", "> GET /x\n< 200\n! wait 400ms\n"))
        .collect();
    trials.push(asks("die-later"));
    let (result, _) = run_all(trials, &options()).await;
    let others = result
        .cases
        .iter()
        .filter(|case| case.verdict == Verdict::Pass)
        .count();
    // Played alone, the target may still answer right after the trial: then nobody is blamed, but the gate tells.
    let blamed = verdict(&result, "die-later").0 == Verdict::Crashed;
    assert!(
        blamed
            || result
                .gate_reasons
                .iter()
                .any(|reason| reason.contains("exit status: 4")),
        "{result:#?}"
    );
    assert!(others >= 4 && result.gate == Gate::Fail);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_that_nobody_repeats_still_fails_the_gate() {
    let (result, _) = run_all(vec![asks("die-once"), asks("ok")], &options()).await;
    assert!(
        result.cases.iter().all(|case| case.verdict == Verdict::Pass),
        "{result:#?}"
    );
    assert!(
        result.gate_reasons[0].contains("exit status: 5"),
        "{:?}",
        result.gate_reasons
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_stops_answering_is_hung_and_replaced() {
    let (result, _) = run_all(vec![asks("hang"), asks("ok")], &options()).await;
    assert_eq!(verdict(&result, "hang").0, Verdict::Hung, "{result:#?}");
    assert_eq!(verdict(&result, "ok").0, Verdict::Pass);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_hangs_over_everything_is_given_up() {
    let hasty = Options {
        jobs: 1,
        patience: Duration::from_millis(500),
        ..options()
    };
    let (result, _) = run_all((0..12).map(|_| asks("hang")).collect(), &hasty).await;
    let count = |verdict: Verdict| result.cases.iter().filter(|case| case.verdict == verdict).count();
    assert_eq!(
        (count(Verdict::Hung), count(Verdict::Blocked)),
        (4, 8),
        "{result:#?}"
    );
    let told = |reason: &String| reason.contains("lost 4 times in a row while no trial passed");
    assert!(result.gate_reasons.iter().any(told), "{:?}", result.gate_reasons);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_alone_is_flaky_and_what_fails_twice_fails() {
    let (result, events) = run_all(vec![asks("once"), asks("never")], &options()).await;
    let excused = events.iter().any(
        |event| matches!(event, RunEvent::Retrying { id, reason } if id == "server/once" && reason.contains("held siospec up")),
    );
    // On a machine that stalls, siospec may have done anything too late.
    let expected = if excused { Verdict::Pass } else { Verdict::Flaky };
    assert_eq!(verdict(&result, "once").0, expected);
    assert_eq!(verdict(&result, "never").0, Verdict::Fail);
    assert_eq!(result.gate_reasons, ["1 trial failed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_played_is_skipped_by_name() {
    let trials = vec![
        asks("ok"),
        trial("needy", "needs: rooms\n", "> GET /x\n< 200\n"),
        trial("patient", "", "> GET /x\n< 200\n! wait 60s\n"),
        trial("various", "variant: recovery\n", "> GET /x\n< 200\n"),
    ];
    let (result, _) = run_all(trials, &options()).await;
    assert_eq!(
        verdict(&result, "needy"),
        (Verdict::Skip, "needs rooms".to_owned())
    );
    assert_eq!(
        verdict(&result, "various"),
        (Verdict::Skip, "the target has no variant recovery".to_owned())
    );
    assert_eq!(verdict(&result, "patient").1, "waits longer than --max-wait 5.0s");
    assert_eq!(result.gate, Gate::Pass);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_keeps_what_was_played() {
    let (interrupt, interrupted) = watch::channel(false);
    let trials = vec![asks("ok"), trial("patient", "", "> GET /x\n< 200\n! wait 4s\n")];
    let target = Arc::new(Target::command(
        ["python3", "-c", SERVER, "/nonexistent"]
            .map(str::to_owned)
            .to_vec(),
    ));
    let mut listener = |event: RunEvent| {
        if matches!(&event, RunEvent::TrialFinished(case) if case.id == "server/ok") {
            let _ = interrupt.send(true);
        }
    };
    let result = run(
        target,
        &Rules::default(),
        trials,
        &options(),
        interrupted,
        &mut listener,
    )
    .await
    .unwrap();
    assert!(result.interrupted);
    assert_eq!(result.cases.len(), 1);
    assert_eq!(result.gate_reasons, ["the run was interrupted"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_siospec_did_not_start_and_that_falls_silent_is_hung() {
    let port = crate::target::port::free().unwrap();
    let mut server = tokio::process::Command::new("python3")
        .args(["-c", SERVER, "/nonexistent"])
        .env("PORT", port.to_string())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let target = Arc::new(Target::url(&format!("http://127.0.0.1:{port}"), false).unwrap());
    let dangerous = trial("late", "hazard: it comes last\n", "> GET /x\n< 200\n");
    let (_interrupt, interrupted) = watch::channel(false);
    let all = Options {
        hazards: true,
        ..options()
    };
    let trials = vec![asks("hang"), dangerous];
    let result = run(target, &Rules::default(), trials, &all, interrupted, &mut |_| {})
        .await
        .unwrap();
    server.kill().await.unwrap();
    assert_eq!(verdict(&result, "hang").0, Verdict::Hung, "{result:#?}");
    assert_eq!(verdict(&result, "late").0, Verdict::Blocked);
    let reasons = &result.gate_reasons;
    assert_eq!(reasons[0], "1 trial left the target without an answer");
    assert_eq!(reasons.len(), 2, "{reasons:?}");
}
