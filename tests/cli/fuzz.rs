//! `siospec fuzz codec`: mistakes that were planted in a codec are found, shrunk, written down, and seen again on replay.

use crate::support::{Ended, Folder, run, siospec};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

const CODEC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/codec.py");

/// A campaign on the codec of the tests with these mistakes; its findings are written to `found`.
fn fuzz(folder: &Folder, mistakes: &[&str], arguments: &[&str]) -> Ended {
    let output = folder.arg("found");
    let mut all = vec!["fuzz", "codec", "--output", &output];
    all.extend(arguments);
    all.extend(["--", "python3", CODEC]);
    all.extend(mistakes);
    run(&all)
}

/// Plays the findings again.
fn replay(folder: &Folder, arguments: &[&str], command: &[&str]) -> Ended {
    let cases = folder.arg("found");
    let mut all = vec!["run", "--role", "codec", "--cases", &cases];
    all.extend(arguments);
    if !command.is_empty() {
        all.push("--");
        all.extend(command);
    }
    run(&all)
}

fn table(folder: &Folder) -> String {
    fs::read_to_string(folder.path("found/codec/socket-packet.toml")).unwrap()
}

#[test]
fn a_codec_that_is_right_is_accused_of_nothing() {
    let folder = Folder::new();
    let ended = fuzz(&folder, &[], &["--seed", "5", "--runs", "10000"]).expect(0);
    let ended = ended.says("10000 runs").says("0 classes found").says("--seed 5");
    assert!(
        ended.err.is_empty(),
        "there is no progress in a pipe: {}",
        ended.all()
    );
    assert!(!folder.path("found").exists());
    let output = folder.arg("found");
    run(&[
        "fuzz", "codec", "--runs", "2000", "--seed", "1", "--output", &output,
    ])
    .expect(0)
    .says("fuzzing engine-packet, engine-payload, socket-packet of reference");
}

#[test]
fn planted_mistakes_are_found_and_fail_again_on_replay() {
    let folder = Folder::new();
    let mistakes = ["octal", "trailing", "fraction", "zero"];
    let ended = fuzz(&folder, &mistakes, &["--seed", "3", "--runs", "20000"]).expect(1);
    let vectors = table(&folder);
    for (class, id, smallest) in [
        (
            "decode/accepts/event-trailing",
            "decode-accepts-event-trailing",
            // One character behind the payload, whichever it is.
            "decode = ['2[\"\"]",
        ),
        (
            "decode/differs/event-id-number",
            "decode-differs-event-id-number",
            "decode = ['2010[\"\"]']",
        ),
        (
            "decode/differs/event-data-number",
            "decode-differs-event-data-number",
            "decode = ['2[\"\",1.5]']",
        ),
        (
            "encode/differs/event-front",
            "encode-differs-event-front",
            "encode = '{\"type\":\"event\",\"id\":0,\"data\":[\"\"]}'",
        ),
    ] {
        assert!(
            ended.out.contains(&format!("FOUND    socket-packet/{class}\n")),
            "{class}: {}",
            ended.all()
        );
        assert!(
            vectors.contains(&format!("id = '{id}'\n")) && vectors.contains(smallest),
            "{smallest}\n{vectors}"
        );
    }
    assert_eq!(
        vectors.matches("[[vector]]").count(),
        ended.out.matches("FOUND").count()
    );

    let all = vectors.matches("[[vector]]").count();
    let command = [&["python3", CODEC][..], &mistakes].concat();
    replay(&folder, &[], &command)
        .expect(1)
        .says(&format!("{all} trials failed"));
    replay(&folder, &[], &["python3", CODEC]).expect(0);
    replay(&folder, &[], &[]).expect(0);
    // The command that is printed is one that works.
    let line = ended.out.lines().find(|line| line.contains("replay ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().skip(2).collect();
    let again = run(&words).expect(1).says("1 trial failed").never_says(".sio:");
    // So is the one that it prints in turn.
    let line = again
        .out
        .lines()
        .find(|line| line.contains("= replay: "))
        .unwrap();
    let words: Vec<&str> = line.split_whitespace().skip(3).collect();
    run(&words).expect(1).says("1 trial failed");
}

#[test]
fn a_driver_cannot_write_to_the_terminal() {
    let folder = Folder::new();
    let program = r#"
import json, sys
name, version = "\x1b]0;x\x07toy", "\x1b[2J"
print(json.dumps({"hello": 1, "name": name, "version": version, "codecs": ["engine-packet"]}), flush=True)
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "unsupported": "nothing is"}), flush=True)
"#;
    folder.write("driver.py", program);
    let ended = run(&[
        "--color",
        "always",
        "fuzz",
        "codec",
        "--runs",
        "1",
        "-o",
        &folder.arg("found"),
        "--",
        "python3",
        &folder.arg("driver.py"),
    ]);
    assert!(ended.all().contains("\\x1b]0;x\\x07toy"), "{}", ended.all());
    assert!(!ended.out.contains("\u{1b}]0") && !ended.out.contains("\u{1b}[2J"));
}

#[test]
fn a_campaign_that_tries_nothing_does_not_hold() {
    let folder = Folder::new();
    // The driver is one of `socket-packet` alone.
    fuzz(&folder, &[], &["--codec", "engine-packet", "--runs", "100"])
        .expect(4)
        .says("no input was tried");
    fuzz(&folder, &[], &["--runs", "0"]).expect(4);
    fuzz(&folder, &["unable"], &["--runs", "2000"])
        .expect(4)
        .says("nothing was compared")
        .says("siospec driver check");
}

#[test]
fn a_driver_that_repeats_nothing_cannot_be_measured() {
    let folder = Folder::new();
    fuzz(&folder, &[], &["--seed", "5", "--runs", "256", "--speed"])
        .expect(0)
        .says("its driver repeats nothing");
}

#[test]
fn the_same_seed_finds_the_same() {
    let found = |seed: &str| {
        let folder = Folder::new();
        fuzz(
            &folder,
            &["trailing"],
            &["--seed", seed, "--runs", "3000", "--time", "10m"],
        )
        .expect(1);
        table(&folder)
    };
    assert_eq!(found("8"), found("8"));
    assert_ne!(found("8"), found("9"));
}

#[test]
fn an_input_that_ends_the_process_is_found_and_no_other_run_is_lost() {
    let folder = Folder::new();
    let ended = fuzz(&folder, &["crash"], &["--seed", "2", "--runs", "1024"])
        .expect(1)
        .says("1024 runs");
    let ended = ended.says("FOUND    socket-packet/decode/crash/exit-status-j-fatal-a-text-ended-early");
    assert_eq!(ended.out.matches("FOUND").count(), 1, "{}", ended.all());
    // The text alone in the plainest packet of the type in which it was seen first, such as `2["\u0000"]`.
    let vectors = table(&folder);
    let decode = vectors.lines().find(|line| line.starts_with("decode = "));
    assert!(
        decode.is_some_and(|line| line.contains("\"\\u0000\"") && line.len() < 45),
        "{vectors}"
    );
    replay(&folder, &[], &["python3", CODEC, "crash"])
        .expect(1)
        .says("exit status: 9");
    replay(&folder, &[], &["python3", CODEC]).expect(0);
}

/// Supports nothing, and so is fast; ends once in the middle of it. Writes down which batches it answers.
const ENDS_ONCE: &str = r#"
import hashlib, json, os, sys
log = open(sys.argv[1], "a")
print(json.dumps({"hello": 1, "name": "x", "version": "1", "codecs": ["engine-packet"]}), flush=True)
for count, line in enumerate(sys.stdin):
    if count == 12 and not os.path.exists(sys.argv[1] + ".ended"):
        open(sys.argv[1] + ".ended", "w").close()
        os._exit(9)
    request = json.loads(line)
    if len(request.get("inputs", [])) > 1:
        print(hashlib.md5(json.dumps(request["inputs"]).encode()).hexdigest(), file=log, flush=True)
    print(json.dumps({"id": request["id"], "unsupported": "nothing is"}), flush=True)
"#;

#[test]
fn what_a_lost_process_was_sent_ahead_is_asked_of_the_next_one() {
    let folder = Folder::new();
    folder.write("driver.py", ENDS_ONCE);
    let (driver, log, found) = (folder.arg("driver.py"), folder.arg("log"), folder.arg("found"));
    let campaign = [
        "fuzz", "codec", "--seed", "1", "--runs", "40000", "--output", &found, "--", "python3",
    ];
    run(&[&campaign[..], &[&driver, &log]].concat())
        .expect(1)
        .says("40000 runs")
        .says("crash/exit-status-j/together");
    let log = fs::read_to_string(log).unwrap();
    let batches: Vec<&str> = log.lines().collect();
    let different: std::collections::BTreeSet<&str> = batches.iter().copied().collect();
    assert_eq!((batches.len(), different.len()), (40, 40), "{log}");
}

#[test]
fn an_input_that_is_never_answered_is_found() {
    let folder = Folder::new();
    fuzz(
        &folder,
        &["hang"],
        &["--seed", "2", "--runs", "768", "--timeout", "4s"],
    )
    .expect(1)
    .says("FOUND    socket-packet/decode/hang")
    .says("--timeout 4s");
    assert!(
        table(&folder).contains("decode = ['3/a b']"),
        "{}",
        table(&folder)
    );
    replay(&folder, &["--timeout", "2s"], &["python3", CODEC, "hang"])
        .expect(1)
        .says("hung");
    replay(&folder, &[], &["python3", CODEC]).expect(0);
}

#[test]
fn an_input_that_makes_the_process_grow_is_found() {
    let folder = Folder::new();
    fuzz(
        &folder,
        &["leak"],
        &["--seed", "3", "--runs", "4000", "--max-memory", "64"],
    )
    .expect(1)
    .says("FOUND    socket-packet/decode/memory")
    .says("--max-memory 64");
    let vectors = table(&folder);
    // What is left is a header and the attachment that is kept; which header, the memory of the machine decides.
    let decode = vectors.lines().find(|line| line.starts_with("decode = "));
    assert!(
        decode.is_some_and(|line| line.contains("1-")
            && line.ends_with("', { hex = \"\" }]")
            && line.len() < 40)
            && vectors.contains("times = "),
        "{vectors}"
    );
    let limit = ["--max-memory", "64"];
    replay(&folder, &limit, &["python3", CODEC, "leak"])
        .expect(1)
        .says("more than the 64 MiB it may");
    replay(&folder, &limit, &["python3", CODEC]).expect(0);
}

#[test]
fn an_impossible_answer_is_told_as_one() {
    let folder = Folder::new();
    let vector = "codec = \"socket-packet\"\n[[vector]]\nid = \"x\"\nrule = \"codec.sio.decode.event\"\ndecode = ['2[\"rubbish\"]']\n\
                  expect = ['{\"type\":\"event\",\"data\":[\"rubbish\"]}']\n";
    folder.write("own/codec/socket-packet.toml", vector);
    let own = folder.arg("own");
    fuzz(
        &folder,
        &["rubbish"],
        &["--cases", &own, "--seed", "1", "--runs", "20000"],
    )
    .expect(1)
    .says("FOUND    socket-packet/decode/broken/it-has-no-list")
    .says("20000 runs");
    assert!(
        table(&folder).contains("decode = ['rubbish']"),
        "{}",
        table(&folder)
    );
}

#[test]
fn listed_classes_do_not_fail_a_campaign() {
    let folder = Folder::new();
    let manifest = format!(
        "name = \"lax\"\n[codec]\ncommand = [\"python3\", \"{CODEC}\", \"trailing\"]\n\
         [[fuzz]]\nclass = \"socket-packet/decode/accepts/*\"\nwhy = \"it is lax\"\n\
         [[fuzz]]\nclass = \"socket-packet/decode/hang\"\nwhy = \"it was slow\"\n"
    );
    folder.write("lax/target.toml", &manifest);
    let (target, output) = (folder.arg("lax"), folder.arg("found"));
    let arguments = [
        "fuzz", "codec", &target, "--seed", "3", "--runs", "3000", "--output", &output,
    ];
    run(&arguments)
        .expect(0)
        .says("known    socket-packet/decode/accepts/event-trailing: it is lax")
        .says("listed, and not seen this time: socket-packet/decode/hang")
        .never_says("FOUND");
    assert!(!folder.path("found").exists());
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is() {
    let folder = Folder::new();
    run(&["fuzz", "codec", "targets/nowhere"])
        .expect(2)
        .says("there is no target at `targets/nowhere`");
    run(&["fuzz", "codec", "nonsense"])
        .expect(2)
        .says("`nonsense` is no target");
    run(&["fuzz", "codec", "--codec", "x"])
        .expect(2)
        .says("expected engine-packet, engine-payload, socket-packet");
    run(&["fuzz", "codec", "--", "/nowhere/program"])
        .expect(3)
        .says("cannot be run");
    run(&["fuzz", "codec", "--", "python3", "-c", "print('hello')"])
        .expect(3)
        .says("which is no hello");
    folder.write(
        "rubbish/codec/socket-packet.toml",
        "codec = \"socket-packet\"\n[[vector]]\nid = \"x\"\n",
    );
    let rubbish = folder.arg("rubbish");
    for option in ["--cases", "--output"] {
        run(&["fuzz", "codec", option, &rubbish, "--runs", "1"])
            .expect(2)
            .says("socket-packet.toml:2:");
    }
}

#[test]
fn an_interrupted_campaign_keeps_what_it_found() {
    let folder = Folder::new();
    let mut child = siospec()
        .args(["fuzz", "codec", "--time", "10m", "--output", &folder.arg("found")])
        .args(["--", "python3", CODEC, "trailing"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("FOUND")));
    let reader = std::thread::spawn(move || lines.map(Result::unwrap).collect::<Vec<_>>().join("\n"));
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let rest = reader.join().unwrap();
    assert!(rest.contains("runs/s") && rest.contains("class"), "{rest}");
    assert!(table(&folder).contains("[[vector]]"));
}
