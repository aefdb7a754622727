//! Running the command, cases of a test's own, and servers that behave as a test wants.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// What a run of the command left behind.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Everything that was printed, for messages of failed tests.
    pub(crate) fn all(&self) -> String {
        format!("exit {}\n--- out\n{}\n--- err\n{}", self.code, self.out, self.err)
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.out.contains(text) || self.err.contains(text),
            "no `{text}` in: {}",
            self.all()
        );
        self
    }

    #[track_caller]
    pub(crate) fn never_says(self, text: &str) -> Self {
        assert!(
            !self.out.contains(text) && !self.err.contains(text),
            "`{text}` in: {}",
            self.all()
        );
        self
    }
}

/// The command, without what the environment of the tests may set.
pub(crate) fn siospec() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_siospec"));
    command
        .env_remove("PORT")
        .env_remove("VARIANT")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE");
    command
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    ended(&siospec().args(arguments).output().unwrap())
}

pub(crate) fn ended(output: &Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A folder with cases, rules and manifests of a test's own.
pub(crate) struct Folder {
    pub(crate) dir: TempDir,
}

const RULES: &str = "\
[[rule]]
id = \"test.must\"
roles = [\"server\"]
area = \"test\"
level = \"must\"
text = \"The test server does what it must.\"
source = \"the test\"
impact = \"Nothing works.\"

[[rule]]
id = \"test.client\"
roles = [\"client\"]
area = \"test\"
level = \"must\"
text = \"The test client does what it must.\"
source = \"the test\"
impact = \"Nothing works.\"

[[rule]]
id = \"test.should\"
roles = [\"server\"]
area = \"test\"
level = \"should\"
text = \"The test server does what it should.\"
source = \"the test\"
impact = \"Little breaks.\"
";

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        folder.write("cases/rules.toml", RULES);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The path as an argument.
    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A case of the rule `test.must`; `header` may be empty or end in a line break.
    pub(crate) fn case(&self, name: &str, header: &str, script: &str) -> &Self {
        self.case_of("test.must", name, header, script)
    }

    /// A case of the rule `test.client`, for clients.
    pub(crate) fn client_case(&self, name: &str, header: &str, script: &str) -> &Self {
        self.case_of("test.client", name, &format!("role: client\n{header}"), script)
    }

    pub(crate) fn case_of(&self, rule: &str, name: &str, header: &str, script: &str) -> &Self {
        let text = format!("title: A case of the tests\nrule: {rule}\n{header}\n{script}");
        self.write(&format!("cases/{name}.sio"), &text)
    }

    /// A case that every Socket.IO server passes, and one that none does.
    pub(crate) fn pass_and_fail(&self) -> &Self {
        self.case(
            "good",
            "over: websocket, polling\n",
            "> 40\n< 40{\"sid\":<string>}\n",
        );
        self.case(
            "bad",
            "over: websocket, polling\n",
            "> 40\n< 40{\"sid\":\"always this\"}\n",
        )
    }

    /// Runs `siospec run` on these cases, with further arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let cases = self.arg("cases");
        let mut all = vec!["run", "--cases", &cases];
        all.extend(arguments);
        run(&all)
    }

    /// A target whose server is a Python program.
    pub(crate) fn python_target(&self, name: &str, program: &str) -> String {
        self.write(&format!("{name}/server.py"), program);
        let manifest = format!("name = \"{name}\"\n[server]\ncommand = [\"python3\", \"server.py\"]\n");
        self.write(&format!("{name}/target.toml"), &manifest);
        self.arg(name)
    }
}

/// The beginning of a Python program that answers HTTP as its function `answer` says.
pub(crate) const HTTP_SERVER: &str = r#"
import http.server, os, signal, sys, threading, time
HANDSHAKE = b'0{"sid":"x","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000}'
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, body=b"", kind="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): answer(self, self.path.split("?")[0])
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer(self, self.path.split("?")[0])
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
def serve(): Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// A Python program that answers HTTP with this body of the function `answer(self, path)`, indented by four spaces.
pub(crate) fn http_server(answer: &str) -> String {
    format!("{HTTP_SERVER}\ndef answer(self, path):\n{answer}\nserve()\n")
}

/// What a file holds, read as JSON.
pub(crate) fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}
