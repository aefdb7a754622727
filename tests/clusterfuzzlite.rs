//! The shell parts of ClusterFuzzLite and OSS-Fuzz, with a cargo that only claims to build: what ends up in `$OUT`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A cargo whose `fuzz list` reads `targets`, and whose `fuzz build` makes programs that write one seed, as real ones do.
const CARGO: &str = r#"#!/bin/bash -eu
[ "$1" = fuzz ] || exit 9
case "$2" in
  list) cat "$FAKE/targets" ;;
  build)
    host=$(rustc -vV | sed -n 's/^host: //p')
    mkdir -p "fuzz/target/$host/release"
    while read -r target; do
      printf '#!/bin/bash -eu\n[ "$1" = -runs=0 ]\n%s\n' "$(cat "$FAKE/program")" > "fuzz/target/$host/release/$target"
      chmod +x "fuzz/target/$host/release/$target"
    done < "$FAKE/targets" ;;
  *) exit 9 ;;
esac
"#;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A copy of what the image holds, with these targets, each of which does `program` when it starts.
    fn new(targets: &str, program: &str) -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["src/siospec/fuzz/regressions/payload", "out", "fake"] {
            fs::create_dir_all(place.path(folder)).unwrap();
        }
        for (from, to) in [
            (".clusterfuzzlite/build.sh", "src/build.sh"),
            ("fuzz/socketio.dict", "src/siospec/fuzz/socketio.dict"),
        ] {
            fs::copy(root.join(from), place.path(to)).unwrap();
        }
        fs::write(
            place.path("src/siospec/fuzz/regressions/payload/broke-once"),
            "4\u{1e}",
        )
        .unwrap();
        fs::write(place.path("fake/cargo"), CARGO).unwrap();
        fs::set_permissions(place.path("fake/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(place.path("fake/targets"), targets).unwrap();
        fs::write(place.path("fake/program"), program).unwrap();
        place
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn build(&self) -> Output {
        let path = format!(
            "{}:{}",
            self.path("fake").display(),
            std::env::var("PATH").unwrap()
        );
        Command::new("bash")
            .args(["-eu", self.path("src/build.sh").to_str().unwrap()])
            .env("SRC", self.path("src"))
            .env("OUT", self.path("out"))
            .env("FAKE", self.path("fake"))
            .env("PATH", path)
            .output()
            .unwrap()
    }

    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.path("out")).unwrap();
        let mut files: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        files
    }

    /// The names of the files in the seed corpus of a target, by the list at the end of the archive.
    fn has_seed(&self, target: &str, name: &str) -> bool {
        let archive = fs::read(self.path(&format!("out/{target}_seed_corpus.zip"))).unwrap();
        archive
            .windows(name.len())
            .any(|window| window == name.as_bytes())
    }
}

const WRITES_A_SEED: &str = r#"echo seed > "$SIOSPEC_SEEDS/seed-1""#;

#[test]
fn every_target_comes_with_seeds_dictionary_and_options() {
    let place = Place::new("payload\nserver\n", WRITES_A_SEED);
    let output = place.build();
    assert!(output.status.success(), "{output:?}");
    let expected = ["", ".dict", ".options", "_seed_corpus.zip"];
    let expected = ["payload", "server"].map(|target| expected.map(|end| format!("{target}{end}")));
    assert_eq!(place.files(), expected.concat());
    assert!(place.has_seed("payload", "seed-1") && place.has_seed("server", "seed-1"));
    assert!(place.has_seed("payload", "broke-once") && !place.has_seed("server", "broke-once"));
    let dictionary = fs::read_to_string(place.path("out/server.dict")).unwrap();
    assert!(dictionary.contains("\"2probe\""));
}

#[test]
fn a_target_that_breaks_when_it_starts_ends_the_build() {
    let place = Place::new("payload\nserver\n", "exit 77");
    let output = place.build();
    assert!(!output.status.success(), "{output:?}");
    assert!(
        !place.files().contains(&"server".to_owned()),
        "{:?}",
        place.files()
    );
}

#[test]
fn a_target_without_seeds_is_not_passed_over() {
    let place = Place::new("server\n", "true");
    assert!(!place.build().status.success());
}

/// What libFuzzer accepts as a line of a dictionary: an optional name, and a quoted text with escapes.
#[test]
fn the_dictionary_is_one() {
    let text = include_str!("../fuzz/socketio.dict");
    let mut words = 0;
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let inner = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
        let mut rest = inner.unwrap_or_else(|| panic!("{line} has no quotes")).chars();
        while let Some(letter) = rest.next() {
            assert!(letter.is_ascii_graphic() || letter == ' ', "{line}");
            assert_ne!(letter, '"', "{line}");
            if letter == '\\' {
                let escaped = rest.next();
                let digits = |rest: &mut std::str::Chars<'_>| {
                    rest.take(2).filter(char::is_ascii_hexdigit).count() == 2
                };
                assert!(
                    matches!(escaped, Some('\\' | '"')) || escaped == Some('x') && digits(&mut rest),
                    "{line}"
                );
            }
        }
        words += 1;
    }
    assert!(words > 50);
}
