//! The command line itself: help, mistakes, colours, closed pipes.

use crate::support::{Folder, run, siospec};
use std::io::Read as _;
use std::process::Stdio;

#[test]
fn help_shows_examples_and_exit_codes() {
    let help = run(&["--help"])
        .expect(0)
        .says("siospec run http://localhost:3000")
        .says("130  interrupted");
    assert!(help.err.is_empty(), "{}", help.all());
    run(&["run", "--help"])
        .expect(0)
        .says("Targets:")
        .says("--no-skips");
    run(&["--version"]).expect(0).says(env!("CARGO_PKG_VERSION"));
}

#[test]
fn mistakes_are_usage_errors_that_say_what_is_meant() {
    run(&["runn"]).expect(2).says("run");
    run(&["run", "--hazard"]).expect(2).says("--hazards");
    run(&["run", "--level", "mustt"])
        .expect(2)
        .says("expected one of must");
    run(&["run", "--partition", "1/4"]).expect(2).says("hash:K/N");
    run(&["run", "--max-wait", "10"])
        .expect(2)
        .says("500ms, 10s or 2m");
    for wrong in [
        ["--timeout", "0s"],
        ["--max-memory", "0"],
        ["--connect-timeout", "NaN"],
    ] {
        run(&["run", wrong[0], wrong[1]]).expect(2).says(wrong[0]);
    }
    run(&["run", "targets/none-of-that-name"])
        .expect(2)
        .says("no target at");
    run(&["run", "localhost:3000"])
        .expect(2)
        .says("write http://localhost:3000");
    run(&["run", "ftp://localhost"]).expect(2).says("http");
    run(&["run", "http://localhost:1", "--", "true"])
        .expect(2)
        .says("name one");
    run(&["run", "http://localhost:1", "--fault", "x"])
        .expect(2)
        .says("built-in reference");
    run(&["run", "--fault", "no-such-fault"])
        .expect(2)
        .says("siospec faults");
}

#[test]
fn what_an_unset_variable_leaves_is_no_target() {
    run(&["run", ""]).expect(2).says("is a variable not set?");
    run(&["run", "", "server/ack"]).expect(2);
    run(&["list", ""]).expect(2).says("is empty");
    run(&["run", "server/ack", "--"])
        .expect(2)
        .says("no command stands after `--`");
    run(&["fuzz", "codec", "--runs", "1", "--"]).expect(2);
    run(&["run", "--", ""]).expect(3);
    let folder = Folder::new();
    folder.pass_and_fail();
    folder.run(&["good", "--", "false", "--"]).expect(3);
}

#[test]
fn a_pattern_that_matches_nothing_selects_nothing() {
    run(&["run", "no-such-case-anywhere"])
        .expect(4)
        .says("`no-such-case-anywhere` matches no case");
    run(&["list", "--rule", "no.such.rule"]).expect(4);
    run(&["show", "no-such-case-anywhere"]).expect(4);
    let folder = Folder::new();
    folder.pass_and_fail();
    folder
        .run(&["good", "no-such-case"])
        .expect(4)
        .says("no-such-case");
    folder.run(&["good", "--over", "upgraded"]).expect(4);
}

#[test]
fn a_pattern_must_match_a_case_of_whom_is_tested() {
    let folder = Folder::new();
    folder.pass_and_fail();
    folder.client_case("of-a-client", "over: websocket\n", "@> connect /\n> 40\n");
    folder
        .run(&["http://127.0.0.1:9", "good", "of-a-client"])
        .expect(4)
        .says("`of-a-client` matches no case of a server");
    folder.run(&["--role", "client", "good"]).expect(4);
    folder
        .run(&["--rule", "no.such.rule"])
        .expect(4)
        .says("no case stands on a rule `no.such.rule`")
        .says("siospec rules");
}

#[test]
fn a_wrong_case_file_is_shown_where_it_is_wrong() {
    let folder = Folder::new();
    folder.case("wrong", "ovr: polling\n", "> 40\n");
    folder.run(&[]).expect(2).says("wrong.sio:3:1").says("ovr");
    run(&["run", "--cases", "/no/such/folder"])
        .expect(2)
        .says("/no/such/folder");
}

#[test]
fn one_wrong_file_hides_no_other() {
    let folder = Folder::new();
    folder.case("a", "", &"nonsense\n".repeat(40));
    folder.case("b", "over: pollin\n", "> 40\n");
    folder.write(
        "cases/c.sio",
        "title: Not a text\nrule: test.must\n\n> GET /x\n< 200\n",
    );
    let c = folder.path("cases/c.sio");
    let mut bytes = std::fs::read(&c).unwrap();
    bytes[10] = 0xff;
    std::fs::write(&c, bytes).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", folder.path("cases/d.sio")).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(folder.path("cases/e.sio"))
            .status();
        assert!(made.unwrap().success());
    }
    let told = folder.run(&[]).expect(2);
    let told = told
        .says("a.sio:4:1")
        .says("b.sio:3:7")
        .says("did you mean `polling`?")
        .never_says("this channel is no WebSocket\n --> b.sio")
        .says("c.sio:1:11")
        .says("text in UTF-8");
    let told = if cfg!(unix) {
        told.says("d.sio:1:1").says("e.sio:1:1").says("this is no file")
    } else {
        told
    };
    told.says("more errors");
}

#[test]
fn what_cannot_be_read_is_said_once() {
    for arguments in [["--known", "/no/such/file"], ["--cases", "/no/such/file"]] {
        let told = run(&["run", arguments[0], arguments[1]]).expect(2);
        assert_eq!(told.err.matches("No such file").count(), 1, "{}", told.all());
    }
}

#[test]
fn a_wrong_manifest_is_shown_where_it_is_wrong() {
    let folder = Folder::new();
    folder
        .pass_and_fail()
        .write("x/target.toml", "name = \"x\"\n[server]\ncomand = [\"true\"]\n");
    folder
        .run(&[&folder.arg("x")])
        .expect(2)
        .says("target.toml:3:1")
        .says("comand");
    folder.write("x/target.toml", "name = \"x\"\n[client]\ncommand = [\"true\"]\n");
    folder
        .run(&["--role", "server", &folder.arg("x")])
        .expect(2)
        .says("[server]");
    folder.run(&[&folder.arg("x")]).expect(4);
}

#[test]
fn colours_are_for_those_who_want_them() {
    let escape = "\u{1b}[";
    run(&["list", "no-such-case"]).never_says(escape);
    run(&["show", "server/connect/", "--color", "always"])
        .expect(2)
        .never_says(escape);
    let case = run(&["list", "--format", "json"]).expect(0);
    let cases: serde_json::Value = serde_json::from_str(&case.out).unwrap();
    let id = cases[0]["id"].as_str().unwrap();
    run(&["show", id, "--color", "always"]).expect(0).says(escape);
    run(&["show", id]).expect(0).never_says(escape);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = siospec()
        .args(["list", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stderr.is_empty());
}
