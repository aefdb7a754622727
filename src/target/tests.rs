//! Starting programs that serve, hide, fall over, eat memory or are somebody else.

use super::launch::{Launch, LaunchError, Limits, Process};
use std::collections::BTreeMap;
use std::time::Duration;

/// A server in a shell cannot be had, so the tests use the interpreter that the targets need anyway.
const SERVER: &str = "
import http.server, os, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(400)
        self.end_headers()
    def log_message(self, *_): pass
";

fn launch(script: &str) -> Launch {
    let command = ["python3", "-c", script].map(str::to_owned).to_vec();
    Launch {
        command,
        folder: std::env::temp_dir(),
        env: BTreeMap::new(),
        path: "/socket.io/".to_owned(),
    }
}

fn serving(extra: &str) -> Launch {
    let serve =
        "http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()";
    launch(&format!("{SERVER}\n{extra}\n{serve}"))
}

fn limits(start: u64) -> Limits {
    Limits {
        start: Duration::from_millis(start),
        ..Limits::default()
    }
}

async fn start(launch: &Launch, limits: Limits) -> Result<Process, LaunchError> {
    Process::start(launch, limits, &crate::wire::http_client(false)).await
}

fn last_line(process: &Process) -> String {
    process.tail().lines().last().unwrap_or_default().to_owned()
}

fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z")
}

async fn until(condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_is_started_and_its_whole_group_taken_down() {
    let child = "print(subprocess.Popen(['sleep', '600']).pid, flush=True)";
    let process = start(&serving(child), limits(30_000)).await.unwrap();
    until(|| !last_line(&process).is_empty()).await;
    let (server, sleeper) = (process.pid, last_line(&process).parse().unwrap());
    assert!(alive(server) && alive(sleeper));
    process.stop().await;
    until(|| !alive(server) && !alive(sleeper)).await;
}

#[tokio::test]
async fn a_dropped_handle_kills_a_group_that_ignores_sigterm() {
    let stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)";
    let process = start(&serving(stubborn), limits(30_000)).await.unwrap();
    let pid = process.pid;
    drop(process);
    until(|| !alive(pid)).await;
}

#[test]
fn a_runtime_that_goes_down_takes_the_whole_group_with_it() {
    let child = "print(subprocess.Popen(['sleep', '600']).pid, flush=True)";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (process, sleeper) = runtime.block_on(async {
        let process = start(&serving(child), limits(30_000)).await.unwrap();
        until(|| !last_line(&process).is_empty()).await;
        let sleeper: u32 = last_line(&process).parse().unwrap();
        (process, sleeper)
    });
    // As at a second Ctrl-C: nobody waits for the tasks any more, and the handle still lives.
    runtime.shutdown_timeout(Duration::from_secs(5));
    let pid = process.pid;
    let waiting = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    waiting.block_on(until(|| !alive(pid) && !alive(sleeper)));
}

#[tokio::test]
async fn an_early_end_is_noticed_at_once_and_shows_the_last_words() {
    let launch = launch("import sys; print('no database'); sys.exit(7)");
    let error = start(&launch, limits(600_000)).await.unwrap_err().to_string();
    assert!(
        error.contains("exit status: 7") && error.contains("  | no database"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_on_another_port_is_told_to_read_the_variable() {
    let launch = launch(&format!(
        "{SERVER}\nhttp.server.HTTPServer(('127.0.0.1', 0), Handler).serve_forever()"
    ));
    let error = start(&launch, limits(1_500)).await.unwrap_err().to_string();
    assert!(error.contains("nobody accepts connections"), "{error}");
    assert!(
        !cfg!(target_os = "linux") || error.contains("does it read PORT?"),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn somebody_else_on_the_port_is_never_tested() {
    let serve = format!(
        "{SERVER}
server = http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler)
server.timeout, parent = 0.05, os.getppid()
while os.getppid() == parent: server.handle_request()"
    );
    let elsewhere = format!(
        "import subprocess, sys
subprocess.run([sys.executable, '-c', {serve:?}], start_new_session=True)"
    );
    let error = start(&launch(&elsewhere), limits(30_000))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("does not belong to"), "{error}");
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named() {
    let mut launch = launch("");
    launch.command[0] = "no-such-program-anywhere".to_owned();
    let error = start(&launch, limits(1_000)).await.unwrap_err().to_string();
    assert!(error.contains("no-such-program-anywhere"), "{error}");
}

#[tokio::test]
async fn a_target_that_eats_memory_is_ended() {
    let greedy = Limits {
        memory: 64 << 20,
        ..limits(30_000)
    };
    let eater = "hoard = bytearray(200 << 20); hoard[::4096] = b'x' * len(hoard[::4096])";
    let process = start(&serving(eater), greedy).await;
    let end = match process {
        Ok(process) => process.ended().await.to_string(),
        Err(error) => error.to_string(),
    };
    assert!(end.contains("more than the 64 MiB"), "{end}");
}
